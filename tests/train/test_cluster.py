"""`fit_many` on a Dask cluster: the bits of a fit here, whatever happens to the workers."""

import gc
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import fleets
from helpers.fleets import IDS, SUBSETS, S, X, Y, assert_same, fits
from helpers.run_mode import PLAIN

import fastgrad as fg
from fastgrad.train import cluster

if PLAIN:
    pytest.skip("processes that train; the loops are tested elsewhere", allow_module_level=True)

distributed = pytest.importorskip("distributed", reason="distributed is not installed")


def networks(n=20, **options):
    """Of two kinds, in turns."""
    kinds = [fleets.networks(n, (3, width, 2), **options) for width in (8, 9)]
    return [kinds[k % 2][k] for k in range(n)]


def new_cluster(n_workers=2):
    """With a Nanny for each process, which starts another where one was killed."""
    return distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=":0",
        silence_logs=50,
    )  # fmt: skip


@pytest.fixture(scope="module")
def client():
    with new_cluster() as workers, distributed.Client(workers) as client:
        yield client


@pytest.fixture
def own_client():
    with new_cluster() as workers, distributed.Client(workers) as client:
        yield client


@pytest.mark.parametrize("kind", ["compiled", "standardised", "classes", "names", "metrics"])
def test_the_bits_of_own_fits(kind, client):
    given = {
        "standardised": {"standardize": True, "standardize_targets": True},
        "classes": {"dropout": 0.3, "cost": "softmax_cross_entropy"},
    }.get(kind, {})
    samples = {"classes": (X, IDS), "names": (pd.DataFrame(X, columns=list("abc")), Y)}
    options = {"epochs": 3, "sample_weight": np.linspace(0, 1, S)}
    if kind == "metrics":
        options |= {"validation": (X[:9], Y[:9]), "metrics": ["mae", lambda y, a: 0.5]}
    nets, twins = networks(**given), networks(**given)
    samples = samples.get(kind, (X, Y))
    found = fg.fit_many(nets, *samples, client=client, **options)
    assert_same(nets, twins, found, fits(twins, *samples, **options))
    assert [net.inputs.names for net in nets] == [net.inputs.names for net in twins]
    again = fg.fit_many(nets, *samples, client=client, epochs=2)
    assert_same(nets, twins, again, fits(twins, *samples, epochs=2))


def test_each_network_with_rows_and_an_optimizer_of_its_own(client):
    def optimizer(k):
        return fg.LBFGS() if k == 4 else fg.SGD(0.01 * (1 + k))

    nets, twins, finished = networks(5), networks(5), []
    found = fg.fit_many(
        nets, X, Y, epochs=3, optimizer=[*map(optimizer, range(5))], subsets=SUBSETS, client=client,
        on_finished=lambda k, history: finished.append(k),
    )  # fmt: skip
    expected = fits(twins, epochs=3, optimizer=optimizer, subsets=SUBSETS)
    assert_same(nets, twins, found, expected)
    assert sorted(finished) == [*range(5)]


def test_each_network_stops_by_itself(client):
    held = [np.arange(k, S, 5) for k in range(5)]
    nets, twins = networks(5), networks(5)
    options = {"epochs": 40, "subsets": SUBSETS, "validation_subsets": held}
    found = fg.fit_many(
        nets, X, Y, optimizer=fg.Adam(0.1), early_stopping=2, client=client, **options
    )
    expected = fits(
        twins, optimizer=lambda k: fg.Adam(0.1),
        callbacks=lambda k: [fg.EarlyStopping(patience=2)], **options,
    )  # fmt: skip
    assert_same(nets, twins, found, expected)
    assert any(history.stopped for history in found)


def test_functions_of_the_user(client):
    identity = fg.Activation("own", lambda u: 0.5 * u, lambda u: 0.5)
    nets, twins = ([fg.Network([3, 2], [identity], seed=k) for k in range(2)] for _ in range(2))
    found = fg.fit_many(nets, X, Y, epochs=2, client=client)
    assert_same(nets, twins, found, fits(twins, epochs=2))


def test_none_are_nothing(client):
    assert fg.fit_many([], X, Y, client=client) == []
    histories = fg.fit_many(networks(2), X, Y, epochs=0, client=client)
    assert [history.cost for history in histories] == [[], []]


@pytest.mark.parametrize("how_many", [1, 2])
def test_workers_that_are_killed(how_many, own_client):
    """One: the other has the samples, too. Both: the samples are sent again."""
    pids, nets, twins, killed = own_client.run(os.getpid), networks(), networks(), []

    def kill(k, history):
        deadline = time.monotonic() + 10
        while not killed and not any(own_client.processing().values()):
            assert time.monotonic() < deadline  # there are chunks that have not ended
        for pid in [*pids.values()][len(killed) : how_many]:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    found = fg.fit_many(nets, X, Y, epochs=1000, client=own_client, on_finished=kill)
    assert_same(nets, twins, found, fits(twins, epochs=1000))
    assert len(killed) == how_many
    assert not {*killed} & {*own_client.run(os.getpid).values()}


def assert_reported(histories, nets, message):
    """Those that failed say why, and are as before; the others are trained."""
    failed = [history.stopped is not None for history in histories]
    untrained = networks(len(nets))
    for net, before, history, is_failed in zip(nets, untrained, histories, failed, strict=True):
        assert (net.parameters.tobytes() == before.parameters.tobytes()) == is_failed
        assert not is_failed or message in history.stopped
    return sum(failed)


def test_no_workers_are_not_waited_for_without_end(own_client, monkeypatch):
    monkeypatch.setattr(cluster, "_SECONDS_WITHOUT_WORKERS", 1.0)
    nets = networks()
    with pytest.warns(RuntimeWarning, match=r"network \d+: TimeoutError: no workers for 1 s"):
        histories = fg.fit_many(
            nets, X, Y, epochs=100, client=own_client,
            on_finished=lambda k, history: own_client.cluster.scale(0) if not k else None,
        )  # fmt: skip
    assert 0 < assert_reported(histories, nets, "TimeoutError: no workers for 1 s") < 20


def test_what_kills_its_workers_is_given_up(own_client):
    here = os.getpid()

    def deadly(y, a):
        if os.getpid() != here:  # where it is called once, to check it
            os.kill(os.getpid(), signal.SIGKILL)
        return 0.0

    nets = networks(2)
    with pytest.warns(RuntimeWarning, match=r"network [01]: ConnectionError: lost with its w"):
        histories = fg.fit_many(
            nets, X, Y, epochs=1, validation=(X, Y), metrics=[deadly], client=own_client
        )
    assert assert_reported(histories, nets, "lost with its workers 3 times") == 2


@pytest.mark.parametrize("how", ["diverges", "raises"])
def test_one_that_fails_is_reported_and_the_others_are_trained(how, client):
    def metric(y, a):
        if np.abs(a).max() > 1e6:
            raise RuntimeError("of a metric")
        return 0.0

    nets = networks(5)
    optimizers = [fg.SGD(1e30 if k == 2 and how == "diverges" else 0.01) for k in range(5)]
    metrics = {"validation": (X, Y), "metrics": [metric]} if how == "raises" else {}
    if metrics:
        nets[2].layers[1].b = 1e9
    message = {"raises": "RuntimeError: of a metric", "diverges": "likely cause: the learning rate"}
    with pytest.warns(RuntimeWarning, match=f"network 2: .*{message[how]}") as warned:
        histories = fg.fit_many(
            nets, X, Y, optimizer=optimizers, epochs=2, client=client, **metrics
        )
    assert len(warned) == 1
    assert [message[how] in str(history.stopped) for history in histories] == [
        k == 2 for k in range(5)
    ]
    assert all(len(history.cost) == 2 for k, history in enumerate(histories) if k != 2)


def test_workers_in_this_process_do_not_warn_of_their_part():
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "silence_logs": 50}
    optimizers = [fg.SGD(1e30 if k in {3, 17} else 0.01) for k in range(20)]
    with (
        distributed.LocalCluster(dashboard_address=":0", **options) as workers,
        distributed.Client(workers) as own,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        fg.fit_many(networks(), X, Y, epochs=2, optimizer=optimizers, client=own)
    found = [str(of.message) for of in caught if "network" in str(of.message)]
    assert len(found) == 1
    assert found[0].startswith("fit_many: 2 of 20 networks stopped: network 3: the cost is")


def test_an_interrupt_keeps_what_is_done(client):
    nets = networks()
    # a shell lets programs in the background ignore it
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()  # nothing waits for Python to collect cycles
    try:
        histories = fg.fit_many(
            nets, X, Y, epochs=20_000, client=client,
            on_finished=lambda k, history: os.kill(os.getpid(), signal.SIGINT) if not k else None,
        )  # fmt: skip
        assert 0 < assert_reported(histories, nets, "interrupted") < 20
        deadline = time.monotonic() + 60
        while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
            assert time.monotonic() < deadline  # the cluster keeps nothing
            time.sleep(0.01)
    finally:
        gc.enable()
        signal.signal(signal.SIGINT, handler)


def test_an_error_of_on_finished_ends_the_fits(client):
    def full(k, history):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fg.fit_many(networks(), X, Y, epochs=1, client=client, on_finished=full)


def test_what_cannot_be_pickled_is_named_before_a_fit(client):
    numbers = (k for k in range(3))
    metrics = {"validation": (X, Y), "metrics": [lambda y, a: next(numbers)]}
    with pytest.raises(TypeError, match=r"^client: got .*: cannot pickle 'generator' object$"):
        fg.fit_many(networks(2), X, Y, epochs=1, client=client, **metrics)


def test_wrong_arguments_change_nothing(client):
    with (
        new_cluster(0) as empty,
        distributed.Client(empty) as without,
        distributed.Client(empty) as closed,
    ):
        closed.close()
        for options, error, message in (
            ({"client": "tcp://host:8786"}, TypeError, "client: got str; expected a distributed.C"),
            ({"client": without}, ValueError, "client: got no workers; expected a cluster with at"),
            ({"client": closed}, ValueError, "client: got one that is closed; expected a cluster"),
            ({"callbacks": lambda k: []}, ValueError, "callbacks: got it with a client; expected"),
            ({"threads": 2}, ValueError, "threads: got it with a client; expected None, as the"),
            ({"epochs": -1}, ValueError, "epochs: got -1"),
        ):
            nets = networks(2, standardize=True)
            with pytest.raises(error, match=f"^{message}"):
                fg.fit_many(nets, X, Y, **{"client": client, **options})
            assert not nets[0].inputs.standardized


def test_the_version_at_the_workers(client, monkeypatch):
    here = os.getpid()
    versions = lambda name: "0.0.1" if os.getpid() == here else "0.0.2"  # noqa: E731 - is pickled
    monkeypatch.setattr(cluster.metadata, "version", versions)
    with pytest.raises(ValueError, match=r"^client: got fastgrad 0.0.2 at tcp:.*; expected 0.0.1"):
        fg.fit_many(networks(2), X, Y, client=client)


def test_the_error_without_distributed_names_a_command():
    program = (
        "import sys; sys.modules['distributed'] = None; import fastgrad as fg;"
        "fg.fit_many([fg.Network([1, 1])], [[0.0]], [0.0], client=1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "fit_many(client=...) needs distributed: pip install distributed" in done.stderr


def test_each_is_stopped_early_by_rows_of_its_own(client):
    rows = np.arange(S)
    options = {
        "epochs": 30, "batch_size": 16, "early_stopping": 1, "optimizer": fg.Adam(0.1),
        "subsets": [rows[rows % 5 != k % 5] for k in range(20)],
        "validation_subsets": [rows[rows % 5 == k % 5] for k in range(20)],
    }  # fmt: skip
    nets, twins = networks(), networks()
    expected = fg.fit_many(twins, X, Y, **options)
    found = fg.fit_many(nets, X, Y, **options, client=client)
    for net, twin in zip(nets, twins, strict=True):
        assert net.parameters.tobytes() == twin.parameters.tobytes()
    assert [history.stopped for history in found] == [history.stopped for history in expected]
    assert len({len(history.cost) for history in found}) > 1


def test_jobs_take_their_samples_along(client):
    def jobs(nets):
        return [fg.Job(net, X[k:], Y[k:], (X[:k], Y[:k])) for k, net in enumerate(nets, start=5)]

    nets, twins = networks(), networks()
    expected = fg.fit_many(jobs(twins), epochs=3)
    assert_same(nets, twins, fg.fit_many(jobs(nets), epochs=3, client=client), expected)
