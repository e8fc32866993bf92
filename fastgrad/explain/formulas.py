"""Formulas as text, with symbols and with numbers in their places, and as LaTeX."""

import re
from collections.abc import Callable
from html import escape
from typing import Any

__all__ = ["Formatter", "html", "latex", "shown_terms"]

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
        return f"{float(value) + 0.0:.{self.digits}g}"  # no -0

    def factor(self, value: float) -> str:
        """The same, in parentheses if it is negative: behind an operator."""
        text = self.number(value)
        return f"({text})" if text.startswith("-") else text

    def sum(self, n: int, term: Callable[[int], str], also: int | None = None) -> str:
        """A sum of n terms, of which `shown_terms` are written; and how many are left out."""
        shown = shown_terms(n, also)
        left = [f"... ({n - len(shown):,} more)"] if len(shown) < n else []
        return " + ".join([*map(term, shown), *left])

    def products(self, one: Any, other: Any, also: int | None = None) -> str:
        """Sum of the products of two arrays, likewise."""
        return self.sum(len(one), lambda k: f"{self.factor(one[k])}·{self.factor(other[k])}", also)


def shown_terms(n: int, also: int | None = None) -> list[int]:
    """Which of n terms of a sum are shown: all, or of many the first ones and one more."""
    if n <= _MOST_TERMS:
        return list(range(n))
    return sorted({*range(_MOST_TERMS - 2), *([] if also is None else [also])})


#: A name, and the index behind it, if it has one: W and 0,1 of "W_0,1"; squared_error has none.
_NAME = re.compile(r"(Σ|[A-Za-z]\w*?)(?:_((?:\d+|[a-z])(?:,(?:\d+|[a-z]))*))?(?!\w)")

#: What is no name, in order.
_IN_LATEX = (
    (r"dC/d(a|b|W)(_[\w,]+)", r"\\frac{\\partial C}{\\partial \1\2}"),
    (r"(\d)e([-+])0*(\d+)", r"\1 \\cdot 10^{\2\3}"),
    (r"²", "^2"),
    (r"\^(\w+)", r"^{\1}"),
    (r"·", r" \\cdot "),
    (r"\.\.\.", r"\\dots "),
    (r"√", "sqrt"),
)


def latex(formula: str) -> str:
    """The text of a formula in LaTeX."""

    def name(found: re.Match[str]) -> str:
        word, index = found.groups()
        word = {"Σ": r"\sum"}.get(word, word if len(word) == 1 else f"\\mathrm{{{word}}}")
        word = word.replace("_", r"\_")
        return f"{word}_{{{index}}}" if index else word

    formula = formula.replace("\\", r"\backslash ")
    formula = re.sub(r"[#$%&{}]", r"\\\g<0>", formula).replace("~", r"\sim ")
    formula = re.sub(r"\^(?!\w)", r"\\wedge ", formula)
    for pattern, replacement in _IN_LATEX:
        formula = re.sub(pattern, replacement, formula)
    return re.sub(r"(?<![\\\w])" + _NAME.pattern, name, formula)


def html(formula: str) -> str:
    """The text of a formula in HTML."""
    return _NAME.sub(lambda of: f"{of[1]}<sub>{of[2]}</sub>" if of[2] else of[0], escape(formula))
