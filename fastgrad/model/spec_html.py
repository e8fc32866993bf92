"""A network in a notebook: its layers as a table, with a small drawing."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

from .. import validation
from ..markup import drawing, table
from .layer import Layer
from .settings import Settings, training_settings
from .spec import NetworkSpec
from .standardization import Inputs, Targets

__all__ = ["spec_html"]

_MAX_NODES, _MAX_LAYERS, _MAX_NAMES = 6, 12, 5  # that are shown
_GAP, _ROW = 64, 14  # pixels between layers, and between nodes


def spec_html(spec: NetworkSpec, note: str = "") -> str:
    """Return the description of a network as HTML.

    Parameters
    ----------
    spec : NetworkSpec
        The network's.
    note : str
        What else is to be said of it.
    """
    costs = [head.cost.name for head in spec.heads]
    if len(costs) > 1:
        costs = [f"{head.cost.name} ({head.nodes:,})" for head in spec.heads]
    pairs = list(pairwise(spec.sizes))
    total = sum((n_in + 1) * n_out for n_in, n_out in pairs)
    facts = f"Network, {total:,} parameters", f"cost {' + '.join(costs)}", str(spec.dtype), note
    of_inputs = filter(None, (_changed(spec.inputs, Inputs), _names(spec.inputs["names"])))
    rows = [("inputs", f"{spec.sizes[0]:,}", "", "", "", "; ".join(of_inputs))]
    of_layers = zip(pairs, spec.activations, spec.layers, strict=True)
    for l, ((n_in, n_out), f, settings) in enumerate(of_layers, start=1):
        shape, count = f"{n_out:,} x {n_in:,}", f"{(n_in + 1) * n_out:,}"
        changed = _changed(settings, Layer)
        rows.append((f"layer {l}", f"{n_out:,}", f.name, shape, count, changed))
    if changed := _changed(spec.targets, Targets):
        rows.append(("targets", "", "", "", "", changed))
    header = ("", "nodes", "activation", "W", "parameters", "settings")
    listed = table("; ".join(filter(None, facts)), header, rows)
    return _network(spec.sizes) * (len(spec.sizes) <= _MAX_LAYERS) + listed


def _changed(settings: Settings, part: type[Layer | Inputs | Targets]) -> str:
    """The settings that are not the defaults, but for names."""
    defaults = training_settings(part)
    changed = {k: v for k, v in settings.items() if k != "names" and v != defaults[k]}
    return ", ".join(f"{name} {validation.shown(value)}" for name, value in changed.items())


def _names(names: Any) -> str:
    """The first names of the inputs, if they have any."""
    if not names:
        return ""
    first = ", ".join(validation.shortened(name, 20) for name in names[:_MAX_NAMES])
    return f"names {first}{', ...' * (len(names) > _MAX_NAMES)}"


def _network(sizes: tuple[int, ...]) -> str:
    """The nodes of each layer, at most a few, and lines between them."""
    height = _MAX_NODES * _ROW
    columns = [
        [(32 + l * _GAP, height / 2 + (k - (n - 1) / 2) * _ROW) for k in range(n)]
        for l, n in enumerate(min(size, _MAX_NODES) for size in sizes)
    ]

    def parts() -> Iterator[str]:
        for before, here in pairwise(columns):
            for (x, y), (x_1, y_1) in product(before, here):
                yield f'<path d="M{x} {y}L{x_1} {y_1}" stroke-opacity="0.25"/>'
        for size, column in zip(sizes, columns, strict=True):
            for x, y in column:
                yield f'<circle cx="{x}" cy="{y}" r="4" fill="#56B4E9"/>'
            place = f'x="{column[0][0]}" y="{height + 12}" text-anchor="middle"'
            yield f'<text {place} fill="currentColor" stroke="none">{size:,}</text>'

    width = 64 + (len(sizes) - 1) * _GAP
    return drawing(width, height + 18, parts(), "-".join(map(str, sizes)))
