"""The data of the page: sets made from a seed, those of the package, and tables of one's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import validation
from ..data.dataset import load_digits, load_penguins, read
from ..data.splitting import split
from ..data.targets import TargetEncoder

__all__ = ["BUNDLED", "MADE", "Problem", "bundled", "made", "table"]

Array = NDArray[Any]
Points = tuple[Array, Array]  # X, y

MOST_ROWS = 10_000
MOST_NOISE = 1.0
MOST_INPUTS = 256


@dataclass(frozen=True)
class Problem:
    """What a network is to learn: samples to train on, and samples held out.

    Attributes
    ----------
    X, X_test : (S, n_0) float32
        Inputs.
    y, y_test : (S,) int64 or float64
        Class ids or numbers.
    names : tuple of str
        Of the inputs.
    targets : TargetEncoder
        The classes.
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    names: tuple[str, ...]
    targets: TargetEncoder

    @property
    def classes(self) -> list[str] | None:
        """The names of the classes; None for numbers."""
        return None if self.targets.classes is None else [*map(str, self.targets.classes)]


# --- sets made from a seed: inputs from about -1 to 1 --------------------------------------------


def _moons(rng: np.random.Generator, n: int) -> Points:
    y = np.arange(n) % 2
    t = rng.uniform(0, np.pi, n)
    x = np.where(y, 0.5 - np.cos(t), np.cos(t) - 0.5)
    return np.column_stack([x / 1.6, np.where(y, 0.25 - np.sin(t), np.sin(t) - 0.25) / 1.1]), y


def _circles(rng: np.random.Generator, n: int) -> Points:
    y = np.arange(n) % 2
    r, t = np.where(y, 0.4, 0.9) * np.sqrt(rng.uniform(0.7, 1, n)), rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([r * np.cos(t), r * np.sin(t)]), y


def _xor(rng: np.random.Generator, n: int) -> Points:
    X = rng.uniform(-1, 1, (n, 2))
    X += 0.08 * np.sign(X)  # a gap along the axes
    return X / 1.08, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def _spirals(rng: np.random.Generator, n: int) -> Points:
    y = np.arange(n) % 2
    r = np.sqrt(rng.uniform(0.01, 1, n))
    t = 2.6 * np.pi * r + np.pi * y
    return np.column_stack([r * np.sin(t), r * np.cos(t)]), y


def _blobs(rng: np.random.Generator, n: int) -> Points:
    y = np.arange(n) % 3
    t = 2 * np.pi * y / 3 + np.pi / 2
    centres = 0.6 * np.column_stack([np.cos(t), np.sin(t)])
    return centres + 0.15 * rng.normal(size=(n, 2)), y


def _checkerboard(rng: np.random.Generator, n: int) -> Points:
    X = rng.uniform(-1, 1, (n, 2))
    return X, np.floor(2 * X).sum(axis=1).astype(np.int64) % 2


def _wave(rng: np.random.Generator, n: int) -> Points:
    X = rng.uniform(-1, 1, (n, 1))
    return X, np.sin(2.5 * np.pi * X[:, 0]) * (0.6 + 0.4 * X[:, 0])


def _jump(rng: np.random.Generator, n: int) -> Points:
    X = rng.uniform(-1, 1, (n, 1))
    return X, np.where(X[:, 0] > 0, 0.75, -0.75 - 0.3 * X[:, 0])


def _hills(rng: np.random.Generator, n: int) -> Points:
    X = rng.uniform(-1, 1, (n, 2))
    return X, np.sin(np.pi * X[:, 0]) * np.cos(np.pi * X[:, 1])


#: Of each set: its points before noise, and whether its targets are numbers.
MADE: dict[str, tuple[Callable[[np.random.Generator, int], Points], bool]] = {
    "moons": (_moons, False), "circles": (_circles, False), "xor": (_xor, False),
    "spirals": (_spirals, False), "checkerboard": (_checkerboard, False),
    "blobs": (_blobs, False), "wave": (_wave, True), "jump": (_jump, True), "hills": (_hills, True),
}  # fmt: skip

BUNDLED = ("digits", "penguins")


def made(
    name: str, samples: int = 400, noise: float = 0.1, test_size: float = 0.5, seed: int = 0
) -> Problem:
    """A set of points in the plane, or on a line.

    Parameters
    ----------
    name : str
        One of `MADE`.
    samples : int, default 400
        Those held out included, from 20 to 10,000.
    noise : float, default 0.1
        Standard deviation of the normal noise: on the inputs of classes, on targets that are
        numbers. At least 0 and below 1.
    test_size : float, default 0.5
        The fraction that is held out, at least 0.1 and below 1.
    seed : int, default 0
        Of all random numbers.

    Raises
    ------
    ValueError, TypeError
        For another name or a number out of range.
    """
    make, are_numbers = MADE[validation.choice("data", name, MADE)]
    validation.integer("samples", samples, least=20, most=MOST_ROWS)
    validation.number("noise", noise, least=0, below=MOST_NOISE)
    validation.integer("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    X, y = make(rng, samples)
    if are_numbers:
        y = y + noise * rng.normal(size=samples)
    else:
        X = X + noise * rng.normal(size=X.shape)
    encoder = TargetEncoder.fit(y, "regression" if are_numbers else "classification")
    return _divided(X, y, ("x", "y")[: X.shape[1]], encoder, test_size, seed)


def bundled(name: str, test_size: float = 0.5, seed: int = 0) -> Problem:
    """A set of the package.

    Parameters
    ----------
    name : {"digits", "penguins"}
        Handwritten digits, 8 x 8; the species of penguins from four measures and more.
    test_size, seed
        As for `made`.
    """
    if validation.choice("data", name, BUNDLED) == "penguins":
        return table(load_penguins(), target="species", test_size=test_size, seed=seed)
    X, y = load_digits()
    names = tuple(f"pixel {k // 8}, {k % 8}" for k in range(64))
    return _divided(X, y, names, TargetEncoder("classification", [*range(10)]), test_size, seed)


def table(source: Any, target: str | None = None, test_size: float = 0.5, seed: int = 0) -> Problem:
    """A table: its columns encoded and scaled as `fg.data.read` does.

    Targets that are numbers are standardised: the page shows standard deviations from the mean.

    Parameters
    ----------
    source : path, open file or mapping of columns
        As for `fg.data.read`; at most 10,000 rows and 256 inputs.
    target : str, optional
        The column to predict; by default the last one.
    test_size, seed
        As for `made`.

    Raises
    ------
    ValueError
        If it cannot be read, or is too large.
    """
    data = read(source, target=target)
    (rows, width), encoder = data.X.shape, data.targets
    if rows > MOST_ROWS or width > MOST_INPUTS:
        raise ValueError(
            f"table: got {rows:,} rows and {width:,} inputs; expected at most {MOST_ROWS:,} and"
            f" {MOST_INPUTS}"
        )
    if encoder is None or data.y is None:
        raise ValueError("table: got no targets; expected a column to predict")
    y = data.y
    if encoder.classes is None:
        y = (y - y.mean()) / (y.std() or 1)
    names = data.input_names or [f"input {j}" for j in range(width)]
    return _divided(data.X, y, tuple(names), encoder, test_size, seed)


def _divided(
    X: Array, y: Array, names: tuple[str, ...], encoder: TargetEncoder, test_size: float, seed: int
) -> Problem:
    validation.number("test_size", test_size, least=0.1, below=1)
    train, test = split(y, test_size, seed=seed, stratify=encoder.classes is not None)
    X = X.astype(np.float32)
    return Problem(X[train], y[train], X[test], y[test], names, encoder)
