"""Callbacks: what happens between the epochs and the batches of a fit, at Keras's hook points."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import validation
from ..optim.schedule_base import Constant
from ..optim.schedules import Warmup

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["Callback", "EarlyStopping", "ReduceLROnPlateau", "all_callbacks"]


class Callback:
    """Called by `Network.fit`; override the hooks you need, the others do nothing.

    Each hook is given the `Fit`: its net, optimizer, history and epoch, and `fit.stop(why)`. In
    `on_epoch_end` the last values of `fit.history` are those of this epoch. The attribute `every`
    is the number of batches between calls of `on_batch_end`; 0, the default: every 50 to 100 ms,
    whenever the compiled epoch returns to Python anyway. `metric_names` are the metrics that the
    callback itself appends to `fit.history.metrics` in each epoch, so that callbacks after it can
    monitor them. One whose attribute `run_last` is true is called after the others, wherever it
    stands in the list.
    """

    every: int = 0
    metric_names: tuple[str, ...] = ()
    run_last: bool = False

    def __repr__(self) -> str:
        """As it was made, without what is as by default."""
        arguments = {k: p.default for k, p in signature(type(self)).parameters.items()}
        shown = {k: repr(vars(self)[k]) for k in arguments if k in vars(self)}
        changed = (f"{k}={text}" for k, text in shown.items() if text != repr(arguments[k]))
        return f"{type(self).__name__}({', '.join(changed)})"

    def check(self, fit: "Fit") -> None:
        """Raise unless the callback goes with the fit, of which nothing has begun.

        Parameters
        ----------
        fit : Fit
            What is to begin; `fit.metric_names` are the names of what each epoch will tell.
        """

    def on_train_begin(self, fit: "Fit") -> None:
        """Run before the first epoch.

        Parameters
        ----------
        fit : Fit
            What goes on.
        """

    def on_epoch_begin(self, fit: "Fit") -> None:
        """Run before each epoch.

        Parameters
        ----------
        fit : Fit
            What goes on.
        """

    def on_batch_end(self, fit: "Fit") -> None:
        """Run after every `every` batches of an epoch.

        Parameters
        ----------
        fit : Fit
            What goes on; `fit.cost` is the mean so far in this epoch.
        """

    def on_epoch_end(self, fit: "Fit") -> None:
        """Run after each epoch.

        Parameters
        ----------
        fit : Fit
            What goes on.
        """

    def on_train_end(self, fit: "Fit") -> None:
        """Run after the last epoch, and where training ends early by an error or Ctrl-C.

        Parameters
        ----------
        fit : Fit
            What goes on.
        """


class _Watch(Callback):
    """Follows one figure, and counts the epochs since it was best."""

    best: float
    best_epoch: int
    waited: int
    epochs: int  # that it has watched, over all fits that went on where the one before stopped
    _fresh: ClassVar[dict[str, Any]] = {
        "best": np.inf, "best_epoch": -1, "waited": 0, "epochs": 0,
    }  # fmt: skip

    def __init__(self, monitor: str, min_delta: float, patience: int, mode: str) -> None:
        if not isinstance(monitor, str):
            raise TypeError(
                f"monitor: got {monitor!r}; expected the name of a figure, as 'val_cost'"
            )
        self.monitor = monitor
        self.min_delta = validation.number("min_delta", min_delta, least=0)
        self.patience = validation.integer("patience", patience, least=0)
        self.mode = validation.choice("mode", mode, ("auto", "min", "max"))
        less = is_loss(monitor) if mode == "auto" else mode == "min"
        self._sign = 1.0 if less else -1.0
        self._goes_on = False
        vars(self).update(self._fresh)

    def check(self, fit: "Fit") -> None:
        """Raise unless it goes with the fit."""
        if self.monitor not in fit.metric_names:
            came, known = repr(self.monitor), f"one of {', '.join(fit.metric_names)}"
            hint = validation.did_you_mean(self.monitor, fit.metric_names)
            if self.monitor.startswith("val_") and "val_cost" not in fit.metric_names:
                came += " in a fit without validation"
                known, hint = f"validation=(X_val, Y_val), or {known}", ""
            raise ValueError(f"monitor: got {came}; {hint}expected {known}")
        if self.mode == "auto" and not (is_loss(self.monitor) or _is_score(self.monitor)):
            raise ValueError(
                f"mode: got 'auto' for {self.monitor}; expected 'min' or 'max', as less or more of"
                " it is better"
            )

    def on_train_begin(self, fit: "Fit") -> None:
        """Forget what was before, unless it was told to go on."""
        if not self._goes_on:
            vars(self).update(self._fresh)
        self._goes_on = False

    def state_dict(self) -> dict[str, Any]:
        """What it has seen so far, for a checkpoint."""
        return {"monitor": self.monitor, **{name: getattr(self, name) for name in self._fresh}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next fit begin with a state.

        Parameters
        ----------
        state : mapping
            Of one that has watched the same figure.
        """
        if state["monitor"] != self.monitor:
            raise ValueError(f"monitor: got {self.monitor!r}; expected {state['monitor']!r}")
        vars(self).update({name: state[name] for name in self._fresh})
        self._goes_on = True

    def improves(self, fit: "Fit") -> bool:
        """Whether the figure is the best so far; counts the epochs in which it was not."""
        value = self._sign * fit.history.columns()[self.monitor][-1]
        self.epochs += 1
        if value < self.best - self.min_delta:
            self.best, self.best_epoch, self.waited = value, self.epochs - 1, 0
            return True
        self.waited += 1
        return False


def is_loss(figure: str) -> bool:
    """Whether less of it is better.

    Parameters
    ----------
    figure : str
        Its name, such as "val_cost" or "val_accuracy".
    """
    return figure.removeprefix("val_") in {"cost", "mae", "rmse"}


def _is_score(figure: str) -> bool:
    """Whether it is one of ours of which more is better."""
    return bool(
        re.fullmatch(r"(val_)?((top_(k|\d+)_)?accuracy|precision|recall|f1|roc_auc|r2)", figure)
    )


class EarlyStopping(_Watch):
    """End training when a figure has stopped getting better.

    Parameters
    ----------
    monitor : str, default "val_cost"
        Which figure: "cost", "val_cost", "val_accuracy", "val_f1", ...
    min_delta : float, default 0.0
        By how much it must get better to count.
    patience : int, default 10
        Epochs without that, after which training ends.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto": less for costs, "mae" and "rmse", more for the other
        metrics with a name. Of a figure of your own it has to be told.
    restore_best_weights : bool, default True
        Put back the weights of the best epoch when training ends, however it ends. An `EMA` or
        `SWA` stays as it is after the last epoch.

    Raises
    ------
    ValueError, TypeError
        A number out of its range; in a fit, a figure that there is none of, or one of your own with
        the mode "auto".
    """

    weights: Any
    _fresh: ClassVar[dict[str, Any]] = {**_Watch._fresh, "weights": None}

    def __init__(
        self,
        monitor: str = "val_cost",
        min_delta: float = 0.0,
        patience: int = 10,
        mode: str = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        super().__init__(monitor, min_delta, patience, mode)
        self.restore_best_weights = validation.flag("restore_best_weights", restore_best_weights)

    def on_train_begin(self, fit: "Fit") -> None:
        """Go on with what a checkpoint held, or afresh; stop at once if it had stopped before."""
        super().on_train_begin(fit)
        self._stop_if_over(fit)

    def on_epoch_end(self, fit: "Fit") -> None:
        """Keep the weights if they are the best, and stop if the best is too long ago."""
        if self.improves(fit) and self.restore_best_weights:
            self.weights = fit.net.parameters.copy()
        self._stop_if_over(fit)

    def _stop_if_over(self, fit: "Fit") -> None:
        if self.waited >= max(self.patience, 1):
            best = f"best {self._sign * self.best:.6g} in epoch {self.best_epoch + 1}"
            fit.stop(f"no better {self.monitor} for {self.waited} epochs, {best}")

    def on_train_end(self, fit: "Fit") -> None:
        """Put the best weights back."""
        if self.restore_best_weights and self.weights is not None:
            fit.net.parameters[:] = self.weights


class ReduceLROnPlateau(_Watch):
    """Multiply the learning rate when a figure has stopped getting better.

    The rate is constant, or so after a `Warmup`, whose line then leads to the new rate.

    Parameters
    ----------
    monitor : str, default "val_cost"
        Which figure: "cost", "val_cost", "val_accuracy", "val_f1", ...
    factor : float, default 0.1
        By what, between 0 and 1.
    patience : int, default 10
        Epochs without getting better, after which it is multiplied.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto": less for costs, "mae" and "rmse", more for the other
        metrics with a name. Of a figure of your own it has to be told.
    min_delta : float, default 1e-4
        By how much the figure must get better to count.
    cooldown : int, default 0
        Epochs to wait after that before counting again.
    min_lr : float, default 0.0
        What the rate does not fall below; one that is below already stays as it is.

    Raises
    ------
    ValueError, TypeError
        A number out of its range; in a fit, a figure that there is none of, or one of your own with
        the mode "auto", or an optimizer whose rate follows another schedule, or whose steps do not
        follow its rate.
    """

    resting: int
    _fresh: ClassVar[dict[str, Any]] = {**_Watch._fresh, "resting": 0}

    def __init__(
        self,
        monitor: str = "val_cost",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, min_delta, patience, mode)
        self.factor = validation.number("factor", factor, above=0, below=1)
        self.cooldown = validation.integer("cooldown", cooldown, least=0)
        self.min_lr = validation.number("min_lr", min_lr, least=0)

    def check(self, fit: "Fit") -> None:
        """Raise unless it goes with the fit."""
        super().check(fit)
        optimizer = fit.optimizer
        if not optimizer.follows_lr:
            name = type(optimizer).__name__
            raise TypeError(f"ReduceLROnPlateau: got {name}; expected steps that follow the rate")
        schedule = optimizer.schedule
        after = schedule.schedule if isinstance(schedule, Warmup) else schedule
        if not isinstance(after, Constant):
            raise TypeError(
                f"ReduceLROnPlateau: got {schedule}; expected a constant rate, or a warm-up to one"
            )

    def on_epoch_end(self, fit: "Fit") -> None:
        """Multiply the rate if the best is too long ago."""
        improves = self.improves(fit)
        if self.resting:
            self.resting, self.waited = self.resting - 1, 0
        elif not improves and self.waited >= max(self.patience, 1):
            schedule = fit.optimizer.schedule
            if isinstance(schedule, Warmup) and isinstance(schedule.schedule, Constant):
                after = Constant(self._lowered(schedule.schedule.lr))
                fit.optimizer.schedule = replace(schedule, schedule=after)
            else:
                fit.optimizer.lr = self._lowered(fit.optimizer.lr)
            self.resting, self.waited = self.cooldown, 0

    def _lowered(self, lr: float) -> float:
        return min(lr, max(lr * self.factor, self.min_lr))


def all_callbacks(callbacks: Any, fit: "Fit") -> list[Callback]:
    """Return them in the order of their calls; raise unless all are callbacks that go with it."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks: got {callbacks!r}; expected a list of fg.Callback objects")
    listed = list(callbacks)
    for callback in listed:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks: got {callback!r}; expected objects of fg.Callback")
        validation.integer(f"{type(callback).__name__}.every", callback.every, least=0)
        fit.metric_names = (*fit.metric_names, *callback.metric_names)
    if len({id(callback) for callback in listed}) < len(listed):
        raise ValueError("callbacks: got one of them twice; expected each once")
    for callback in listed:
        callback.check(fit)
    return sorted(listed, key=lambda callback: callback.run_last)
