"""The state of a fit and the hooks of its callbacks: `Fit` and `Callback` refer to each other."""

from inspect import signature
from typing import Any, Protocol

import numpy as np

from ..engine.engine import Engine
from ..model.layer import Arrays, Gradients, Layer
from ..model.output_heads import OutputHeads
from ..model.spec import NetworkSpec
from ..model.standardization import Inputs, Targets
from ..optim.base import Optimizer
from ..optim.weight_averages import EMA, SWA
from .history import History

__all__ = ["Callback", "Fit", "TrainableNetwork", "trained_mask"]

Array = np.ndarray[Any, Any]


class TrainableNetwork(Protocol):
    """What a fit and its callbacks use of a `Network`."""

    engine: Engine
    inputs: Inputs
    layers: tuple[Layer, ...]
    metadata: dict[str, Any]
    rng: np.random.Generator
    targets: Targets

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of all numbers."""

    @property
    def heads(self) -> OutputHeads:
        """The costs of the outputs."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_0 ... n_L."""

    @property
    def n_inputs(self) -> int:
        """n_0."""

    @property
    def n_outputs(self) -> int:
        """n_L."""

    @property
    def is_built(self) -> bool:
        """Whether its engine has been made."""

    @property
    def arrays(self) -> Arrays:
        """All numbers by their names in a file."""

    @property
    def parameters(self) -> Array:
        """All weights and biases, flat."""

    @property
    def penalty(self) -> float:
        """The terms of l1 and l2 in the cost."""

    @property
    def spec(self) -> NetworkSpec:
        """All that describes it apart from its arrays."""

    @property
    def common_spec(self) -> NetworkSpec:
        """The same but for the metadata, not to be changed."""

    def forward(self, X: Any) -> Array:
        """The outputs a^L."""

    def predict(self, X: Any) -> Array:
        """The outputs with the links of the costs applied."""

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """The mean cost."""

    def gradients(self, X: Any, Y: Any, sample_weight: Any = None) -> Gradients:
        """The gradient of the mean cost."""

    def save(self, path: Any) -> None:
        """Write it to a file."""


def trained_mask(net: TrainableNetwork) -> Array:
    """Whether each parameter is trained: bool, as long as the parameters; False between them."""
    mask = np.zeros(len(net.parameters), bool)
    for layer, (W, b) in zip(net.layers, net.engine.workspace.views(mask), strict=True):
        W[:] = b[:] = layer.trainable
    return mask


class Fit:
    """A fit in progress: what callbacks see of it, and may change.

    Parameters
    ----------
    net : Network
        The network that is trained.
    optimizer : Optimizer
        Its `lr` may be assigned at any time.
    epochs : int
        Number of epochs of the fit.
    history : History
        Metrics of the epochs so far.
    average : EMA or SWA, optional
        Average of the weights.
    metric_names : tuple of str, optional
        Names of the metrics that each epoch adds to the history.

    Attributes
    ----------
    epoch : int
        The current epoch, counted from 0.
    step : int
        Updates so far in this fit.
    epoch_ended : bool
        Whether this epoch has been trained to its end; not if the fit was stopped before.
    samples_done : int
        Samples so far in this epoch.
    cost : float
        Their mean cost, with the penalty as in `History.cost`.
    callbacks : list of Callback
        In the order of their calls.
    """

    __slots__ = (  # so that a misspelt attribute is an error
        "average", "callbacks", "cost", "epoch", "epoch_ended", "epochs", "history",
        "metric_names", "net", "optimizer", "samples_done", "step",
    )  # fmt: skip

    def __init__(
        self,
        net: TrainableNetwork,
        optimizer: Optimizer,
        epochs: int,
        history: History,
        average: EMA | SWA | None = None,
        metric_names: tuple[str, ...] = (),
    ) -> None:
        self.net, self.optimizer, self.epochs, self.history = net, optimizer, epochs, history
        self.average, self.metric_names = average, metric_names
        self.callbacks: list[Callback] = []
        self.epoch = self.step = self.samples_done = 0
        self.epoch_ended, self.cost = False, float("nan")

    def stop(self, why: str = "requested") -> None:
        """End training: after the current batches, or at once if called between epochs.

        Parameters
        ----------
        why : str
            Stored in `history.stopped`, and shown; of several reasons the first.
        """
        self.history.stopped = self.history.stopped or why


class Callback:
    """Base of the callbacks of `Network.fit`: override the hooks that you need.

    Each hook receives the `Fit`: its net, optimizer, history and epoch, and `fit.stop(why)`. In
    `on_epoch_end` the last values of `fit.history` are those of this epoch. The attribute `every`
    is the number of batches between calls of `on_batch_end`; 0, the default: each time the compiled
    epoch returns to Python, every 50 to 100 ms. `metric_names` are the metrics that the callback
    itself appends to `fit.history.metrics` in each epoch, so that later callbacks can monitor them.
    A callback whose attribute `run_last` is true is called after the others, wherever it is in the
    list.
    """

    every: int = 0
    metric_names: tuple[str, ...] = ()
    run_last: bool = False

    def __repr__(self) -> str:
        """As it was constructed, without the arguments that have their defaults."""
        arguments = {k: p.default for k, p in signature(type(self)).parameters.items()}
        shown = {k: repr(vars(self)[k]) for k in arguments if k in vars(self)}
        changed = (f"{k}={text}" for k, text in shown.items() if text != repr(arguments[k]))
        return f"{type(self).__name__}({', '.join(changed)})"

    def check(self, fit: Fit) -> None:
        """Raise if the callback cannot serve the fit, before anything has been changed.

        Parameters
        ----------
        fit : Fit
            The fit that is to begin; `fit.metric_names` are the metrics of each epoch.
        """

    def on_train_begin(self, fit: Fit) -> None:
        """Run before the first epoch.

        Parameters
        ----------
        fit : Fit
            The fit in progress.
        """

    def on_epoch_begin(self, fit: Fit) -> None:
        """Run before each epoch.

        Parameters
        ----------
        fit : Fit
            The fit in progress.
        """

    def on_batch_end(self, fit: Fit) -> None:
        """Run after every `every` batches of an epoch.

        Parameters
        ----------
        fit : Fit
            The fit in progress; `fit.cost` is the mean so far in this epoch.
        """

    def on_epoch_end(self, fit: Fit) -> None:
        """Run after each epoch.

        Parameters
        ----------
        fit : Fit
            The fit in progress.
        """

    def restores(self) -> str:
        """Say which weights `on_train_end` will restore, for messages; by default none."""
        return ""

    def on_train_end(self, fit: Fit) -> None:
        """Run after the last epoch, and if training ends early by an error or Ctrl-C.

        Parameters
        ----------
        fit : Fit
            The fit in progress.
        """
