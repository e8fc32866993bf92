"""Validated attributes: how layers, inputs and targets are trained, and views of their arrays."""

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .. import validation

__all__ = [
    "Assignments", "Flag", "Names", "Number", "Settings", "TrainingSettings", "View",
    "apply_settings", "checked_settings", "is_as_before", "training_settings",
]  # fmt: skip

Array = np.ndarray[Any, Any]

#: How a layer, the inputs or the targets are trained, by the names of the attributes.
Settings = Mapping[str, bool | float | list[str] | None]


class Setting:
    """An attribute that validates the value assigned to it."""

    def __init__(self, default: Any) -> None:
        self.default = default

    def __set_name__(self, owner: type["TrainingSettings"], name: str) -> None:
        self.name = name
        owner._setting_names = (*owner._setting_names, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return vars(instance).get(self.name, self.default) if instance else self.default

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = self.checked(value)

    def checked(self, value: Any) -> Any:
        raise NotImplementedError


class Number(Setting):
    """A number within limits; None stands for the default."""

    def __init__(self, default: float, **limits: float) -> None:
        super().__init__(default)
        self.limits = limits

    def checked(self, value: Any) -> float:
        """The number as a float."""
        if value is None or (np.isscalar(value) and value == self.default):
            return float(self.default)
        return validation.number(self.name, value, **self.limits)


class Flag(Setting):
    """True or False."""

    def checked(self, value: Any) -> bool:
        """The flag as a bool."""
        return validation.flag(self.name, value)


class Names(Setting):
    """Names of columns, or None."""

    def checked(self, value: Any) -> list[str] | None:
        """The names as a list."""
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(isinstance(n, str) for n in value):
            received = validation.shown(value)
            raise TypeError(f"{self.name}: got {received}; expected a list of names, or None")
        return list(value)


class View:
    """An array owned by the network; assigning to it writes in place."""

    def __init__(self, about: str) -> None:
        self.__doc__ = about

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn its name."""
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the array."""
        return vars(instance)[f"_{self.name}"] if instance else self

    def __set__(self, instance: Any, values: Any) -> None:
        """Write into the array."""
        array = self.__get__(instance)
        try:
            array[...] = [] if values is None else values  # NumPy would convert None to NaN
        except (TypeError, ValueError):
            is_array = isinstance(values, np.ndarray)
            received = f"shape {values.shape}" if is_array else type(values).__name__
            expected = f"numbers of shape {array.shape}"
            raise ValueError(f"{self.name}: got {received}; expected {expected}") from None


class Assignments:
    """Numbers all assignments to settings, of all networks.

    Attributes
    ----------
    latest : int
        The number of the last one.
    """

    latest = 0
    numbers = itertools.count(1)


class TrainingSettings(validation.NoNewAttributes):
    """Validated attributes and the number of their last assignment.

    The engine compares it to learn whether its descriptors are current.
    """

    _setting_names: ClassVar[tuple[str, ...]] = ()
    version = 0

    def __setattr__(self, name: str, value: Any) -> None:
        """Set, and number it."""
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        super().__setattr__(name, value)
        Assignments.latest = vars(self)["version"] = next(Assignments.numbers)

    def __repr__(self) -> str:
        """The shape, and the settings that differ from their defaults."""
        settings = training_settings(self)
        changed = [
            f"{k}={validation.shown(v)}" for k, v in settings.items() if v != getattr(type(self), k)
        ]
        return f"<{type(self).__name__} {self._shape}{': ' * bool(changed)}{', '.join(changed)}>"

    @property
    def _shape(self) -> str:
        raise NotImplementedError


def training_settings(
    part: TrainingSettings | type[TrainingSettings],
) -> dict[str, bool | float | list[str] | None]:
    """All settings of a layer or of the inputs by name; of the class, their defaults."""
    return {name: getattr(part, name) for name in part._setting_names}


def checked_settings(part: type[TrainingSettings], before: Settings, given: Any) -> Settings:
    """All settings by name: those given, and the others as before.

    Raises
    ------
    TypeError, ValueError
        If there is no such setting, or a value is wrong.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"training: got {validation.shown(given)}; expected settings by name")
    for name in given:
        validation.choice("training", name, before)
    return {**before, **{name: vars(part)[name].checked(v) for name, v in given.items()}}


def apply_settings(part: TrainingSettings, settings: Settings) -> None:
    """Assign settings to a layer or to the inputs; the others stay as they are."""
    for name, value in settings.items():
        if not is_as_before(part, name, value):
            setattr(part, name, value)


def is_as_before(part: TrainingSettings, name: str, value: Any) -> bool:
    """Return whether a value need not be assigned, which takes longer than to compare it."""
    before = getattr(part, name)
    return type(value) is type(before) and bool(value == before)
