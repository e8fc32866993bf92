"""What an explanation is about, and one step of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .loops import Loop

__all__ = ["Place", "Step"]


class Place(NamedTuple):
    """A parameter: W_ij of layer l, or b_i if j is None."""

    l: int
    i: int
    j: int | None

    @property
    def symbol(self) -> str:
        """What it is called."""
        return f"b_{self.i}" if self.j is None else f"W_{self.i},{self.j}"

    def of(self, arrays: Sequence[tuple[Any, Any]]) -> float:
        """Its value in W and b of each layer, or in gradients or the like of that form."""
        W, b = arrays[self.l - 1]
        return float(b[self.i] if self.j is None else W[self.i, self.j])


class Step(NamedTuple):
    """A number, and how it is computed.

    Attributes
    ----------
    part : str
        "Forward", "Cost", "Backward", "Gradient" or "Update".
    equation : str
        The number of the equation in the derivation, such as "1"; "" if it has none.
    layer : int
        l.
    symbols, numbers : str
        The formula, with symbols and with numbers in their places.
    value : float
        The number.
    loop : Loop or None
        The lines that compute it.
    """

    part: str
    equation: str
    layer: int
    symbols: str
    numbers: str
    value: float
    loop: Loop | None = None
