"""A network as C: its weights, and the forward pass."""

from typing import Any

import numpy as np

from ...kernels import equations
from ...kernels.activations import Activation
from ..portable import PortableLayer, PortableNetwork
from .literals import C_TYPES, array, identifiers, number
from .translate import Translator, UntranslatableError

__all__ = [
    "LANES", "SUM_OF_LANES", "NetworkSource", "at", "indices", "is_narrow", "padded", "shape",
]  # fmt: skip

Array = np.ndarray[Any, Any]

#: Numbers side by side that compilers make vectors of; sizes are multiples of it.
LANES = 8
#: Of an array of as many partial sums.
SUM_OF_LANES = "((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]))"
#: A layer of at most as many nodes sums over j in lanes; a larger one has its nodes in lanes: so
#: many that a compiler makes vectors of the loop instead of writing it out.
_NARROW = 16


def padded(n: int) -> int:
    """The next multiple of the lanes."""
    return -(-n // LANES) * LANES


def at(array: str, first: int) -> str:
    """An array from one of its elements on."""
    return f"{array} + {first}" if first else array


def indices(lines: list[str]) -> str:
    """The declaration of the indices that loops use."""
    used = [name for name in "ijk" if f"for ({name} = " in "".join(lines)]
    return f"    int {', '.join(used)};\n"


def is_narrow(n_out: int) -> bool:
    """Whether a layer's weights are stored by rows, W[i][j], rather than by columns, W[j][i]."""
    return n_out <= _NARROW


def shape(n_out: int, n_in: int) -> tuple[int, int]:
    """The shape in which the weights of a layer are stored."""
    return (n_out, padded(n_in)) if is_narrow(n_out) else (n_in, padded(n_out))


class NetworkSource:
    """The C of one network of a model.

    Parameters
    ----------
    prefix : str
        What names begin with.
    network : PortableNetwork
        The network.
    translator : Translator
        That of the header.
    k : int
        The number of the network in the model, from 1.
    """

    def __init__(
        self, prefix: str, network: PortableNetwork, translator: Translator, k: int
    ) -> None:
        self.prefix, self.network, self._translator = prefix, network, translator
        self.suffix = f"_{k}" if k > 1 else ""
        self.real = C_TYPES[network.spec.dtype.name]
        self.sizes = network.spec.sizes
        self.layers = list(network.layers)

    @property
    def weights_type(self) -> str:
        """The name of the type of its weights."""
        return f"{self.prefix}_weights{self.suffix}"

    def number(self, value: Any) -> str:
        """A number of its dtype as C has it."""
        return number(value, self.network.spec.dtype)

    # --- weights -----------------------------------------------------------------------------

    def type_of_weights(self) -> str:
        """The definition of the type."""
        fields = []
        for l, layer in enumerate(self.layers, start=1):
            rows, columns = shape(*layer.W.shape)
            order = "[i][j]" if is_narrow(len(layer.W)) else "[j][i]"
            of = f"{layer.W.shape[1]} -> {len(layer.W)}, {layer.f.name}"
            fields.append(
                f"    {self.real} W{l}[{rows} * {columns}], b{l}[{padded(len(layer.W))}];"
                f" /* {of}; W{order} */"
            )
        return "\n".join(["typedef struct {", *fields, f"}} {self.weights_type};"])

    def weights(self, name: str) -> str:
        """The definition of a constant with the weights, zeros behind those of each row."""
        parts = []
        for l, layer in enumerate(self.layers, start=1):
            W = layer.W if is_narrow(len(layer.W)) else layer.W.T
            stored = np.zeros(shape(*layer.W.shape), layer.W.dtype)
            stored[: W.shape[0], : W.shape[1]] = W
            bias = np.zeros(padded(len(layer.W)), layer.W.dtype)
            bias[: len(layer.b)] = layer.b
            of = f"    /* layer {l} */\n"
            numbers = [array(values, bias.dtype) for values in (stored.ravel(), bias)]
            parts.append(f"{of}    {numbers[0]},\n    {numbers[1]}")
        inside = ",\n".join(parts)
        return f"static const {self.weights_type} {name} = {{\n{inside}\n}};"

    # --- loops -------------------------------------------------------------------------------

    def activation(self, f: Activation, l: int, derivative: bool = False) -> str:
        """The name in C of f or f' of a layer."""
        stem = ("derivative_" if derivative else "activation_") + identifiers([f.name])[0]
        try:
            return self._translator.scalar(f.df if derivative else f.f, stem)
        except UntranslatableError as error:
            raise ValueError(
                f"layer {l}: got the activation {f.name!r}, which cannot be written in C ({error});"
                " expected arithmetic, conditions, and functions of fastgrad.kernels.elementary"
            ) from None

    def affine(self, layer: PortableLayer) -> tuple[str, str]:
        """The name of the function of (1) for the layer's shape, and its definition."""
        n_out, n_in = layer.W.shape
        rows, columns = shape(n_out, n_in)
        name = f"{self.prefix}_affine_{n_in}_{n_out}"
        real, width = self.real, padded(n_out)
        head = (
            f"static inline void {name}(const {real} *W, const {real} *b,"
            f" const {real} *a, {real} *u) {{\n"
        )
        if is_narrow(n_out):
            return name, head + (
                f"    int i, j, k;\n"
                f"    for (i = 0; i < {rows}; ++i) {{ /* eq. (1): u_i = b_i + sum_j W_ij a_j */\n"
                f"        {real} sum[{LANES}] = {{0}};\n"
                f"        for (j = 0; j < {columns}; j += {LANES})\n"
                f"            for (k = 0; k < {LANES}; ++k)\n"
                f"                sum[k] += W[i * {columns} + j + k] * a[j + k];\n"
                f"        u[i] = b[i] + ({SUM_OF_LANES});\n"
                f"    }}\n" + self._zeros("u", n_out, width) + "}"
            )
        return name, head + (
            f"    {real} sum[{width}];\n"
            f"    int i, j;\n"
            f"    for (i = 0; i < {width}; ++i) sum[i] = b[i];\n"
            f"    for (j = 0; j < {n_in}; ++j) /* eq. (1): u_i = b_i + sum_j W_ij a_j */\n"
            f"        for (i = 0; i < {width}; ++i) sum[i] += W[j * {width} + i] * a[j];\n"
            f"    for (i = 0; i < {width}; ++i) u[i] = sum[i];\n}}"
        )

    def _zeros(self, name: str, n: int, width: int) -> str:
        """The line that sets what fills an array to 0, if there is anything."""
        return f"    for (i = {n}; i < {width}; ++i) {name}[i] = 0;\n" if width > n else ""

    def definitions_of_affine(self) -> dict[str, str]:
        """The functions of (1) by name, one per shape."""
        return dict(map(self.affine, self.layers))

    def _inputs(self) -> str:
        """a0 from x."""
        n, scaled = self.sizes[0], self.network.of_inputs
        value = "x[j]"
        if scaled is not None:
            of = f"{self.prefix}_input"
            value = f"(x[j] - {of}_mean{self.suffix}[j]) * {of}_scale{self.suffix}[j]"
        return f"    for (j = 0; j < {n}; ++j) a0[j] = {value};\n"

    def constants(self) -> list[str]:
        """Mean and scale of inputs and targets."""
        made, n = [], self.sizes
        for what, pair, size, dtype in (
            ("input", self.network.of_inputs, n[0], self.network.spec.dtype),
            ("target", self.network.of_targets, n[-1], np.dtype(np.float64)),
        ):
            for name, values in zip(("mean", "scale"), pair or (), strict=False):
                full = f"{self.prefix}_{what}_{name}{self.suffix}"
                c_type, initialiser = C_TYPES[dtype.name], array(values, dtype)
                made.append(f"static const {c_type} {full}[{size}] = {initialiser};")
        return made

    def forward_lines(self) -> tuple[list[str], list[str]]:
        """The arrays and the statements of a forward pass, from x on; a{L} are the outputs."""
        declared = [f"    {self.real} a0[{padded(self.sizes[0])}] = {{0}};"]
        lines = [self._inputs()]
        for l, layer in enumerate(self.layers, start=1):
            width, is_linear = padded(len(layer.W)), layer.f.name == "identity"
            u = f"a{l}" if is_linear else f"u{l}"
            names = f"a{l}[{width}]" + ("" if is_linear else f", u{l}[{width}]")
            declared.append(f"    {self.real} {names};")
            name, _ = self.affine(layer)
            lines.append(f"    {name}(weights->W{l}, weights->b{l}, a{l - 1}, {u});\n")
            if not is_linear:
                f = self.activation(layer.f, l)
                n = len(layer.W)
                count = n if is_narrow(n) else width
                lines.append(
                    f"    for (i = 0; i < {count}; ++i) a{l}[i] = {f}(u{l}[i]);"
                    f" /* eq. (2): a_i = f(u_i) */\n" + self._zeros(f"a{l}", n, width)
                )
        return declared, lines

    def link_lines(self) -> list[str]:
        """The statements that apply the links to the outputs and write p."""
        L, n_out = len(self.layers), self.sizes[-1]
        lines, first = [], 0
        for head in self.network.spec.heads:
            link = {
                "softmax": equations.softmax_link,
                "sigmoid": equations.sigmoid_link,
                "exp": equations.exp_link,
            }.get(head.cost.link)
            if link is not None:
                name = self._translator.procedure(link, ["real*", "int"], f"{head.cost.link}_link")
                lines.append(f"    {name}({at(f'a{L}', first)}, {head.nodes});\n")
            first += head.nodes
        value = f"a{L}[i]"
        if self.network.of_targets is not None:
            of = f"{self.prefix}_target"
            scaled = f"a{L}[i] * {of}_scale{self.suffix}[i] + {of}_mean{self.suffix}[i]"
            value = f"({self.real})({scaled})"
        return [*lines, f"    for (i = 0; i < {n_out}; ++i) p[i] = {value};\n"]

    def forward(self) -> str:
        """The function from inputs x to predictions p."""
        declared, lines = self.forward_lines()
        name = f"{self.prefix}_forward{self.suffix}"
        head = (
            f"static inline void {name}(const {self.weights_type} *weights, const {self.real} *x,"
            f" {self.real} *p) {{\n"
        )
        lines += self.link_lines()
        return head + "\n".join([*declared, indices(lines)]) + "".join(lines) + "}"
