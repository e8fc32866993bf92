"""The dense layer: u_i = b_i + sum_j W_ij a_j, equations (1) and (4) to (7)."""

from ...codegen import simd
from ...codegen.jit import kernel
from ...codegen.signatures import Address, Range
from ...codegen.tile_shapes import panels_in_l2
from ...kernels.equations import (
    affine,
    affine_panels,
    backpropagate,
    backpropagate_panels,
    bias_gradient,
    gradient,
    weight_gradient,
)
from ..descriptor import (
    Context,
    biases_of,
    column_blocks_at,
    layer_at,
    panels_at,
    vector_at,
    weights_of,
)
from ..partition import full_range
from .base import Columns, LayerKind, PaddedSize

__all__ = [
    "DENSE", "backward", "backward_one", "forward", "forward_one", "parameter_gradient",
    "parameter_gradient_of_one",
]  # fmt: skip

_panels_in_l2 = kernel(panels_in_l2)


@kernel
def _panels_in_cache(ctx: Context, n: int) -> int:
    """Return how many panels of n rows fit in the L2 cache while the other operand is streamed."""
    return _panels_in_l2(max(n, 1) * simd.width(ctx.dtype_token))


def _columns(before: PaddedSize) -> Columns:
    """Whole column blocks, but rows are not a multiple of 64 numbers apart.

    (5) reads down a column of W, which would otherwise map to a few sets of the cache.
    """
    row_stride = before.padded_nodes + 16 * (before.padded_nodes % 64 == 0)
    return Columns(before.nodes, row_stride)


# --- Many samples -------------------------------------------------------------------------------


@kernel
def forward(ctx: Context, l: int, a_before: Address, nodes: Range, panels: Range) -> None:
    """Equation (1)."""
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    W = weights_of(ctx, ctx.descriptor.parameters, layer)
    b = biases_of(ctx, ctx.descriptor.parameters, layer)
    u = panels_at(ctx, layer, layer.u)
    a = panels_at(ctx, before, a_before)
    step = _panels_in_cache(ctx, before.nodes)
    for p in range(panels[0], panels[1], step):
        affine_panels(W, b, a, u, before.nodes, nodes, (p, min(p + step, panels[1])))


@kernel
def backward(ctx: Context, l: int, panels: Range) -> None:
    """Equation (5) and, for a hidden layer before this one, (3)."""
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    W = weights_of(ctx, ctx.descriptor.parameters, layer)
    d = panels_at(ctx, layer, layer.d)
    df = panels_at(ctx, before, before.u)  # where u was
    d_before = panels_at(ctx, before, before.d)
    nodes, step = full_range(before.rows), _panels_in_cache(ctx, layer.nodes)
    for p in range(panels[0], panels[1], step):
        block = p, min(p + step, panels[1])
        backpropagate_panels(d, W, df, d_before, layer.nodes, nodes, block, l > 1)


@kernel
def parameter_gradient(
    ctx: Context, l: int, dC: Address, nodes: Range, panels: Range, accumulates: bool
) -> None:
    """Equations (6) and (7)."""
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    own_copy = ctx.t * ctx.descriptor.copy_bytes if l == 1 else 0
    d = panels_at(ctx, layer, layer.d)
    aT = column_blocks_at(ctx, before, before.aT + own_copy)
    dC_dW, dC_db = weights_of(ctx, dC, layer), biases_of(ctx, dC, layer)
    step = _panels_in_cache(ctx, (panels[1] - panels[0]) * simd.width(ctx.dtype_token))
    for q in range(0, len(aT), step):
        column_blocks = q, min(q + step, len(aT))
        weight_gradient(d, aT, dC_dW, panels, nodes, column_blocks, accumulates)
    bias_gradient(d, dC_db, panels, nodes, accumulates)


# --- One sample ---------------------------------------------------------------------------------


@kernel
def forward_one(ctx: Context, l: int) -> None:
    """Equation (1)."""
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    W = weights_of(ctx, ctx.descriptor.parameters, layer)
    b = biases_of(ctx, ctx.descriptor.parameters, layer)
    affine(W, b, vector_at(ctx, before, before.a), vector_at(ctx, layer, layer.u))


@kernel
def backward_one(ctx: Context, l: int) -> None:
    """Equation (5)."""
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    W = weights_of(ctx, ctx.descriptor.parameters, layer)
    dC_db, dC_da = vector_at(ctx, layer, layer.d), vector_at(ctx, before, before.d)
    backpropagate(dC_db, W, dC_da)


@kernel
def parameter_gradient_of_one(ctx: Context, l: int) -> None:
    """Equation (4); dC/db is d."""
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    d, dC_db = vector_at(ctx, layer, layer.d), biases_of(ctx, ctx.descriptor.dC, layer)
    gradient(d, vector_at(ctx, before, before.a), weights_of(ctx, ctx.descriptor.dC, layer))
    for i in range(layer.nodes):
        dC_db[i] = d[i]


#: Every node of the layer is connected to every node of the layer before.
DENSE = LayerKind(
    "dense", _columns, forward, backward, parameter_gradient,
    forward_one, backward_one, parameter_gradient_of_one, is_compiled_into_passes=True,
)  # fmt: skip
