"""What a fit leaves behind."""

from dataclasses import dataclass, field

__all__ = ["History"]


@dataclass
class History:
    """Figures of a fit, one an epoch.

    Attributes
    ----------
    cost : list of float
        Mean cost over the samples as they were trained on, each before its step.
    val_cost : list of float
        Mean cost of the validation samples after the epoch; empty without any.
    metrics : dict of str to list of float
        "val_accuracy" where the cost is a cross-entropy and there are validation samples.
    seconds : list of float
        Time spent training: the samples' passes, without validation and callbacks.
    samples : int
        Samples an epoch.
    """

    samples: int
    cost: list[float] = field(default_factory=list)
    val_cost: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def samples_per_second(self) -> float:
        """Samples trained on in a second, over all epochs but the first, which may compile."""
        seconds = self.seconds[1:] or self.seconds
        return self.samples * len(seconds) / sum(seconds) if sum(seconds) else 0.0
