"""What a fit leaves behind."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["History"]


@dataclass
class History:
    """Figures of a fit, one an epoch.

    Attributes
    ----------
    samples : int
        Samples an epoch.
    cost : list of float
        Mean cost over the samples as they were trained on, each before its step (`LBFGS`: after),
        and the penalty of the weights before the epoch, or piece of a stream.
    val_cost : list of float
        Mean cost of the validation samples after the epoch; empty without any.
    metrics : dict of str to list of float
        "accuracy" where the cost is a cross-entropy; "val_accuracy" and the metrics asked for, as
        "val_f1", where there are validation samples.
    lr : list of float
        Learning rate of the epoch's last step.
    seconds : list of float
        Time spent training: the samples' passes, without validation and callbacks.
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
        """How many epochs, the last figures, and why it stopped: not all the numbers."""
        last = [f"{name} {values[-1]:.4g}" for name, values in self.columns().items()]
        why = f"; stopped: {self.stopped}" if self.stopped else ""
        return f"<History {', '.join([f'{len(self.cost)} epochs', *last])}{why}>"

    @property
    def samples_per_second(self) -> float:
        """Samples trained on in a second, over all epochs but the first, which may compile."""
        seconds = self.seconds[1:] or self.seconds
        return self.samples * len(seconds) / sum(seconds) if sum(seconds) else 0.0

    def columns(self) -> dict[str, list[float]]:
        """All figures by name, without those that there are none of."""
        named = {"cost": self.cost, "val_cost": self.val_cost, **self.metrics}
        named |= {"lr": self.lr, "seconds": self.seconds}
        return {name: values for name, values in named.items() if values}

    def frame(self) -> Any:
        """The figures as a pandas DataFrame, a row for each epoch, counted from 1.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            message = "History.frame needs pandas: pip install 'fastgrad[frame]'"
            raise ModuleNotFoundError(message, name=error.name) from None
        index = pd.RangeIndex(1, len(self.cost) + 1, name="epoch")
        return pd.DataFrame(self.columns(), index=index)
