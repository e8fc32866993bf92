"""A folder of checkpoints, from which the training of an ensemble resumes."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import validation
from ..atomic_write import atomic_write
from ..checkpoint import Checkpoint, resume
from ..network import Network
from ..optim.base import Optimizer
from ..train.base import Callback, Fit
from ..train.history import History
from .recipe import Recipe

__all__ = ["CheckpointFolder", "EarlierEpochs"]

Array = NDArray[Any]

_TRAINING = "training.json"


class CheckpointFolder:
    """A folder with the checkpoint of each network of an ensemble, and what they were trained on.

    Parameters
    ----------
    path : path-like
        The folder; created if there is none.
    version : str
        Of the program: that of another one would not train in the same way.
    resumes : bool, default True
        Whether to go on from the checkpoints in it, if there are any.
    overwrite : bool, default False
        Whether to remove the checkpoints in it instead.

    Attributes
    ----------
    found : int
        Networks whose checkpoints there were when the training began.
    is_terminated : bool
        Whether the training is to end.
    """

    seconds = 10.0  # between two checkpoints of a network

    def __init__(
        self, path: Any, version: str, resumes: bool = True, overwrite: bool = False
    ) -> None:
        self.path = Path(validation.path("checkpoint", path))
        self._version, self._resumes, self._overwrite = version, resumes, overwrite
        self.found, self.is_terminated = 0, False

    def below(self, name: str) -> "CheckpointFolder":
        """The folder of this name in it, for another training of the same command."""
        return CheckpointFolder(self.path / name, self._version, self._resumes, self._overwrite)

    def terminate(self) -> None:
        """Let the training end soon, with a checkpoint of each network."""
        self.is_terminated = True

    def begin(self, net: Network, recipe: Recipe, seed: int, samples: Iterable[Array]) -> None:
        """Begin a training, or find that it is the one that the checkpoints are of.

        Parameters
        ----------
        net : Network
            One of its networks, untrained.
        recipe : Recipe
            How they are trained.
        seed : int
            Of the training.
        samples : iterable of ndarray
            X and Y.

        Raises
        ------
        ValueError
            If they are of another training, or are not to be resumed.
        OSError
            If nothing can be written there.
        """
        training = {
            "version": self._version, "seed": seed, **asdict(recipe),
            "network": net.spec.config(), "samples": _digest(samples),
        }  # fmt: skip
        text, file = json.dumps(training, indent=1) + "\n", self.path / _TRAINING
        self.path.mkdir(parents=True, exist_ok=True)
        found = self.path.glob("[ln]*-*.safetensors")  # of linear and other networks
        n_found = len({path.name.partition(".")[0] for path in found})
        if file.exists() and n_found and self._resumes:
            self._compare(text, file.read_bytes())
            self.found = n_found
            return
        if file.exists() and n_found and not self._overwrite:
            raise ValueError(
                f"checkpoint: got {self.path}, which has checkpoints; expected --resume, another"
                " folder, or --overwrite to replace them"
            )
        file.unlink(missing_ok=True)  # first: without it the others count for nothing
        for left in self.path.glob("*-*.safetensors"):
            left.unlink()
        with atomic_write(file) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _compare(self, text: str, found: bytes) -> None:
        """Raise, with what differs, unless a training is the one of the folder."""
        training = json.loads(text)
        try:
            earlier = dict(json.loads(found))
        except (TypeError, ValueError, RecursionError):
            raise ValueError(
                f"checkpoint: got {self.path}, whose {_TRAINING} is damaged; expected another"
                " folder, or --overwrite without --resume"
            ) from None
        for name, value in training.items():
            if earlier.get(name) != value:
                what = f"{name} {validation.shown(earlier.get(name))}"
                expected = f"{name} {validation.shown(value)}, as now"
                if name in ("samples", "network"):
                    what, expected = f"other {name}", "the same data, split and options"
                raise ValueError(
                    f"checkpoint: got {self.path}, of a training with {what}; expected {expected},"
                    " or another folder, or --overwrite without --resume"
                )

    def resumed(
        self, name: str, net: Network, optimizer: Optimizer, callbacks: Sequence[Callback]
    ) -> tuple[Network, Optimizer, Checkpoint]:
        """A network and its optimizer as their checkpoint has them, and what writes the next one.

        Parameters
        ----------
        name : str
            Of the network in the folder.
        net, optimizer
            As they are if there is no checkpoint yet.
        callbacks : sequence of Callback
            Those of the fit; they resume from their states.
        """
        path = self.path / f"{name}.safetensors"
        if path.exists():
            try:
                net, optimizer, _ = resume(path, net.spec.functions, callbacks)
            except ValueError as error:
                raise ValueError(f"{error}; without this file its network begins anew") from None
        return net, optimizer, Checkpoint(path, seconds=self.seconds)


def _digest(samples: Iterable[Array]) -> str:
    """A hash of arrays."""
    digest = hashlib.sha256()
    for array in samples:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class EarlierEpochs(Callback):
    """Begin the history of a fit that resumes with the epochs before."""

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}
        self._history = History(samples=0)

    @property
    def count(self) -> int:
        """Epochs before the fit."""
        return len(self._columns.get("cost", ()))

    def on_train_begin(self, fit: Fit) -> None:
        """Put them into the history."""
        self._history = fit.history
        for name, values in self._columns.items():
            of_fit = getattr(fit.history, name, None)
            (fit.history.metrics.setdefault(name, []) if of_fit is None else of_fit).extend(values)

    def state_dict(self) -> dict[str, Any]:
        """The epochs until now: as text, since some of their metrics may not be finite."""
        return {"columns": json.dumps(self._history.columns())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next fit begin with the epochs of a state."""
        self._columns = json.loads(state["columns"])
