"""What a network shows of itself: each layer's parameters and training settings, and gradients."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import validation

__all__ = [
    "Arrays", "Gradients", "Inputs", "Layer", "Settings", "apply_settings", "assign_per_layer",
    "named_arrays", "training_settings",
]  # fmt: skip

Array = np.ndarray[Any, Any]

#: Arrays by the names that they have in a file.
Arrays = dict[str, Array]

#: How a layer or the inputs are trained, by the names of the attributes.
Settings = Mapping[str, bool | float]

_ROUNDING = 64 * np.finfo(np.float64).eps  # relative rounding error of a mean of equal numbers
_COARSE = 0.01  # in standard deviations: a column with larger steps between its numbers warns
_ROWS = 1 << 14  # per block when standardising, since X may be a memory map


class _Setting:
    """An attribute that validates the value assigned to it."""

    def __init__(self, default: Any) -> None:
        self.default = default

    def __set_name__(self, owner: type["_TrainingSettings"], name: str) -> None:
        self.name = name
        owner._setting_names = (*owner._setting_names, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return vars(instance).get(self.name, self.default) if instance else self.default

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = self.checked(value)

    def checked(self, value: Any) -> Any:
        raise NotImplementedError


class _Number(_Setting):
    """A number within limits; None stands for the default."""

    def __init__(self, default: float, **limits: float) -> None:
        super().__init__(default)
        self.limits = limits

    def checked(self, value: Any) -> float:
        if value is None or (np.isscalar(value) and value == self.default):
            return float(self.default)
        return validation.number(self.name, value, **self.limits)


class _Flag(_Setting):
    """True or False."""

    def checked(self, value: Any) -> bool:
        return validation.flag(self.name, value)


class _View:
    """An array owned by the network; assigning to it writes in place."""

    def __init__(self, about: str) -> None:
        self.__doc__ = about

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return vars(instance)[f"_{self.name}"] if instance else self

    def __set__(self, instance: Any, values: Any) -> None:
        array = self.__get__(instance)
        try:
            array[...] = [] if values is None else values  # NumPy would convert None to NaN
        except (TypeError, ValueError):
            is_array = isinstance(values, np.ndarray)
            received = f"shape {values.shape}" if is_array else type(values).__name__
            expected = f"numbers of shape {array.shape}"
            raise ValueError(f"{self.name}: got {received}; expected {expected}") from None


class _TrainingSettings(validation.NoNewAttributes):
    """Validated attributes and a count of their assignments.

    The engine compares the count to learn whether its descriptors are current.
    """

    _setting_names: ClassVar[tuple[str, ...]] = ()
    version = 0
    dropout = _Number(0.0, least=0, below=1)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set, and count."""
        super().__setattr__(name, value)
        vars(self)["version"] = self.version + 1

    def __repr__(self) -> str:
        """The shape, and the settings that differ from their defaults."""
        settings = training_settings(self)
        changed = [f"{k}={v!r}" for k, v in settings.items() if v != getattr(type(self), k)]
        return f"<{type(self).__name__} {self._shape}{': ' * bool(changed)}{', '.join(changed)}>"

    @property
    def _shape(self) -> str:
        raise NotImplementedError


class Layer(_TrainingSettings):
    """One layer: its weights and biases, views of the network's parameters, and its training.

    Assigning to `W` or `b`, as in ``layer.W -= 0.1 * g``, writes in place.

    Parameters
    ----------
    W : ndarray
        (n_l, n_(l-1)): weights.
    b : ndarray
        (n_l,): biases.
    is_output : bool, default False
        Whether it is the last layer.

    Attributes
    ----------
    trainable : bool, default True
        False: training leaves W and b unchanged.
    lr_scale : float, default 1
        Factor of the learning rate for this layer.
    l1, l2 : float, default 0
        The cost is C + l1 sum |W| + l2/2 sum W^2, equation (10).
    penalize_biases : bool, default False
        Whether the sums include the biases.
    dropout : float, default 0
        Probability with which an activation of this layer is set to 0 in training, equation (9);
        for hidden layers only.
    max_norm : float, default infinity
        Largest norm of the weights of a node: larger ones are scaled down after each step.
    """

    W, b = _View("Weights, (n_l, n_(l-1))."), _View("Biases, (n_l,).")
    l1 = _Number(0.0, least=0)
    l2 = _Number(0.0, least=0)
    penalize_biases = _Flag(False)
    max_norm = _Number(float("inf"), above=0)
    trainable = _Flag(True)
    lr_scale = _Number(1.0, least=0)

    _aliases = MappingProxyType({"learningrate": "lr_scale", "lr": "lr_scale"})

    def __init__(self, W: Array, b: Array, is_output: bool = False) -> None:
        self._W, self._b, self._is_output = W, b, is_output

    def __setattr__(self, name: str, value: Any) -> None:
        """Set; but the outputs take no dropout."""
        if name == "dropout" and self._is_output and np.any(value):
            received = validation.shown(value)
            raise ValueError(
                f"dropout: got {received} at the output; expected it at a hidden layer"
            )
        super().__setattr__(name, value)

    @property
    def _shape(self) -> str:
        return f"{self.W.shape[1]}-{self.W.shape[0]}"

    @property
    def penalty(self) -> float:
        """l1 sum |W| + l2/2 sum W^2."""
        if not (self.l1 or self.l2):
            return 0.0
        arrays = (self.W, self.b) if self.penalize_biases else (self.W,)
        total: float = sum(
            self.l1 * float(np.abs(p).sum()) + self.l2 / 2 * float(np.square(p).sum())
            for p in arrays
        )
        return total


class Inputs(_TrainingSettings):
    """How the inputs x become a_0 = (x - mean) scale, and their noise and dropout in training.

    Parameters
    ----------
    mean, scale : ndarray
        (n_0,): 0 and 1 unless the inputs are standardised.
    standardize : bool, default False
        Whether the first fit sets them.

    Attributes
    ----------
    noise : float, default 0
        Standard deviation of the normal noise added to a_0 in training.
    dropout : float, default 0
        Probability with which an input is set to 0 in training.
    standardized : bool
        Whether mean and scale have been set.
    """

    mean = _View("Subtracted from the inputs, (n_0,).")
    scale = _View("Factor of the difference, (n_0,).")
    standardize, standardized = _Flag(False), _Flag(False)
    noise = _Number(0.0, least=0)

    def __init__(self, mean: Array, scale: Array, standardize: bool = False) -> None:
        self._mean, self._scale, self.standardize = mean, scale, standardize

    @property
    def _shape(self) -> str:
        return str(len(self.mean))

    def standardize_by(self, X: Any) -> None:
        """Set mean and scale such that these inputs have mean 0 and standard deviation 1.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        X = validation.matrix("X", X, self.mean.dtype, len(self.mean))
        self.standardize_by_pieces([X], stacklevel=3)

    def standardize_by_pieces(self, pieces: Iterable[Array], stacklevel: int = 2) -> None:
        """Set mean and scale from inputs that arrive in several arrays.

        Means and sums of squares are merged as in T. F. Chan, G. H. Golub, R. J. LeVeque, 1979.

        Parameters
        ----------
        pieces : iterable of ndarray
            (S, n_0) each.
        stacklevel : int, default 2
            Of the warning about a column whose numbers the dtype hardly distinguishes.
        """
        S, mean, squares = 0, np.zeros(len(self.mean)), np.zeros(len(self.mean))
        for block in (X[k : k + _ROWS] for X in pieces for k in range(0, len(X), _ROWS)):
            n, block_mean = len(block), block.mean(axis=0, dtype=np.float64)
            difference = block_mean - mean
            within = np.square(block - block_mean).sum(axis=0)
            squares += within + difference**2 * (S * n / (S + n))
            mean += difference * (n / (S + n))
            S += n
        if S:
            deviation = np.sqrt(squares / S)
            least = np.finfo(self.mean.dtype).tiny  # a pass flushes smaller numbers to 0
            constant = deviation <= np.maximum(_ROUNDING * np.abs(mean), least)
            deviation[constant] = 1
            self.mean, self.scale = mean, 1 / deviation
            self.standardized = True
            steps = np.spacing(np.abs(self.mean))
            coarse = np.where(constant, 0, steps / deviation)
            if coarse.max() > _COARSE:
                j = int(coarse.argmax())
                warnings.warn(
                    f"standardize: column {j} varies by {deviation[j]:.3g} around {mean[j]:.3g},"
                    f" where {self.mean.dtype} has steps of {steps[j]:.3g}; subtract its"
                    " approximate mean first, or use dtype='float64'",
                    RuntimeWarning,
                    stacklevel,
                )

    def check_standardized(self) -> None:
        """Raise if the inputs are to be standardised and mean and scale have not been set."""
        if self.standardize and not self.standardized:
            raise ValueError(
                "standardize: got no samples to compute mean and scale from; expected a fit, or"
                " net.inputs.standardize_by(X), before a step"
            )


def training_settings(
    part: _TrainingSettings | type[_TrainingSettings],
) -> dict[str, bool | float]:
    """All settings of a layer or of the inputs by name; of the class, their defaults."""
    return {name: getattr(part, name) for name in part._setting_names}


def apply_settings(part: _TrainingSettings, settings: Settings) -> None:
    """Assign settings to a layer or to the inputs; the others stay as they are."""
    for name, value in settings.items():
        setattr(part, name, value)


def assign_per_layer(layers: Sequence[Layer], **given: Any) -> None:
    """Assign each setting: a list has one value per layer, anything else is for all layers."""
    for name, value in given.items():
        value = value.tolist() if isinstance(value, np.ndarray) else value
        values = value if isinstance(value, list | tuple) else [value] * len(layers)
        if len(values) != len(layers):
            expected = f"one value, or a list of {len(layers)}"
            raise ValueError(f"{name}: got a list of {len(values)}; expected {expected}")
        for layer, one in zip(layers, values, strict=True):
            setattr(layer, name, one)
    if np.any(given.get("penalize_biases", False)) and not any(
        layer.penalize_biases and (layer.l1 or layer.l2) for layer in layers
    ):
        raise ValueError("penalize_biases: got True without a penalty; expected l1 or l2 above 0")


def named_arrays(inputs: Inputs, layers: Sequence[Layer]) -> Arrays:
    """All numbers of a network by their names in a file, as views."""
    named = {"input.mean": inputs.mean, "input.scale": inputs.scale}
    for l, layer in enumerate(layers, start=1):
        named |= {f"layer.{l}.W": layer.W, f"layer.{l}.b": layer.b}
    return named


class Gradients(NamedTuple):
    """The gradient of the mean cost of a batch.

    Attributes
    ----------
    C : float
        The mean cost itself.
    dC_dW, dC_db : tuple of ndarray
        Per layer, in the shapes of W and b.
    dC_da0 : ndarray
        (S, n_0): with respect to the inputs.
    """

    C: float
    dC_dW: tuple[Array, ...]
    dC_db: tuple[Array, ...]
    dC_da0: Array
