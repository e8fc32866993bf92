"""Formulas as text, with symbols and with numbers in their places, and as LaTeX."""

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["Formatter", "latex"]

_MOST_TERMS = 6


class Formatter:
    """Writes numbers and sums.

    Parameters
    ----------
    digits : int
        Significant digits.
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def number(self, value: float) -> str:
        """A number with the least digits that are needed of those that there may be."""
        return f"{float(value):.{self.digits}g}"

    def factor(self, value: float) -> str:
        """The same, in parentheses if it is negative: behind an operator."""
        text = self.number(value)
        return f"({text})" if text.startswith("-") else text

    def sum(self, terms: Sequence[str], also: int | None = None) -> str:
        """A sum; of many terms the first ones and one more, and how many are left out."""
        kept = list(range(len(terms)))
        if len(terms) > _MOST_TERMS:
            kept = sorted({*range(_MOST_TERMS - 2), *([] if also is None else [also])})
        shown, left = [terms[k] for k in kept], len(terms) - len(kept)
        return " + ".join([*shown, f"... ({left:,} more)"] if left else shown)

    def products(self, one: Any, other: Any, also: int | None = None) -> str:
        """Sum of the products of two arrays, likewise."""
        few = range(len(one)) if len(one) <= _MOST_TERMS else {*range(_MOST_TERMS), also or 0}
        terms = [""] * len(one)
        for k in few:
            terms[k] = f"{self.factor(one[k])}·{self.factor(other[k])}"
        return self.sum(terms, also)


#: Symbols of a text, in order, and what they are in LaTeX.
_IN_LATEX = (
    (r"dC/d([a-zW]+)((?:_[\w,]+)?)", r"\\frac{\\partial C}{\\partial \1\2}"),
    (r"([A-Za-z]\w*?)_([\w,]+)", r"\1_{\2}"),
    (r"Σ", r"\\sum"),
    (r"√\(", r"\\operatorname{sqrt}("),
    (r"·", r" \\cdot "),
    (r"(\d)e([-+]\d+)", r"\1 \\cdot 10^{\2}"),
    (r"(?<![\\A-Za-z{_])([A-Za-z]{2,}\d?)(?![A-Za-z{}])", r"\\mathrm{\1}"),
    (r"\.\.\.", r"\\dots "),
    (r"²", "^2"),
)


def latex(formula: str) -> str:
    """The text of a formula in LaTeX."""
    for pattern, replacement in _IN_LATEX:
        formula = re.sub(pattern, replacement, formula)
    return formula
