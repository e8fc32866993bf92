"""Inputs and targets of mean 0 and standard deviation 1: what the training samples say of both."""

import warnings
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from .. import validation
from .settings import Flag, Names, Number, TrainingSettings, View

__all__ = ["Inputs", "Moments", "Targets"]

Array = np.ndarray[Any, Any]

_ROUNDING = 64 * np.finfo(np.float64).eps  # relative rounding error of a mean of equal numbers
_COARSE = 0.01  # in standard deviations: a column with larger steps between its numbers warns
_FAR = 10.0  # targets further from mean 0, or with a larger standard deviation, train badly
_NARROW = 0.01  # and so do those with a smaller one
_ROWS = 1 << 14  # per block, since an array may be a memory map


class Moments:
    """Mean and standard deviation of the columns of rows that arrive in several arrays.

    Means and sums of squares are merged as in T. F. Chan, G. H. Golub, R. J. LeVeque, 1979.

    Parameters
    ----------
    width : int
        Number of columns.

    Attributes
    ----------
    S : int
        Rows so far.
    mean : ndarray
        (width,) float64: their mean.
    """

    def __init__(self, width: int) -> None:
        self.S, self.mean, self._squares = 0, np.zeros(width), np.zeros(width)
        self._least, self._most = np.full(width, np.inf), np.full(width, -np.inf)

    def add(self, rows: Array) -> None:
        """Include more rows, (S, width)."""
        for block in (rows[k : k + _ROWS] for k in range(0, len(rows), _ROWS)):
            n, block_mean = len(block), block.mean(axis=0, dtype=np.float64)
            difference = block_mean - self.mean
            with np.errstate(over="ignore", invalid="ignore"):
                within = np.square(block - block_mean).sum(axis=0)
                self._squares += within + difference**2 * (self.S * n / (self.S + n))
            self.mean += difference * (n / (self.S + n))
            self.S += n
            self._least = np.minimum(self._least, block.min(axis=0))
            self._most = np.maximum(self._most, block.max(axis=0))

    @property
    def deviation(self) -> Array:
        """The standard deviations, (width,) float64; 0 for a column of equal numbers."""
        deviation: Array = np.sqrt(self._squares / self.S)
        deviation[self._least == self._most] = 0
        return deviation


class Inputs(TrainingSettings):
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
    names : list of str or None
        The columns of the DataFrame of the first fit; later ones are taken by these names.
    """

    mean = View("Subtracted from the inputs, (n_0,).")
    scale = View("Factor of the difference, (n_0,).")
    dropout = Number(0.0, least=0, below=1)
    standardize, standardized = Flag(False), Flag(False)
    noise = Number(0.0, least=0)
    names = Names(None)

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
        converted = validation.matrix("X", X, self.mean.dtype, len(self.mean))
        if converted is not X:
            exact = validation.matrix("X", X, np.dtype(np.float64), len(self.mean))
            self.warn_if_collapsed(exact, converted, stacklevel=3)
        self.standardize_by_pieces([converted], stacklevel=3)

    def standardize_by_pieces(self, pieces: Iterable[Array], stacklevel: int = 2) -> None:
        """Set mean and scale from inputs that arrive in several arrays.

        Parameters
        ----------
        pieces : iterable of ndarray
            (S, n_0) each.
        stacklevel : int, default 2
            Of the warning about a column whose numbers the dtype hardly distinguishes.
        """
        moments = Moments(len(self.mean))
        for piece in pieces:
            moments.add(piece)
        if moments.S:
            mean, deviation = moments.mean, moments.deviation
            least = np.finfo(self.mean.dtype).tiny  # a pass flushes smaller numbers to 0
            constant = deviation <= np.maximum(_ROUNDING * np.abs(mean), least)
            deviation[constant] = 1
            self.mean, self.scale = mean, 1 / deviation
            self.standardized = True
            steps = np.spacing(np.abs(self.mean))
            coarse = np.where(constant, 0, steps / deviation)
            if coarse.max() > _COARSE:
                self._warn_of(int(coarse.argmax()), mean, deviation, stacklevel + 1)

    def warn_if_collapsed(self, exact: Array, converted: Array, stacklevel: int = 2) -> None:
        """Warn of a column whose numbers differ, but are all the same in the network's dtype.

        Parameters
        ----------
        exact : (S, n_0) float64
            The inputs as they were given.
        converted : (S, n_0) array
            The same in the network's dtype.
        stacklevel : int, default 2
            Of the warning.
        """
        moments = Moments(len(self.mean))
        moments.add(exact)
        mean, deviation = moments.mean, moments.deviation
        varies = deviation > _ROUNDING * np.abs(mean)
        collapsed = varies & (converted == converted[0]).all(axis=0)
        if collapsed.any():
            self._warn_of(int(collapsed.argmax()), mean, deviation, stacklevel + 1)

    def _warn_of(self, j: int, mean: Array, deviation: Array, stacklevel: int) -> None:
        dtype = self.mean.dtype
        step = np.spacing(np.abs(mean[j]).astype(dtype))
        warnings.warn(
            f"standardize: column {j} varies by {deviation[j]:.3g} around {mean[j]:.3g}, where"
            f" {dtype} has steps of {step:.3g}; subtract its approximate mean first, or use"
            " dtype='float64'",
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


class Targets(TrainingSettings):
    """How targets y become what the cost compares with, (y - mean) / scale, and outputs come back.

    The network's predictions are a^L scale + mean, in float64: a mean of 1e9 and a scale of 1 need
    more digits than float32 has.

    Parameters
    ----------
    is_number : ndarray of bool
        (n_L,): which outputs are compared with real numbers and can be any: only their targets
        are standardised.
    standardize : bool, default False
        Whether the first fit sets mean and scale to the mean and the standard deviation of its
        targets.

    Attributes
    ----------
    mean, scale : ndarray
        (n_L,) float64: 0 and 1 unless the targets are standardised.
    standardized : bool
        Whether mean and scale have been set.
    """

    mean = View("Subtracted from the targets, (n_L,).")
    scale = View("Divisor of the difference, (n_L,).")
    standardize, standardized = Flag(False), Flag(False)

    def __init__(self, is_number: Array, standardize: bool = False) -> None:
        self._is_number = is_number
        self._mean, self._scale = np.zeros(len(is_number)), np.ones(len(is_number))
        self.standardize = standardize

    def __setattr__(self, name: str, value: Any) -> None:
        """Set; but there must be numbers to standardise."""
        if name == "standardize" and value and not self._is_number.any():
            raise ValueError(
                "standardize_targets: got True; expected a cost of real numbers, such as"
                " 'squared_error', and the activation 'identity' at the output"
            )
        super().__setattr__(name, value)

    @property
    def _shape(self) -> str:
        return str(len(self.mean))

    def fitted_to(self, pieces: Iterable[Array]) -> Self:
        """The standardisation of these targets; equal ones are not scaled.

        Parameters
        ----------
        pieces : iterable of ndarray
            (S, n_L) float64 each.
        """
        moments = Moments(len(self.mean))
        for piece in pieces:
            moments.add(piece)
        if not moments.S:
            return self
        deviation = moments.deviation
        if not np.isfinite(deviation).all():
            raise ValueError(
                "Y: got targets whose squares are beyond float64; expected numbers below 1e150"
            )
        scale = np.where(deviation > _ROUNDING * np.abs(moments.mean), deviation, 1.0)
        fitted = type(self)(self._is_number, self.standardize)
        fitted.mean = np.where(self._is_number, moments.mean, 0.0)
        fitted.scale = np.where(self._is_number, scale, 1.0)
        fitted.standardized = True
        return fitted

    def encode(self, y: Array, dtype: Any) -> Array:
        """(y - mean) / scale, (S, n_L).

        Parameters
        ----------
        y : ndarray
            (S, n_L) float64.
        dtype : dtype
            Of the result.
        """
        return validation.contiguous((y - self.mean) / self.scale, np.dtype(dtype))

    def decode(self, a: Array) -> Array:
        """Outputs in the unit of the targets, (S, n_L), float64 if these are standardised.

        Parameters
        ----------
        a : ndarray
            (S, n_L): a^L.
        """
        if not self.standardized:
            return a
        decoded: Array = a * self.scale + self.mean
        return decoded

    def check_standardized(self) -> None:
        """Raise if the targets are to be standardised and mean and scale have not been set."""
        if self.standardize and not self.standardized:
            raise ValueError(
                "standardize_targets: got no samples to compute mean and scale from; expected a"
                " fit before"
            )

    def warn_if_far(self, y: Array, stacklevel: int = 2) -> bool:
        """Warn if targets are numbers far from mean 0 and standard deviation 1; return whether.

        Parameters
        ----------
        y : ndarray
            (S, n_L).
        stacklevel : int, default 2
            Of the warning.
        """
        with np.errstate(all="ignore"):  # root mean squares, between |mean| and sqrt(2) size
            squares = np.einsum("si,si->i", y, y) / len(y)
        if ((squares > 4 * _NARROW**2) & (squares < _FAR**2 / 2))[self._is_number].all():
            return False
        moments = Moments(y.shape[1])
        moments.add(y)
        mean, deviation = moments.mean, moments.deviation
        size = np.maximum(np.abs(mean), deviation)
        far = self._is_number & ((size > _FAR) | ((size < _NARROW) & (size > 0)))
        if far.any():
            i = int(np.where(far, np.abs(np.log(np.maximum(size, 1e-300))), 0).argmax())
            which = f" of output {i}" if len(far) > 1 else ""
            warnings.warn(
                f"Y: targets{which} have mean {mean[i]:.4g} and standard deviation"
                f" {deviation[i]:.4g}, far from 0 and 1: training is slow or inaccurate; use"
                " Network(..., standardize_targets=True), which predicts in their own unit",
                RuntimeWarning,
                stacklevel,
            )
        return bool(far.any())
