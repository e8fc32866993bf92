"""The recipe by which the networks of a table are trained, chosen by measurement.

`docs/tables-measured.md` has the measurements: paired differences over 25 to 39 tables.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import validation
from ..kernels.activations import activation
from ..network import Network
from ..optim.adam import AdamW
from ..optim.base import Optimizer
from ..optim.schedules import Cosine, Linear, OneCycle

__all__ = ["COSTS", "SCALING", "SCHEDULES", "Recipe", "deep_share", "default_recipe"]

#: The cost of each task, unless another is given.
COSTS = {"classification": "softmax_cross_entropy", "regression": "squared_error"}

#: Of the numbers of a table: R2 +.007 +- .004 and accuracy +.004 +- .003 against "standard".
SCALING: Literal["robust"] = "robust"

#: How the learning rate changes over all epochs, from its first value.
SCHEDULES: dict[str, Callable[[float], Any]] = {
    "constant": float, "cosine": Cosine, "linear": Linear, "one_cycle": OneCycle,
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How the networks of a table are trained.

    Attributes
    ----------
    layers : tuple of int
        Nodes of the hidden layers, or of a single one; none for a linear model.
    activation : str
        Of the hidden layers.
    dropout, l2, weight_decay, learning_rate : float
        As `Network` and `AdamW` take them.
    schedule : {"constant", "cosine", "linear", "one_cycle"}
        Of the learning rate, over all epochs.
    batch_size, epochs : int
        As `Network.fit` takes them.
    patience : int
        Epochs without a lower cost on the validation samples after which training stops; the
        weights of the best epoch are kept.
    members : int
        Networks whose predictions are averaged, each validated on a fold of its own.
    validation_size : float
        Share of the rows held out to validate a single member.
    """

    layers: tuple[int, ...]
    activation: str
    dropout: float
    l2: float
    weight_decay: float
    learning_rate: float
    schedule: str
    batch_size: int
    epochs: int
    patience: int
    members: int
    validation_size: float

    def __post_init__(self) -> None:
        """Validate what the network and its fit would only refuse after the table has been read."""
        given: Any = self.layers
        layers = [given] if isinstance(given, int) else given
        if not isinstance(layers, list | tuple):
            raise TypeError(f"layers: got {given!r}; expected sizes, such as (64, 64)")
        sizes = tuple(validation.integer(f"layers[{k}]", n, least=1) for k, n in enumerate(layers))
        object.__setattr__(self, "layers", sizes)
        for name in ("batch_size", "epochs", "patience", "members"):
            validation.integer(name, getattr(self, name), least=1)
        for name in ("l2", "weight_decay", "learning_rate"):
            validation.number(name, getattr(self, name), least=0)
        validation.number("dropout", self.dropout, least=0, below=1)
        validation.choice("schedule", self.schedule, SCHEDULES)
        activation(self.activation)

    def __str__(self) -> str:
        """Nodes, activation and how they are trained, on one line."""
        nodes = (
            f"{'-'.join(map(str, self.layers))} nodes, {self.activation}"
            if self.layers
            else "linear"
        )
        return (
            f"{nodes}; up to {self.epochs} epochs, mini-batches of {self.batch_size}, learning rate"
            f" {self.learning_rate:g} ({self.schedule})"
        )

    def network(self, n_inputs: int, n_outputs: int, **options: Any) -> Network:
        """A new network; the options are further arguments of `Network`."""
        return Network(
            [n_inputs, *self.layers, n_outputs],
            activations=[self.activation] * len(self.layers) + ["identity"],
            l2=self.l2,
            dropout=self.dropout if self.layers else 0.0,
            **options,
        )

    def optimizer(self) -> Optimizer:
        """A new optimizer."""
        rate = SCHEDULES[self.schedule](self.learning_rate)
        return AdamW(rate, weight_decay=self.weight_decay)

    @property
    def linear(self) -> "Recipe":
        """The same without hidden layers: a linear or logistic regression."""
        return replace(self, layers=(), dropout=0.0)


def default_recipe(n_rows: int, n_classes: int | None) -> Recipe:
    """The recipe for a table.

    Parameters
    ----------
    n_rows : int
        Rows to train and validate on.
    n_classes : int or None
        None for a target of numbers.

    Returns
    -------
    Recipe
    """
    few = n_classes is None and n_rows < 500
    many, huge = n_rows > 3_000, n_rows > 20_000
    return Recipe(
        # 64: R2 +.006 over 14 tables of up to 1,030 rows. 256: -.001 +- .002, thrice as long.
        layers=(64, 64) if few else (128, 128),
        activation="mish",  # accuracy +.008 +- .003 and R2 +.000 +- .002 against relu
        dropout=0.1,  # 0: accuracy -.005 +- .005; 0.2: R2 -.005 +- .003
        l2=0.0,  # 1e-3: R2 -.015
        weight_decay=0.1,  # 0.01: log-loss +.0005 +- .0002; 1: R2 -.004
        learning_rate=5e-3,  # 2e-3: R2 -.003 +- .003; 1e-3: R2 -.004, accuracy -.006
        schedule="cosine",  # constant: accuracy -.002 +- .002
        # 64 instead of 32: R2 -.004 +- .003. 128: R2 +.003 in diamonds. 512: for time alone.
        batch_size=512 if huge else 128 if many else 32,
        epochs=60 if huge else 200,  # 100: log-loss +.002 +- .001; 400: R2 +.003 +- .002
        patience=20,  # 10: R2 -.001 +- .003, accuracy -.003 +- .002
        members=min(n_rows, 4 if huge else 8),  # 5, with 100 epochs: log-loss +.010 +- .007
        validation_size=0.15,  # with a single member; a bag of 8 holds out an eighth
    )


def deep_share(
    y: npt.NDArray[np.generic],
    deep: npt.NDArray[np.floating],
    linear: npt.NDArray[np.floating],
) -> float:
    """Share of the deep networks in the mean with the linear ones, chosen on held-out rows.

    The mean is never far below a linear regression where that is right (R2 +.008 over 14 tables).

    Parameters
    ----------
    y : ndarray
        Class ids (S,), or numbers (S, n_L).
    deep, linear : ndarray
        (S, n_L): what the members of `Recipe` and `Recipe.linear` predict for the rows that each
        was validated on.

    Returns
    -------
    float
        0, 0.1 ... 1: the share with the smallest cross-entropy or squared error; the larger one of
        equals.
    """

    def cost(share: float) -> float:
        mean = share * deep + (1 - share) * linear
        if y.ndim == 1:
            return float(-np.log(np.maximum(mean[np.arange(len(y)), y.astype(int)], 1e-7)).mean())
        return float(np.square(mean - y.astype(float)).mean())

    shares = [tenths / 10 for tenths in range(10, -1, -1)]
    return min(shares, key=cost)
