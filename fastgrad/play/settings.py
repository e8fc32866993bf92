"""What the page sets: one frozen object, every field validated, and what is made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from .. import validation
from ..kernels.activations import ACTIVATIONS
from ..network import Network
from ..optim.adam import Adam, AdamW, NAdam, RAdam
from ..optim.base import Optimizer
from ..optim.first_order import SGD, Adadelta, Adagrad, Lion, RMSprop
from .data import BUNDLED, MADE, Problem, bundled, made

__all__ = ["OPTIMIZERS", "TABLE", "Settings", "costs_of"]

#: The optimizers of the page: class, arguments beside the rate.
OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], dict[str, float]]] = {
    "SGD": (SGD, {}), "SGD with momentum": (SGD, {"momentum": 0.9}), "Adam": (Adam, {}),
    "AdamW": (AdamW, {}), "NAdam": (NAdam, {}), "RAdam": (RAdam, {}), "RMSprop": (RMSprop, {}),
    "Adagrad": (Adagrad, {}), "Adadelta": (Adadelta, {}), "Lion": (Lion, {}),
}  # fmt: skip

#: What the field `data` is for a table of one's own.
TABLE = "table"

MOST_LAYERS, MOST_NODES = 6, 128
_MOST = 1e6  # of the rate and the penalties


def costs_of(problem: Problem) -> list[str]:
    """The costs that suit a problem, the usual one first."""
    if problem.classes is None:
        return ["squared_error", "mae", "huber", "log_cosh"]
    if len(problem.classes) > 2:
        return ["softmax_cross_entropy"]
    return ["sigmoid_cross_entropy", "softmax_cross_entropy", "squared_error"]


@dataclass(frozen=True)
class Settings:
    """Everything that decides the course of a training.

    Attributes
    ----------
    data : str
        A name of `data.MADE` or `data.BUNDLED`, or "table".
    target : str
        The column of a table that is predicted; "" for the last one.
    samples, noise, test_size
        As for `data.made`.
    layers : tuple of int
        Nodes of the hidden layers, at most 6 of at most 128.
    activations : tuple of str
        One for each of them.
    cost : str
        One that suits the data; "" for the usual one.
    optimizer : str
        A name of `OPTIMIZERS`.
    rate : float
        The learning rate.
    batch_size : int
        Samples of an update.
    dropout, l1, l2 : float
        As for `Network`.
    seed : int
        Of data, weights and shuffles.
    """

    data: str = "spirals"
    target: str = ""
    samples: int = 400
    noise: float = 0.05
    test_size: float = 0.5
    layers: tuple[int, ...] = (16, 16)
    activations: tuple[str, ...] = ("tanh", "tanh")
    cost: str = ""
    optimizer: str = "Adam"
    rate: float = 0.01
    batch_size: int = 20
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    seed: int = 0

    @classmethod
    def from_json(cls, content: Any) -> "Settings":
        """The settings of a page, validated; what is missing has its default.

        Raises
        ------
        ValueError, TypeError
            One line: the field, the value received, and what is expected.
        """
        if not isinstance(content, Mapping):
            raise TypeError(f"settings: got {validation.shown(content)}; expected an object")
        known = [field.name for field in fields(cls)]
        for name in content:
            validation.choice("settings", name, known)
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        settings = cls(**given)
        settings._check()
        return settings

    def _check(self) -> None:
        validation.choice("data", self.data, [*MADE, *BUNDLED, TABLE])
        for name in ("target", "cost"):
            if not isinstance(getattr(self, name), str):
                shown = validation.shown(getattr(self, name))
                raise TypeError(f"{name}: got {shown}; expected text")
        for name in ("test_size", "noise", "dropout"):
            validation.fraction(name, getattr(self, name))
        for name in ("l1", "l2"):
            validation.number(name, getattr(self, name), least=0, below=_MOST)
        validation.number("rate", self.rate, above=0, below=_MOST)
        validation.integer("samples", self.samples, least=20)
        validation.integer("batch_size", self.batch_size, least=1, most=10_000)
        validation.integer("seed", self.seed, least=0)
        validation.choice("optimizer", self.optimizer, OPTIMIZERS)
        layers: Any = self.layers
        if not isinstance(layers, tuple) or len(layers) > MOST_LAYERS:
            shown = validation.shown(self.layers)
            raise ValueError(f"layers: got {shown}; expected a list of at most {MOST_LAYERS}")
        for l, n in enumerate(self.layers):
            validation.integer(f"layers[{l}]", n, least=1, most=MOST_NODES)
        names = validation.texts("activations", self.activations)
        if len(names) != len(self.layers):
            raise ValueError(
                f"activations: got {len(names)}; expected one for each of {len(self.layers)} layers"
            )
        for l, name in enumerate(names):
            validation.choice(f"activations[{l}]", name, ACTIVATIONS)

    def problem(self) -> Problem:
        """The samples, unless they are those of a table."""
        if self.data in BUNDLED:
            return bundled(self.data, self.test_size, self.seed)
        return made(self.data, self.samples, self.noise, self.test_size, self.seed)

    def network_arguments(self, problem: Problem) -> dict[str, Any]:
        """What `Network` is called with."""
        costs = costs_of(problem)
        cost = validation.choice("cost", self.cost or costs[0], costs)
        n_outputs = len(problem.classes or []) if cost.startswith("softmax") else 1
        arguments = {
            "sizes": [problem.X.shape[1], *self.layers, n_outputs],
            "activations": [*self.activations, "identity"],
            "cost": cost,
            "seed": self.seed,
        }
        return arguments | {k: v for k in ("l1", "l2", "dropout") if (v := getattr(self, k))}

    def network(self, problem: Problem) -> Network:
        """The network, before training."""
        return Network(**self.network_arguments(problem))

    def make_optimizer(self) -> Optimizer:
        """The optimizer, before training."""
        cls, options = OPTIMIZERS[self.optimizer]
        return cls(self.rate, **options)
