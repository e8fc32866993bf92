"""Training history: one value per metric and epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..extras import import_extra

__all__ = ["History"]


@dataclass
class History:
    """Metrics of a fit, one value per epoch.

    Attributes
    ----------
    samples : int
        Samples per epoch.
    cost : list of float
        Mean cost of the training samples, each before its step (`LBFGS`: after), plus the penalty
        of the weights before the epoch, or before the piece of a stream.
    val_cost : list of float
        Mean cost of the validation samples after the epoch; empty without any.
    metrics : dict of str to list of float
        "accuracy" for classifiers; "rmse", in the unit of the targets, for one output with
        standardised targets and squared errors; with validation samples also "val_accuracy" or
        "val_rmse", and the metrics passed to the fit, such as "val_f1".
    lr : list of float
        Learning rate of the epoch's last step.
    seconds : list of float
        Time spent in training, without validation and callbacks.
    stopped : str or None
        Why training ended before its last epoch, if it did.
    """

    samples: int
    cost: list[float] = field(default_factory=list)
    val_cost: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str | None = None

    def __repr__(self) -> str:
        """The number of epochs, the last metrics, and why it stopped."""
        last = [f"{name} {values[-1]:.4g}" for name, values in self.columns().items()]
        why = f"; stopped: {self.stopped}" if self.stopped else ""
        return f"<History {', '.join([f'{len(self.cost)} epochs', *last])}{why}>"

    def _repr_html_(self) -> str:
        from .history_html import history_html  # noqa: PLC0415 - for notebooks alone

        return history_html(self.columns(), self.stopped)

    @property
    def samples_per_second(self) -> float:
        """Training samples per second over all epochs except the first, which may compile."""
        seconds = self.seconds[1:] or self.seconds
        return self.samples * len(seconds) / sum(seconds) if sum(seconds) else 0.0

    def append_metrics(self, metrics: Mapping[str, float]) -> None:
        """Append the metrics of an epoch.

        Parameters
        ----------
        metrics : mapping
            By name; "val_cost" goes to its own list.
        """
        for name, value in metrics.items():
            values = self.val_cost if name == "val_cost" else self.metrics.setdefault(name, [])
            values.append(value)

    def columns(self) -> dict[str, list[float]]:
        """All metrics by name, without empty ones."""
        named = {"cost": self.cost, "val_cost": self.val_cost, **self.metrics}
        named |= {"lr": self.lr, "seconds": self.seconds}
        return {name: values for name, values in named.items() if values}

    def frame(self) -> Any:
        """The metrics as a pandas DataFrame with a row per epoch, counted from 1.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        pd = import_extra("pandas", "frame", "History.frame")
        index = pd.RangeIndex(1, len(self.cost) + 1, name="epoch")
        return pd.DataFrame(self.columns(), index=index)
