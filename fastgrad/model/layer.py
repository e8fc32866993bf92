"""What a network shows of itself: the parameters of a layer and how they learn, and a gradient."""

import warnings
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import validation

__all__ = ["Gradients", "Inputs", "Layer", "assign", "settings"]

Array = np.ndarray[Any, Any]

_ROUNDING = 64 * np.finfo(np.float64).eps  # relative, of a mean of equal numbers
_COARSE = 0.01  # of the deviation: with larger steps between its numbers a column is warned of
_ROWS = 1 << 14  # that are standardised at a time: X may be a memory map


class _Setting:
    """An attribute that checks what is assigned to it."""

    def __init__(self, default: Any) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, of: Any, owner: type | None = None) -> Any:
        return vars(of).get(self.name, self.default) if of else self.default

    def __set__(self, of: Any, value: Any) -> None:
        vars(of)[self.name] = self.checked(value)

    def checked(self, value: Any) -> Any:
        raise NotImplementedError


class _Number(_Setting):
    """One that takes numbers within limits; None is the default."""

    def __init__(self, default: float, **limits: float) -> None:
        super().__init__(default)
        self.limits = limits

    def checked(self, value: Any) -> float:
        if value is None or (np.isscalar(value) and value == self.default):
            return float(self.default)
        return validation.number(self.name, value, **self.limits)


class _Flag(_Setting):
    """One that is True or False."""

    def checked(self, value: Any) -> bool:
        return validation.flag(self.name, value)


class _View:
    """An array of the network's own, which an assignment writes into."""

    def __init__(self, about: str) -> None:
        self.__doc__ = about

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, of: Any, owner: type | None = None) -> Any:
        return vars(of)[f"_{self.name}"] if of else self

    def __set__(self, of: Any, values: Any) -> None:
        array = self.__get__(of)
        try:
            array[...] = [] if values is None else values  # it would be NaN
        except (TypeError, ValueError):
            is_array = isinstance(values, np.ndarray)
            came = f"shape {values.shape}" if is_array else type(values).__name__
            expected = f"numbers of shape {array.shape}"
            raise ValueError(f"{self.name}: got {came}; expected {expected}") from None


class _Settings(validation.NoNewAttributes):
    """Attributes with a count of their changes, by which a pass sees that it must look again."""

    version = 0
    dropout = _Number(0.0, least=0, below=1)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set, and count."""
        super().__setattr__(name, value)
        vars(self)["version"] = self.version + 1

    def __repr__(self) -> str:
        """The shape, and what is not as by default."""
        changed = [f"{k}={v!r}" for k, v in settings(self).items() if v != getattr(type(self), k)]
        return f"<{type(self).__name__} {self._shape}{': ' * bool(changed)}{', '.join(changed)}>"

    @property
    def _shape(self) -> str:
        raise NotImplementedError


class Layer(_Settings):
    """One layer: its weights and biases, views of the network's own, and how they are trained.

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
        False: a fit leaves W and b as they are.
    lr_scale : float, default 1
        What the learning rate is multiplied by for this layer.
    l1, l2 : float, default 0
        The cost is C + l1 sum |W| + l2/2 sum W^2, equation (10).
    penalize_biases : bool, default False
        Whether the sums count the biases too.
    dropout : float, default 0
        Probability with which an activation of this layer is 0 while training, equation (9); only
        for hidden layers.
    max_norm : float, default infinity
        Largest norm of the weights of a node: larger ones are shrunk after each step.
    """

    W, b = _View("Weights, (n_l, n_(l-1))."), _View("Biases, (n_l,).")
    trainable = _Flag(True)
    lr_scale = _Number(1.0, least=0)
    l1 = _Number(0.0, least=0)
    l2 = _Number(0.0, least=0)
    penalize_biases = _Flag(False)
    max_norm = _Number(float("inf"), above=0)

    _aliases = MappingProxyType({"learningrate": "lr_scale", "lr": "lr_scale"})

    def __init__(self, W: Array, b: Array, is_output: bool = False) -> None:
        self._W, self._b, self._is_output = W, b, is_output

    def __setattr__(self, name: str, value: Any) -> None:
        """Set; but outputs are not dropped."""
        if name == "dropout" and self._is_output and np.any(value):
            came = validation.shown(value)
            raise ValueError(f"dropout: got {came} at the output; expected it at a hidden layer")
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


class Inputs(_Settings):
    """What happens to the inputs on their way into layer 1: a_0 = (x - mean) scale.

    Parameters
    ----------
    mean, scale : ndarray
        (n_0,): 0 and 1 unless the inputs are standardised.
    standardize : bool
        Whether the first fit sets them.

    Attributes
    ----------
    noise : float, default 0
        Deviation of the normal noise added to a_0 while training.
    dropout : float, default 0
        Probability with which an input is 0 while training.
    standardized : bool
        Whether mean and scale have been set.
    """

    noise = _Number(0.0, least=0)

    mean = _View("What is subtracted, (n_0,).")
    scale = _View("What is multiplied by then, (n_0,).")
    standardize, standardized = _Flag(False), _Flag(False)

    def __init__(self, mean: Array, scale: Array, standardize: bool) -> None:
        self._mean, self._scale, self.standardize = mean, scale, standardize

    @property
    def _shape(self) -> str:
        return str(len(self.mean))

    def standardize_by(self, X: Any) -> None:
        """Set mean and scale such that these inputs have mean 0 and deviation 1.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        X = validation.matrix("X", X, self.mean.dtype, len(self.mean))
        self.standardize_by_parts([X], stacklevel=3)

    def standardize_by_parts(self, parts: Iterable[Array], stacklevel: int = 4) -> None:
        """The same for inputs that come part by part.

        Sums of squares are put together as by T. F. Chan, G. H. Golub, R. J. LeVeque, 1979.

        Parameters
        ----------
        parts : iterable of ndarray
            (S, n_0) each.
        stacklevel : int, default 4
            Of the warning that the dtype hardly tells a column's numbers apart; 4 is who calls
            `Network.fit`.
        """
        S, mean, squares = 0, np.zeros(len(self.mean)), np.zeros(len(self.mean))
        for part in (X[k : k + _ROWS] for X in parts for k in range(0, len(X), _ROWS)):
            n, mean_of_part = len(part), part.mean(axis=0, dtype=np.float64)
            away = mean_of_part - mean
            squares += np.square(part - mean_of_part).sum(axis=0) + away**2 * (S * n / (S + n))
            mean += away * (n / (S + n))
            S += n
        if S:
            deviation = np.sqrt(squares / S)
            least = np.finfo(self.mean.dtype).tiny  # below it a pass takes numbers for 0
            constant = deviation <= np.maximum(_ROUNDING * np.abs(mean), least)
            deviation[constant] = 1
            self.mean, self.scale = mean, 1 / deviation
            self.standardized = True
            steps = np.spacing(np.abs(self.mean))
            coarse = np.where(constant, 0, steps / deviation)
            if coarse.max() > _COARSE:
                j = int(coarse.argmax())
                warnings.warn(
                    f"standardize: column {j} varies by {deviation[j]:.3g} around {mean[j]:.3g}, of"
                    f" which {self.mean.dtype} tells steps of {steps[j]:.3g} only; subtract"
                    " something like its mean before, or take dtype='float64'",
                    RuntimeWarning,
                    stacklevel,
                )

    def must_be_ready(self) -> None:
        """Raise if they are to be standardised and no fit has told by what."""
        if self.standardize and not self.standardized:
            raise ValueError(
                "standardize: got no samples to do it by; expected a fit, or"
                " net.inputs.standardize_by(X), before a step or stream"
            )


def settings(of: _Settings) -> dict[str, Any]:
    """How a layer or the inputs are trained, as JSON can hold it."""
    return {k: v for k, v in vars(of).items() if k[0] != "_" and isinstance(v, bool | float)}


def assign(layers: Sequence[Layer], **given: Any) -> None:
    """Give each of the layers its value of each setting, or all the same."""
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


class Gradients(NamedTuple):
    """The gradient of the mean cost at some samples.

    Attributes
    ----------
    C : float
        The cost itself.
    dC_dW, dC_db : tuple of ndarray
        For each layer, in the shapes of W and b.
    dC_da0 : ndarray
        (S, n_0): with respect to the inputs.
    """

    C: float
    dC_dW: tuple[Array, ...]
    dC_db: tuple[Array, ...]
    dC_da0: Array
