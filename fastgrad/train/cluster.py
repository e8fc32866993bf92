"""Fits of many networks by the workers of a Dask cluster: see `fit_many`."""

import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from importlib import metadata
from typing import Any

import numpy as np

from ..extras import import_extra
from ..model.settings import apply_settings, training_settings
from .base import TrainableNetwork
from .callbacks import INTERRUPTED
from .history import History
from .reports import silenced
from .waiting import wait

__all__ = ["check_client", "fit_on_cluster"]

#: Of each network its history, and its state unless it was not trained.
Outcome = list[tuple[History, tuple[Any, ...] | None]]

_CHUNK_OPERATIONS = 1e10  # of the fits of a task: about half a second
_CHUNK_BYTES = 8e6  # of its networks, which the scheduler holds
_CHUNKS_PER_THREAD = 4  # at least, so that all threads end at about the same time
_CHUNKS_AHEAD = 2  # per thread that the scheduler knows: enough that no worker waits
_SECONDS = 0.5  # after which it looks whether it must stop
_SECONDS_WITHOUT_WORKERS = 60.0  # after which it gives up, as for one result
_MAX_LOSSES = 3  # of a chunk with all workers that had the samples


def check_client(client: Any, **refused: Any) -> None:
    """Raise unless fits can be sent to it.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster that has fastgrad of this version at its workers.
    **refused
        Other arguments, which must be None.

    Raises
    ------
    ModuleNotFoundError
        If distributed is not installed.
    TypeError, ValueError
        One line: the argument, the value received, and what is expected.
    """
    kind = _library("distributed").Client
    if not isinstance(client, kind) or client.asynchronous:
        received = "an asynchronous Client" if isinstance(client, kind) else type(client).__name__
        raise TypeError(f"client: got {received}; expected a distributed.Client")
    for name, value in refused.items():
        if value is not None:
            raise ValueError(f"{name}: got it with a client; expected None, as the workers decide")
    if client.status != "running" or not client.nthreads():
        received = "no workers" if client.status == "running" else f"one that is {client.status}"
        raise ValueError(f"client: got {received}; expected a cluster with at least one worker")
    here = metadata.version("fastgrad")
    found = client.run(metadata.version, "fastgrad", on_error="return")
    for worker, version in found.items():
        if version != here:
            received = "none" if isinstance(version, Exception) else version
            raise ValueError(f"client: got fastgrad {received} at {worker}; expected {here}")


def _library(name: str) -> Any:
    return import_extra(name, "dask", "fit_many(client=...)")


def fit_on_cluster(
    client: Any,
    fit_many: Callable[..., list[History]],
    networks: Sequence[TrainableNetwork],
    common: Mapping[str, Any],
    own: Mapping[str, Sequence[Any]],
    n_samples: Sequence[int],
    on_finished: Callable[[int, History], None],
) -> list[History]:
    """Train networks by `fit_many` at the workers, some in each task, and set what they became.

    Parameters
    ----------
    client : distributed.Client
        As `check_client` accepts it.
    fit_many : callable
        The function itself.
    networks : sequence of Network
        Those of the user.
    common : mapping of str to object
        Its arguments for all networks, such as the samples; sent once.
    own : mapping of str to sequence
        Its arguments with an item for each network.
    n_samples : sequence of int
        How many each network is trained on.
    on_finished : callable
        As for `fit_many`.
    """
    fits = _ClusterFits(
        client, {"fit_many": fit_many, **common}, networks, own, n_samples, on_finished
    )
    # in another thread, so that Ctrl-C finds each network either trained or as it was
    with ThreadPoolExecutor(1) as pool:
        try:
            wait([done := pool.submit(fits.train)])
        except KeyboardInterrupt:
            fits.is_stopped = True
    return done.result()


class _ClusterFits:
    """Networks that a cluster trains, and what has become of them."""

    def __init__(
        self,
        client: Any,
        common: Mapping[str, Any],
        networks: Sequence[TrainableNetwork],
        own: Mapping[str, Sequence[Any]],
        n_samples: Sequence[int],
        on_finished: Callable[[int, History], None],
    ) -> None:
        self._client, self._own, self._networks = client, own, networks
        self._on_finished, self.is_stopped = on_finished, False
        self._histories: list[History | None] = [None] * len(networks)
        buffers: list[pickle.PickleBuffer] = []
        # `common` for all tasks, which share the arrays in it
        self._common = _pickled(common, buffers.append), [buffer.raw() for buffer in buffers]
        self._sent: Any = None  # the future of these at the workers
        operations = 6.0 * np.array(n_samples) * common["epochs"]  # for each weight
        # the numbers of the networks of each chunk
        self._waiting = deque(self._chunks(operations))
        self._running: dict[Any, list[int]] = {}  # likewise, by the future of its result
        self._losses: Counter[int] = Counter()  # by the first number of the chunk

    def train(self) -> list[History]:
        """Train all networks; once it is stopped, cancel what has not begun."""
        try:
            for members, outcome in self._outcomes():
                for k, (history, state) in zip(members, outcome, strict=True):
                    if state is not None:
                        _set_state(self._networks[k], state)
                    self._finish(k, history)
        finally:
            # what nobody waits for is not begun, and what nobody needs is not kept
            for future in (*self._running, *([self._sent] if self._sent else [])):
                future.release()
        return [history or History(0, stopped=INTERRUPTED) for history in self._histories]

    def _chunks(self, operations: np.ndarray[Any, Any]) -> Iterator[list[int]]:
        """The numbers of the networks in parts, of one task each."""
        n, words = len(self._networks), np.array([net.parameters.size for net in self._networks])
        shares = np.maximum(words * operations / _CHUNK_OPERATIONS, 8 * words / _CHUNK_BYTES)
        shares = np.maximum(shares, _CHUNKS_PER_THREAD * self._n_threads() / max(n, 1))
        ends = np.flatnonzero(np.diff(np.cumsum(shares).astype(int))) + 1
        yield from (part.tolist() for part in np.split(np.arange(n), ends))

    def _n_threads(self) -> int:
        return sum(self._client.nthreads().values())

    def _outcomes(self) -> Iterator[tuple[list[int], Outcome]]:
        """Send chunks, and yield what has become of the networks of each, until there are none."""
        last_seen = time.monotonic()
        try:
            while (self._waiting or self._running) and not self.is_stopped:
                threads, now = self._n_threads(), time.monotonic()
                last_seen = now if threads else last_seen
                if now - last_seen > _SECONDS_WITHOUT_WORKERS:
                    raise TimeoutError(f"no workers for {_SECONDS_WITHOUT_WORKERS:g} s")
                while self._waiting and len(self._running) < _CHUNKS_AHEAD * threads:
                    self._send(self._waiting.popleft())
                if not self._running:
                    time.sleep(_SECONDS)
                with suppress(TimeoutError, CancelledError):
                    _library("distributed").wait([*self._running], _SECONDS, "FIRST_COMPLETED")
                for future in [*self._running]:
                    if (outcome := self._outcome(future)) is not None:
                        members = self._running.pop(future)
                        future.release()  # distributed holds it in a cycle
                        yield members, outcome
        except OSError as error:  # of the connection; a TimeoutError is one, too
            for members in (*self._running.values(), *self._waiting):
                yield members, _failed(members, error)

    def _send(self, members: list[int]) -> None:
        """Send the networks of a chunk, and the arguments for all if no worker has them."""
        if self._sent is None or self._sent.cancelled():
            [self._sent] = self._client.scatter([self._common], broadcast=True, hash=False)
        own = {name: [values[k] for k in members] for name, values in self._own.items()}
        chunk = _pickled({"networks": [self._networks[k] for k in members], **own})
        # no advice against what must be: networks that are large
        limit = {"distributed.admin.large-graph-warning-threshold": "1TB"}
        with _library("dask").config.set(limit):
            future = self._client.submit(_trained, self._sent, chunk, pure=False)
        self._running[future] = members

    def _outcome(self, future: Any) -> Outcome | None:
        """What has become of the networks of a chunk, once it has ended."""
        members = self._running[future]
        if future.status == "finished":
            # without: its worker was lost meanwhile, and the scheduler begins the chunk again
            with suppress(TimeoutError, CancelledError):
                found: Outcome = pickle.loads(future.result(_SECONDS_WITHOUT_WORKERS))
                return found
        elif future.status == "error":
            return _failed(members, future.exception())
        elif future.status == "cancelled":  # all workers with the samples were lost
            self._losses[members[0]] += 1
            if self._losses[members[0]] == _MAX_LOSSES:
                error = ConnectionError(f"lost with its workers {_MAX_LOSSES} times")
                return _failed(members, error)
            self._waiting.appendleft(self._running.pop(future))
        return None

    def _finish(self, k: int, history: History) -> None:
        self._histories[k] = history
        self._on_finished(k, history)


def _failed(members: Sequence[int], error: BaseException) -> Outcome:
    stopped = f"{type(error).__name__}: {error}"
    return [(History(0, stopped=stopped), None) for _ in members]


def _pickled(
    value: Any, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None
) -> Any:
    """What `pickle.loads` accepts at a worker, also of functions that the user has defined."""
    try:
        return _library("cloudpickle").dumps(value, 5, buffer_callback)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise TypeError(f"client: got what cannot be pickled, to be sent to it: {error}") from None


def _trained(common: tuple[bytes, Sequence[Any]], chunk: bytes) -> bytes:
    """Train the networks of a chunk, at a worker."""
    data, buffers = common
    arguments = pickle.loads(data, buffers=buffers) | pickle.loads(chunk)
    fit_many, networks = arguments.pop("fit_many"), arguments["networks"]
    with silenced():  # the numbers of the networks are those of the chunk
        histories = fit_many(**arguments, threads=1)
    return pickle.dumps([*zip(histories, map(_state, networks), strict=True)])


def _state(net: TrainableNetwork) -> tuple[Any, ...]:
    """What a fit changes of a network."""
    parts = (net.inputs, net.targets)
    return net.arrays, net.rng.bit_generator.state, [*map(training_settings, parts)]


def _set_state(net: TrainableNetwork, state: tuple[Any, ...]) -> None:
    arrays, net.rng.bit_generator.state, settings = state
    for name, array in net.arrays.items():
        array[...] = arrays[name]
    for part, of_part in zip((net.inputs, net.targets), settings, strict=True):
        apply_settings(part, of_part)
