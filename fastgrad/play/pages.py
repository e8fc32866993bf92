"""What the pages ask for: their sessions and tables, each request validated."""

import io
import math
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import validation
from ..explain.steps import Step
from ..kernels.activations import ACTIVATIONS
from .data import BUNDLED, MADE, table
from .session import Session
from .settings import MOST_LAYERS, MOST_NODES, OPTIMIZERS, TABLE, Settings, costs_of

__all__ = ["Pages", "UnknownError"]

_MOST_SESSIONS, _MOST_TABLES = 16, 8
_GOALS = ("play", "pause", "update", "epoch")


class UnknownError(LookupError):
    """What is asked for is not there, or no longer."""


class Pages:
    """The sessions of the pages that are open, and the tables that they have sent.

    Parameters
    ----------
    path : str, optional
        The table of the command line.
    """

    def __init__(self, path: str | None = None) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._tables: dict[str, tuple[str, Any]] = {}  # its name, and how `table` reads it
        self._first = {} if path is None else self._add_table(path, lambda: path)
        self.requests: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "/table": self._receive_table, "/session": self._open, "/control": self._control,
            "/explain": self._explain, "/code": self._code,
        }  # fmt: skip

    def catalogue(self) -> dict[str, Any]:
        """What a page can choose from, and where it begins."""
        return {
            "sets": {**{name: numbers for name, (_, numbers) in MADE.items()},
                     **dict.fromkeys(BUNDLED, False)},
            "activations": [*ACTIVATIONS],
            "optimizers": [*OPTIMIZERS],
            "most": {"layers": MOST_LAYERS, "nodes": MOST_NODES},
            "settings": asdict(Settings(data=TABLE) if self._first else Settings()),
            "table": self._first,
        }  # fmt: skip

    def session(self, key: Any) -> Session:
        """The session of that key.

        Raises
        ------
        UnknownError
            If there is none, or no longer.
        """
        found = self._sessions.get(key) if isinstance(key, str) else None
        if found is None or found.is_closed:
            raise UnknownError("session: this one has ended; load the page again")
        return found

    def close(self) -> None:
        """End all sessions."""
        for session in self._sessions.values():
            session.close()

    # --- requests: a JSON object in, one out ---------------------------------------------------

    def _receive_table(self, content: Mapping[str, Any]) -> dict[str, str]:
        name, text = _text(content, "name"), _text(content, "content").encode()

        def opened() -> io.BytesIO:
            file = io.BytesIO(text)
            file.name = name  # for errors
            return file

        return self._add_table(name, opened)

    def _add_table(self, name: str, source: Callable[[], Any]) -> dict[str, str]:
        """Keep a table, if it can be read; the oldest make room."""
        data = table(source())
        with self._lock:
            key = secrets.token_urlsafe(16)
            self._tables[key] = Path(name).name, source
            for old in [*self._tables][1:-_MOST_TABLES]:
                del self._tables[old]
        return {"key": key, "name": Path(name).name, "target": str(data.targets.target)}

    def _open(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Make a session, in place of the one that the page had."""
        settings, file = Settings.from_json(content.get("settings")), ""
        if settings.data == TABLE:
            try:
                file, source = self._tables[_text(content, "table")]
            except KeyError:
                raise UnknownError(
                    "table: this one is no longer here; choose the file again"
                ) from None
            target = settings.target or None
            problem = table(source(), target, settings.test_size, settings.seed)
        else:
            problem = settings.problem()
        session, key = Session(settings, problem, file), secrets.token_urlsafe(16)
        with self._lock:
            replaced = self._sessions.pop(str(content.get("instead_of")), None)
            if replaced is not None:
                replaced.close()
            self._make_room()
            self._sessions[key] = session
        arguments = settings.network_arguments(problem)
        return {
            "session": key,
            "batches": session.batches,
            "costs": costs_of(problem),
            "cost": arguments["cost"],
            "inputs": [*problem.names],
            **session.canvas.samples(),
        }

    def _make_room(self) -> None:
        """End sessions that nobody listens to, oldest first, if there are too many."""
        self._sessions = {k: s for k, s in self._sessions.items() if not s.is_closed}
        unheard = [k for k, s in self._sessions.items() if not s.is_heard]
        while len(self._sessions) >= _MOST_SESSIONS and unheard:
            self._sessions.pop(unheard.pop(0)).close()
        if len(self._sessions) >= _MOST_SESSIONS:
            raise ValueError(f"session: {_MOST_SESSIONS} pages are open; expected fewer, close one")

    def _control(self, content: Mapping[str, Any]) -> dict[str, Any]:
        session = self.session(content.get("session"))
        changes: dict[str, Any] = {}
        if "goal" in content:
            changes["goal"] = validation.choice("goal", content["goal"], _GOALS)
        if "per_picture" in content:
            n = validation.integer("per_picture", content["per_picture"], least=0)
            changes["per_picture"] = n or math.inf
        if "rate" in content:
            changes["rate"] = validation.number("rate", content["rate"], above=0)
        if "gradients" in content:
            changes["gradients"] = validation.flag("gradients", content["gradients"])
        session.control(**changes)
        return {}

    def _explain(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The explanation of a derivative, its steps in groups of one equation and layer."""
        session = self.session(content.get("session"))
        X, y = session.problem.X, session.problem.y
        s = validation.integer("sample", content.get("sample"), least=0, most=len(X) - 1)
        place = {name: content.get(name) for name in ("layer", "i", "j")}
        found = session.explain(X[s : s + 1], y[s : s + 1], place)
        groups: dict[tuple[str, str, int, int], list[Step]] = {}
        n, before = 0, ""
        for step in found.steps:  # node by node: of each equation, its nodes together
            n += step.part == "Update" and step.equation != before  # but these are in their order
            before = step.equation
            groups.setdefault((step.part, step.equation, step.layer, n), []).append(step)
        return {
            "title": found.title,
            "basis": f"of sample {s} alone, without dropout; Update takes a mini-batch",
            "value": found.value,
            "symbol": found.symbol,
            "inputs": X[s].tolist(),
            "y": float(y[s]),
            "groups": [_group(*key[:3], steps) for key, steps in groups.items()],
        }

    def _code(self, content: Mapping[str, Any]) -> dict[str, str]:
        return {"code": self.session(content.get("session")).code()}


def _group(part: str, equation: str, layer: int, steps: list[Step]) -> dict[str, Any]:
    loop = steps[0].loop
    return {
        "part": part,
        "equation": equation,
        "layer": layer,
        "steps": [
            {"symbols": step.symbols, "numbers": step.numbers, "value": float(step.value)}
            for step in steps
        ],
        "loop": loop and {"place": str(loop), "text": loop.text},
    }


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise TypeError(f"{name}: got {validation.shown(value)}; expected text")
    return value
