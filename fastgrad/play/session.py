"""One network of a page: a thread trains it while the page listens and is not paused."""

import json
import math
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..arithmetic import ceil_div
from ..explain.explanation import Explanation
from ..train.base import Callback, Fit
from ..train.reports import silenced
from .code_export import as_python
from .data import Problem
from .drawing import Canvas
from .settings import Settings

__all__ = ["Session"]

_PICTURES = 30  # a second, at most
_UNHEARD = 600.0  # seconds without a listener after which a session ends
_EPOCHS = 100_000  # of one fit, whose history grows with them


class _Watch(Callback):
    """Tells the session of every update of a fit."""

    every = 1

    def __init__(self, session: "Session") -> None:
        self._session = session

    def on_batch_end(self, fit: Fit) -> None:
        self._session.on_update(fit)

    def on_epoch_end(self, fit: Fit) -> None:
        self._session.on_epoch(fit)


class Session:
    """A network with its samples, its training, and the picture that waits for the page.

    Training goes on update by update: after each the thread of the session shows a picture if it is
    time for one, and waits if the page has paused or does not listen. So nothing is computed for
    a page that is hidden or closed.

    Parameters
    ----------
    settings : Settings
        Validated.
    problem : Problem
        The samples.
    file : str
        The name of the table, if the data are one.
    """

    def __init__(self, settings: Settings, problem: Problem, file: str = "") -> None:
        self.settings, self.problem = settings, problem
        self._file = file
        self.net = settings.network(problem)
        self._optimizer = settings.make_optimizer()
        self.canvas = Canvas(self.net, problem)
        self.batches = ceil_div(len(problem.X), settings.batch_size)
        self._changed = threading.Condition()
        self._picture: bytes | None = None
        self._is_stale = True  # the picture that the page has is not of now
        self._listener: object | None = None
        self._heard = time.monotonic()
        self.is_closed = False
        self._goal = 0.0  # updates after which to pause; infinite while playing
        self._per_picture = float(self.batches)
        self._rate = settings.rate
        self._with_gradients = False
        self._message = ""
        self.updates = 0
        self._course: list[tuple[float, int]] = []  # learning rate and updates of each fit
        self._next_update, self._next_time = 0.0, 0.0
        self._thread = threading.Thread(target=self._run, name="fastgrad play", daemon=True)
        self._thread.start()

    # --- what the page asks for -------------------------------------------------------------------

    def control(
        self,
        *,
        goal: str | None = None,
        per_picture: float | None = None,
        rate: float | None = None,
        gradients: bool | None = None,
    ) -> None:
        """Change the course; what is None stays.

        Parameters
        ----------
        goal : {"play", "pause", "update", "epoch"}, optional
            Train until told otherwise, not at all, for one update, or to the end of an epoch.
        per_picture : float, optional
            Updates between two pictures; infinite: as many as there is time for.
        rate : float, optional
            The learning rate from the next epoch on.
        gradients : bool, optional
            Whether pictures have the gradients.
        """
        with self._changed:
            if goal is not None:
                left = self.batches - self.updates_in_epoch
                more = {"play": math.inf, "pause": 0, "update": 1, "epoch": left}[goal]
                self._goal, self._message = self.updates + more, ""
            if per_picture is not None:
                self._per_picture = per_picture
            self._rate = self._rate if rate is None else rate
            self._with_gradients = self._with_gradients if gradients is None else gradients
            self._is_stale = True
            self._changed.notify_all()

    def listen(self) -> object:
        """Become the listener, in place of an earlier one; returns what to call `next` with."""
        with self._changed:
            self._listener, self._is_stale = object(), True
            self._changed.notify_all()
            return self._listener

    def next(self, listener: object, timeout: float) -> bytes | None:
        """The next picture as JSON; b"" after the timeout, None if there will be no more."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._picture or self.is_closed or self._listener is not listener, timeout
            )
            if self.is_closed or self._listener is not listener:
                return None
            picture, self._picture = self._picture or b"", None
            self._changed.notify_all()
            return picture

    def leave(self, listener: object) -> None:
        """No longer listen."""
        with self._changed:
            if self._listener is listener:
                self._listener, self._picture, self._heard = None, None, time.monotonic()
                self._changed.notify_all()

    def close(self) -> None:
        """End the training; the thread ends soon."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until the thread of a closed session has ended."""
        self._thread.join()

    @property
    def is_heard(self) -> bool:
        """Whether a page listens."""
        return self._listener is not None

    @property
    def updates_in_epoch(self) -> int:
        """Of the epoch that has begun: all fits but the last end with an epoch."""
        return self.updates % self.batches

    def explain(self, x: Any, y: Any, place: Mapping[str, Any]) -> Explanation:
        """How the derivative of the cost of a sample comes about, and the update by it.

        Parameters
        ----------
        x, y : array_like
            One sample.
        place : mapping
            The layer, i and j of the parameter, as for `Network.explain`.
        """
        return self.net.explain(x, y, **place, optimizer=self._optimizer)

    def code(self) -> str:
        """The training so far as a Python program."""
        return as_python(self.settings, self.problem, [*self._course], self._file)

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        with silenced():
            while self._wait_until_wanted():
                try:
                    self._fit()
                except Exception as error:  # noqa: BLE001 - whatever it is, the page says it
                    self._pause(f"{type(error).__name__}: {error}")
        self.close()

    def _fit(self) -> None:
        """One call of `fit`: to the next change of the learning rate, or until it diverges."""
        self._optimizer.lr = self._rate
        self._course.append((self._rate, 0))
        history = self.net.fit(
            self.problem.X, self.problem.y, epochs=_EPOCHS, batch_size=self.settings.batch_size,
            optimizer=self._optimizer, callbacks=[_Watch(self)], threads=1,
        )  # fmt: skip
        if not math.isfinite(history.cost[-1]):
            rate, updates = self._course[-1]
            whole = ceil_div(updates, self.batches) * self.batches
            self._course[-1] = rate, whole
            self.updates += whole - updates
            self._pause(f"diverged: {history.stopped}; the last good weights are back")

    def on_update(self, fit: Fit) -> None:
        """After an update: show a picture if it is time, then wait until another is wanted."""
        self.updates += 1
        rate, updates = self._course[-1]
        self._course[-1] = rate, updates + 1
        if not math.isfinite(fit.cost):
            return
        is_fast = math.isinf(self._per_picture)
        is_due = (
            time.monotonic() >= self._next_time if is_fast else self.updates >= self._next_update
        )
        if is_due or self.updates >= self._goal:
            self._is_stale = True
        elif self._listener and not self.is_closed:
            return
        if not self._wait_until_wanted():
            fit.stop("the page is closed")

    def on_epoch(self, fit: Fit) -> None:
        """After an epoch: let the next fit have a new learning rate."""
        if self._rate != fit.optimizer.lr:
            fit.stop("the learning rate has changed")

    def _pause(self, message: str) -> None:
        with self._changed:
            self._goal, self._is_stale, self._message = self.updates, True, message

    def _wait_until_wanted(self) -> bool:
        """Show pictures until another update is wanted; False if the session is to end."""
        while True:
            with self._changed:
                while (work := self._next_work()) is None:
                    self._changed.wait(self._patience())
            if work != "picture":
                return work == "update"
            self._show()

    def _next_work(self) -> Literal["picture", "update", "end"] | None:
        """What to do now; None: wait."""
        now = time.monotonic()
        if self.is_closed or (self._listener is None and now >= self._heard + _UNHEARD):
            return "end"
        if self._listener is None:
            return None
        if self._is_stale:
            return "picture" if self._picture is None else None
        if self.updates >= self._goal:
            return None
        return "update" if math.isinf(self._per_picture) or now >= self._next_time else None

    def _patience(self) -> float | None:
        """Seconds after which there may be work though nobody has said so."""
        if self._listener is None:
            return max(0.0, self._heard + _UNHEARD - time.monotonic())
        if self._is_stale or self.updates >= self._goal:
            return None
        return max(0.0, self._next_time - time.monotonic())

    def _show(self) -> None:
        """Make the picture of now."""
        self._is_stale = False  # before it is made: what changes meanwhile needs another
        content = {
            "updates": self.updates,
            "epochs": self.updates // self.batches,
            "in_epoch": self.updates_in_epoch,
            "batches": self.batches,
            "playing": self._goal > self.updates,
            "rate": self._rate,
            "message": self._message,
            **self._scores(),
            **self.canvas.picture(with_gradients=self._with_gradients),
        }
        picture = json.dumps(content, allow_nan=False).encode()
        with self._changed:
            self._picture = picture
            self._next_update = self.updates + self._per_picture
            self._next_time = max(time.monotonic(), self._next_time + 1 / _PICTURES)
            self._changed.notify_all()

    def _scores(self) -> dict[str, dict[str, float | None]]:
        problem, net = self.problem, self.net
        found = {}
        for name, X, y in (
            ("train", problem.X, problem.y),
            ("test", problem.X_test, problem.y_test),
        ):
            p, accuracy = net.predict(X), None
            if problem.classes is not None:
                accuracy = float(np.mean(problem.targets.class_ids(p) == y))
            cost = net.cost(X, y)
            found[name] = {"cost": cost if math.isfinite(cost) else None, "accuracy": accuracy}
        return found
