"""Values of options: what the text after an option means, and the error if it means nothing."""

import argparse
from collections.abc import Callable

from ..validation import did_you_mean

__all__ = ["choice", "count", "names", "number", "sizes", "yes_or_no"]


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some names."""

    def parse(text: str) -> str:
        if text not in allowed:
            hint = did_you_mean(text, allowed)
            raise _error(text, f"one of {', '.join(allowed)}", hint)
        return text

    return parse


def count(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise _error(text, "a whole number") from None


def number(text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise _error(text, "a number") from None


def sizes(text: str) -> tuple[int, ...]:
    """Sizes of layers, separated by commas; none for a linear model."""
    try:
        return tuple(int(size) for size in text.split(",") if text)
    except ValueError:
        raise _error(text, "sizes such as 64,32") from None


def names(text: str) -> tuple[str, ...]:
    """Names, separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def yes_or_no(text: str) -> bool:
    """Yes or no."""
    return choice("yes", "no")(text) == "yes"


def _error(text: str, expected: str, hint: str = "") -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"got '{text}'; {hint}expected {expected}")
