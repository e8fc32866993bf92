"""The options of a fleet, checked before its networks are made."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from .. import validation
from ..train.fleet import fit_many
from ..train.fleet_members import as_early_stopping

__all__ = ["check_options", "check_validates"]

_CHOSEN = ("networks", "subsets", "validation_subsets")  # by the functions of this room


def check_options(function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Raise unless they are options of `fit_many` that a function leaves to the user.

    Parameters
    ----------
    function : callable
        The function that the user has called.
    options : mapping of str to object
        What it passes on.
    """
    own, name = signature(function).parameters, function.__name__
    known = {*own, *signature(fit_many).parameters} - {"options", *_CHOSEN}
    for option in options:
        if option in _CHOSEN:
            raise TypeError(f"{option}: got it in {name}, which chooses them; expected none")
        if option not in known:
            hint = validation.did_you_mean(option, known)
            listed = ", ".join(sorted(known))
            raise TypeError(f"{name}: got an option {option!r}; {hint}expected one of {listed}")


def check_validates(options: Mapping[str, Any], validation_size: float) -> None:
    """Raise unless there are validation samples, of one origin, where the options need them."""
    given = options.get("validation") is not None
    if given and validation_size:
        raise ValueError("validation: got samples beside validation_size; expected one of the two")
    if given or validation_size:
        return
    stopping = as_early_stopping(options.get("early_stopping"))
    if stopping and stopping.monitor.startswith("val_"):
        received = validation.shown(options["early_stopping"])
        raise ValueError(
            f"early_stopping: got {received} without validation samples; expected"
            " validation_size=0.2 or the like with it"
        )
    if metrics := options.get("metrics"):
        raise ValueError(
            f"metrics: got {validation.shown(metrics)} without validation samples; expected"
            " validation_size=0.2 or the like with it, or score= for the held-out rows"
        )
