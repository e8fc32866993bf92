"""Values of options: what the text after an option means, and the error if it means nothing."""

import argparse
import csv
import re
from collections.abc import Callable
from typing import Any, TypeVar

from .. import validation
from ..kernels import costs
from ..kernels.activations import activation as resolve_activation

__all__ = [
    "activation", "activations", "choice", "cost", "integer", "names", "number", "rows", "sizes",
    "words", "yes_or_no",
]  # fmt: skip

T = TypeVar("T")


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some names."""
    return _option(lambda text: validation.choice("name", text, allowed))


def integer(least: int) -> Callable[[str], int]:
    """An integer of at least this."""
    return _option(lambda text: validation.integer("value", _value(int, text), least=least))


def number(**limits: float) -> Callable[[str], float]:
    """A number within limits, as `validation.number` takes them."""
    return _option(lambda text: validation.number("value", _value(float, text), **limits))


def activation(text: str) -> str:
    """The full name of an activation."""
    return _option(resolve_activation)(text).name


def activations(text: str) -> tuple[str, ...]:
    """The full names of activations, separated by commas."""
    return tuple(activation(name.strip()) for name in text.split(","))


def cost(text: str) -> str:
    """The full name of a cost."""
    return _option(costs.cost)(text).name


def sizes(text: str) -> tuple[int, ...]:
    """Sizes of layers, separated by commas; none for a linear model."""
    if not re.fullmatch(r"(-?\d+(, *-?\d+)*)?", text):
        raise argparse.ArgumentTypeError(f"got '{text}'; expected sizes such as 64,32")
    return tuple(map(integer(least=1), text.split(","))) if text else ()


def rows(text: str) -> tuple[int, int]:
    """The first row and the one after the last, from 0: of "3" row 3 alone, of "0:32" 32 rows."""
    if not re.fullmatch(r"\d{1,15}(:\d{1,15})?", text):
        raise argparse.ArgumentTypeError(f"got '{text}'; expected a row such as 3, or rows 0:32")
    first, _, last = text.partition(":")
    found = int(first), int(last) if last else int(first) + 1
    if found[0] >= found[1]:
        raise argparse.ArgumentTypeError(f"got '{text}'; expected the first row below the last")
    return found


def words(text: str) -> tuple[str, ...]:
    """Words, separated by commas; one may be empty."""
    return tuple(word.strip() for word in text.split(","))


def names(text: str) -> tuple[str, ...]:
    """Names, separated by commas; one that has a comma itself is quoted, as in CSV."""
    rows = csv.reader([text], skipinitialspace=True)
    return tuple(name.strip() for row in rows for name in row if name.strip())


def yes_or_no(text: str) -> bool:
    """Yes or no."""
    return choice("yes", "no")(text) == "yes"


def _option(parse: Callable[[str], T]) -> Callable[[str], T]:
    """The same function, whose errors are those of an option, which argparse names."""

    def parse_option(text: str) -> T:
        try:
            return parse(text)
        except (ValueError, TypeError) as error:
            _, _, fault = str(error).partition(": ")
            raise argparse.ArgumentTypeError(fault) from None

    return parse_option


def _value(kind: type[int] | type[float], text: str) -> Any:
    """The number that a text is; the text itself if it is none, for the error."""
    try:
        return kind(text)
    except ValueError:
        return text
