"""Callbacks that monitor a metric: stop early, or reduce the learning rate."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from .. import validation
from ..metrics import less_is_better
from ..optim.schedule_base import Constant
from ..optim.schedules import Warmup
from .base import Callback, Fit

__all__ = ["INTERRUPTED", "EarlyStopping", "ReduceLROnPlateau", "StopWhen"]


class _Monitor(Callback):
    """Monitors one metric, and counts the epochs since its best value."""

    best: float | None  # times -1 if more is better; None: no finite number so far
    best_epoch: int
    waited: int
    epochs: int  # monitored so far, over all fits that resumed one another
    _initial_state: ClassVar[dict[str, Any]] = {
        "best": None, "best_epoch": -1, "waited": 0, "epochs": 0,
    }  # fmt: skip

    def __init__(
        self, monitor: str, min_delta: float, patience: int, mode: str, min_delta_mode: str
    ) -> None:
        if not isinstance(monitor, str):
            raise TypeError(
                f"monitor: got {monitor!r}; expected the name of a metric, such as 'val_cost'"
            )
        self.monitor = monitor
        self.min_delta = validation.number("min_delta", min_delta, least=0)
        modes = ("absolute", "relative")
        self.min_delta_mode = validation.choice("min_delta_mode", min_delta_mode, modes)
        self.patience = validation.integer("patience", patience, least=0)
        self.mode = validation.choice("mode", mode, ("auto", "min", "max"))
        less = less_is_better(monitor) if mode == "auto" else mode == "min"
        self.sign = 1.0 if less else -1.0
        self._resumes = False
        vars(self).update(self._initial_state)

    def check(self, fit: Fit) -> None:
        """Raise unless each epoch of the fit has the metric."""
        self.check_metric(fit.metric_names)

    def check_metric(self, names: tuple[str, ...]) -> None:
        """Raise unless the metric is one of these, and it is known whether less of it is better.

        Parameters
        ----------
        names : tuple of str
            The metrics of each epoch of a fit.
        """
        if self.monitor not in names:
            received, expected = repr(self.monitor), f"one of {', '.join(names)}"
            hint = validation.did_you_mean(self.monitor, names)
            if self.monitor.startswith("val_") and "val_cost" not in names:
                received += " in a fit without validation"
                expected, hint = f"validation=(X_val, Y_val), or {expected}", ""
            raise ValueError(f"monitor: got {received}; {hint}expected {expected}")
        if self.mode == "auto" and less_is_better(self.monitor) is None:
            raise ValueError(
                f"mode: got 'auto' for {self.monitor}; expected 'min' or 'max', as less or more of"
                " it is better"
            )

    def on_train_begin(self, fit: Fit) -> None:
        """Start from the initial state, unless a state has been loaded."""
        if not self._resumes:
            vars(self).update(self._initial_state)
        self._resumes = False

    def state_dict(self) -> dict[str, Any]:
        """The state of the monitoring, for a checkpoint."""
        state = {name: getattr(self, name) for name in self._initial_state}
        return {"monitor": self.monitor, **state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next fit resume from a state.

        Parameters
        ----------
        state : mapping
            Of a callback that has monitored the same metric.
        """
        if state["monitor"] != self.monitor:
            expected = validation.shown(state["monitor"])
            raise ValueError(f"monitor: got {self.monitor!r}; expected {expected}")
        if state["best"] is not None:
            validation.number("best", state["best"])
        for name, initial in self._initial_state.items():
            if isinstance(initial, int):
                validation.integer(name, state[name], least=-1)
        vars(self).update({name: state[name] for name in self._initial_state})
        self._resumes = True

    def improves(self, fit: Fit) -> bool:
        """Whether the metric is the best so far; counts the epochs in which it was not."""
        value = self.sign * fit.history.columns()[self.monitor][-1]
        self.epochs += 1
        best = math.inf if self.best is None else self.best
        unit = abs(self.best or 0.0) if self.min_delta_mode == "relative" else 1.0
        if value < best - self.min_delta * unit:
            self.best, self.best_epoch, self.waited = value, self.epochs - 1, 0
            return True
        self.waited += 1
        return False


class EarlyStopping(_Monitor):
    """Stop training when a metric no longer improves.

    Parameters
    ----------
    monitor : str, default "val_cost"
        The metric: "cost", "val_cost", "val_accuracy", "val_f1", ...
    min_delta : float, default 0.0
        Smallest change that counts as an improvement, in the unit of the metric or as a share of
        its best value: see `min_delta_mode`.
    patience : int, default 10
        Epochs without improvement after which training stops.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto": less for costs, "mae" and "rmse", more for the other
        metrics with a name. For a custom metric it must be given.
    restore_best_weights : bool, default True
        Restore the weights of the best epoch when training ends, however it ends. An `EMA` or
        `SWA` stays as it is after the last epoch.
    min_delta_mode : {"absolute", "relative"}, default "absolute"
        Relative: min_delta is a share of the best value so far, for costs far from 1.

    Raises
    ------
    ValueError, TypeError
        A number out of its range; in a fit, a metric that is never computed, or a custom metric
        with the mode "auto".
    """

    weights: Any
    _initial_state: ClassVar[dict[str, Any]] = {**_Monitor._initial_state, "weights": None}

    def __init__(
        self,
        monitor: str = "val_cost",
        min_delta: float = 0.0,
        patience: int = 10,
        mode: str = "auto",
        restore_best_weights: bool = True,
        *,
        min_delta_mode: str = "absolute",
    ) -> None:
        super().__init__(monitor, min_delta, patience, mode, min_delta_mode)
        self.restore_best_weights = validation.flag("restore_best_weights", restore_best_weights)

    def on_train_begin(self, fit: Fit) -> None:
        """Start or resume; stop at once if the fit that is resumed had stopped."""
        super().on_train_begin(fit)
        self._stop_if_over(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        """Store the weights if they are the best, and stop after too many epochs without any."""
        if self.improves(fit) and self.restore_best_weights:
            self.weights = fit.net.parameters.copy()
        self._stop_if_over(fit)

    def _stop_if_over(self, fit: Fit) -> None:
        if self.is_over:
            fit.stop(self.reason)

    @property
    def is_over(self) -> bool:
        """Whether there have been too many epochs without improvement."""
        return self.waited >= max(self.patience, 1)

    @property
    def reason(self) -> str:
        """Why it stops a fit, in words."""
        best = "it was never a finite number"
        if self.best is not None:
            best = f"best {self.sign * self.best:.6g} in epoch {self.best_epoch + 1}"
        return f"no better {self.monitor} for {self.waited} epochs, {best}"

    def restores(self) -> str:
        """The weights of the best epoch, if there has been one."""
        has_any = self.restore_best_weights and self.weights is not None
        return f"the weights after epoch {self.best_epoch + 1}, the best {self.monitor}," * has_any

    def on_train_end(self, fit: Fit) -> None:
        """Restore the best weights."""
        if self.restore_best_weights and self.weights is not None:
            locks = fit.net.engine.locks
            with locks.queue, locks.passes:  # another thread may predict
                fit.net.parameters[:] = self.weights


class ReduceLROnPlateau(_Monitor):
    """Multiply the learning rate by a factor when a metric no longer improves.

    The rate must be constant, or constant after a `Warmup`, which then rises to the new rate.

    Parameters
    ----------
    monitor : str, default "val_cost"
        The metric: "cost", "val_cost", "val_accuracy", "val_f1", ...
    factor : float, default 0.1
        Factor of the rate, between 0 and 1.
    patience : int, default 10
        Epochs without improvement after which the rate is reduced.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto": less for costs, "mae" and "rmse", more for the other
        metrics with a name. For a custom metric it must be given.
    min_delta : float, default 1e-4
        Smallest change that counts as an improvement, in the unit of the metric or as a share of
        its best value: see `min_delta_mode`.
    cooldown : int, default 0
        Epochs after a reduction before counting restarts.
    min_lr : float, default 0.0
        The rate is not reduced below it; one that already is smaller stays as it is.
    min_delta_mode : {"absolute", "relative"}, default "absolute"
        Relative: min_delta is a share of the best value so far, for costs far from 1.

    Raises
    ------
    ValueError, TypeError
        A number out of its range; in a fit, a metric that is never computed, a custom metric with
        the mode "auto", an optimizer whose rate follows another schedule, or whose steps do not
        follow its rate.
    """

    resting: int  # epochs of the cooldown that remain
    _initial_state: ClassVar[dict[str, Any]] = {**_Monitor._initial_state, "resting": 0}

    def __init__(
        self,
        monitor: str = "val_cost",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        *,
        min_delta_mode: str = "absolute",
    ) -> None:
        super().__init__(monitor, min_delta, patience, mode, min_delta_mode)
        self.factor = validation.number("factor", factor, above=0, below=1)
        self.cooldown = validation.integer("cooldown", cooldown, least=0)
        self.min_lr = validation.number("min_lr", min_lr, least=0)

    def check(self, fit: Fit) -> None:
        """Raise unless the fit has the metric, and a learning rate that can be reduced."""
        super().check(fit)
        optimizer = fit.optimizer
        if not optimizer.follows_lr:
            name = type(optimizer).__name__
            raise TypeError(f"ReduceLROnPlateau: got {name}; expected steps that follow the rate")
        schedule = optimizer.schedule
        main = schedule.schedule if isinstance(schedule, Warmup) else schedule
        if not isinstance(main, Constant):
            raise TypeError(
                f"ReduceLROnPlateau: got {schedule}; expected a constant rate, or a warm-up to one"
            )

    def on_epoch_end(self, fit: Fit) -> None:
        """Reduce the rate after too many epochs without improvement."""
        improves = self.improves(fit)
        if self.resting:
            self.resting, self.waited = self.resting - 1, 0
        elif not improves and self.waited >= max(self.patience, 1):
            schedule = fit.optimizer.schedule
            if isinstance(schedule, Warmup) and isinstance(schedule.schedule, Constant):
                reduced = Constant(self._reduced(schedule.schedule.lr))
                fit.optimizer.schedule = replace(schedule, schedule=reduced)
            else:
                fit.optimizer.lr = self._reduced(fit.optimizer.lr)
            self.resting, self.waited = self.cooldown, 0

    def _reduced(self, lr: float) -> float:
        return min(lr, max(lr * self.factor, self.min_lr))


#: Why a fit was stopped that Ctrl-C has ended.
INTERRUPTED = "interrupted"


class StopWhen(Callback):
    """Stop a fit when a function says so, as after Ctrl-C.

    Parameters
    ----------
    stops : callable
        Returns whether the fit must stop.
    """

    def __init__(self, stops: Callable[[], bool]) -> None:
        self.stops = stops

    def on_batch_end(self, fit: Fit) -> None:
        """Stop if the time has come."""
        if self.stops():
            fit.stop(INTERRUPTED)
