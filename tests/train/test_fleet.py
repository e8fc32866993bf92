"""`fit_many`: each network gets the bits of a fit of its own, whatever happens to the others."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from helpers.fleets import IDS, SUBSETS, S, X, Y, assert_same, fits, networks, rng
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.codegen.jit import COMPILED_LOOPS
from fastgrad.train import fleet


@pytest.mark.parametrize("batch_size", [1, 32, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {}, {"dtype": "float64"}, {"dropout": 0.3, "input_noise": 0.1}, {"l1": 0.01, "l2": 0.1},
        {"standardize": True}, {"max_norm": 0.5}, {"cost": "softmax_cross_entropy"},
    ],
)  # fmt: skip
def test_the_bits_of_own_fits(options, batch_size, compiled):
    targets = IDS if "cost" in options else Y
    given = {"epochs": 3, "batch_size": batch_size}
    nets, twins = networks(**options), networks(**options)
    histories = fg.fit_many(nets, X, targets, subsets=SUBSETS, **given)
    assert sorted(compiled) == [*range(5)]
    assert_same(nets, twins, histories, fits(twins, X, targets, SUBSETS, **given))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda k: fg.SGD(0.1, momentum=0.9), lambda k: fg.Rprop(), lambda k: fg.RAdam(),
        lambda k: fg.Adam(fg.schedules.Cosine(0.1)).clip(norm=0.1),
        lambda k: fg.Adam(fg.schedules.Exponential(0.1, 0.9, every=1)),
        lambda k: fg.SGD(lambda step: 0.1 / (1 + step)),
    ],
)  # fmt: skip
def test_every_optimizer_and_schedule(optimizer, compiled):
    nets, twins = networks(), networks()
    histories = fg.fit_many(nets, X, Y, epochs=4, optimizer=optimizer(0), subsets=SUBSETS)
    assert len(compiled) == 5
    assert_same(nets, twins, histories, fits(twins, subsets=SUBSETS, epochs=4, optimizer=optimizer))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_networks_of_many_kinds_and_any_number_of_threads(threads, compiled):
    def made():
        kinds = [networks(4, (3, n, 2), seed=n) for n in (1, 8, 33)]
        nets = [net for same in zip(*kinds, strict=True) for net in same]
        nets[3].layers[0].trainable = False
        nets[4].layers[1].lr_scale = 0.1
        return nets

    weights = rng.uniform(size=S)
    options = {"epochs": 3, "sample_weight": weights, "shuffle": False}

    def optimizer(k):
        return fg.Adam(0.01 * (1 + k % 2))

    nets, twins = made(), made()
    found = fg.fit_many(
        nets, X, Y, optimizer=[optimizer(k) for k in range(12)], threads=threads, **options
    )
    assert len(compiled) == 12
    assert_same(nets, twins, found, fits(twins, optimizer=optimizer, **options))


def test_other_shapes_compile_nothing_new():
    given = {"epochs": 1, "validation_subsets": [[0, 1]] * 100, "early_stopping": 2}
    fg.fit_many(networks(1), X, Y, **given | {"validation_subsets": [[0, 1]]})
    n = len(COMPILED_LOOPS)
    shapes = [(3, *rng.integers(1, 40, size=1 + k % 3), 2) for k in range(100)]
    histories = fg.fit_many([fg.Network(sizes, "tanh") for sizes in shapes], X, Y, **given)
    assert all(len(history.val_cost) == 1 for history in histories)
    assert len(COMPILED_LOOPS) == n


def test_networks_that_have_been_used_and_others_share_a_worker(compiled):
    def made():
        nets = networks(6)
        nets[1].inputs.mean, nets[1].inputs.scale = 3, 0.5  # by hand: none has been standardised
        nets[3].predict(X)
        nets[4].layers[0].W = 0.1
        return nets

    nets, twins = made(), made()
    histories = fg.fit_many(nets, X, Y, epochs=2, threads=1)
    assert len(compiled) == 6
    assert_same(nets, twins, histories, fits(twins, epochs=2))


def test_columns_are_taken_by_name_in_a_second_fleet_too():
    pandas = pytest.importorskip("pandas")
    table, nets, twins = pandas.DataFrame(X, columns=list("abc")), networks(), networks()
    fg.fit_many(nets, table, Y, epochs=1)
    histories = fg.fit_many(nets, table[list("cba")], Y, epochs=1)
    fits(twins, epochs=1)
    assert_same(nets, twins, histories, fits(twins, epochs=1))
    assert nets[0].inputs.names == list("abc")


def test_a_second_fleet_goes_on_with_the_weights():
    nets, twins = networks(), networks()
    for _ in range(2):
        histories, expected = fg.fit_many(nets, X, Y, epochs=2), fits(twins, epochs=2)
    assert_same(nets, twins, histories, expected)


@pytest.mark.parametrize("kind", ["callbacks", "LBFGS", "own", "metrics", "rmse", "penalty"])
def test_what_is_not_compiled(kind, compiled):
    options = {
        "rmse": {"cost": "mse", "standardize_targets": True}, "penalty": {"l2": 0.1}
    }.get(kind, {})  # fmt: skip
    validation = {"validation": (X[:9], Y[:9, :1])}
    given = {"callbacks": {}, "LBFGS": {}, "own": {}}.get(kind, validation)
    given |= {"metrics": ["mae"]} if kind == "metrics" else {}
    monitored = {"callbacks": "cost", "rmse": "val_rmse", "penalty": "val_cost"}.get(kind)

    def optimizer(k):
        return fg.LBFGS() if kind == "LBFGS" else fg.Adam(0.1)

    def callbacks(k):
        return [fg.EarlyStopping(monitored, patience=2)] if monitored else []

    def made():
        if kind == "own":
            own = fg.Activation("own", lambda u: u, lambda u: 1.0)
            return [fg.Network([3, 1], [own], init="zeros", seed=k) for k in range(5)]
        return networks(sizes=(3, 8, 1), **options)

    nets, twins = made(), made()
    own = {"callbacks": callbacks} if kind == "callbacks" else {}
    own |= {"early_stopping": callbacks(0)[0]} if kind in {"rmse", "penalty"} else {}
    histories = fg.fit_many(
        nets, X, Y[:, :1], epochs=4, optimizer=optimizer(0), subsets=SUBSETS, **given, **own
    )
    expected = fits(
        twins, X, Y[:, :1], SUBSETS, epochs=4, optimizer=optimizer, callbacks=callbacks, **given
    )
    assert not compiled
    assert_same(nets, twins, histories, expected)


@jitted_only  # NumPy warns of what overflows
def test_one_that_diverges_is_reported_and_the_others_are_trained():
    def optimizer(k):
        return fg.SGD(1e30 if k == 2 else 0.01)

    nets, twins = networks(), networks()
    with pytest.warns(RuntimeWarning, match="1 of 5 networks stopped: network 2: the cost is"):
        histories = fg.fit_many(nets, X, Y, optimizer=[*map(optimizer, range(5))])
    assert "likely cause: the learning rate" in histories[2].stopped
    assert_same(nets, twins, histories, fits(twins, optimizer=optimizer))


@jitted_only
def test_one_warning_at_the_line_of_the_user_for_all_that_diverge():
    rates = [fg.SGD(1e30 if k % 2 else 0.01) for k in range(10)]
    folds = [([0, 1, 2], [3]), ([3, 4], [5])]

    def made(seed):
        return networks(1, seed=seed)[0]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        histories = fg.fit_many(networks(10), X, Y, optimizer=rates)
        fg.cross_validate(made, X, Y, folds, score="mae", optimizer=fg.SGD(1e30), epochs=2)
        space = {"lr": [1e30, 0.01]}
        found = fg.search(made, space, X, Y, n=8, rounds=2, optimizer=fg.SGD, score="mae")
    assert [warning.filename for warning in caught] == [__file__] * 3
    first, second, third = [str(warning.message) for warning in caught]
    reasons = "; ".join(f"network {k}: {histories[k].stopped}" for k in (1, 3, 5))
    assert first == (
        f"fit_many: 5 of 10 networks stopped: {reasons}; and 2 more, see stopped in their histories"
    )
    assert second.startswith("fit_many: 2 of 2 networks stopped: network 0: the cost is ")
    failed = sorted(row["seed"] for row in found.table if row["lr"] == 1e30)
    assert third.startswith(f"search: {len(failed)} of 8 networks stopped: network {failed[0]}: ")


def test_one_that_fails_is_reported_and_the_others_are_trained():
    class Fails(fg.Callback):
        def on_epoch_end(self, fit):
            raise RuntimeError("of a callback")

    finished = []
    with pytest.warns(RuntimeWarning, match="network 2: RuntimeError: of a callback"):
        histories = fg.fit_many(
            networks(), X, Y, epochs=2, callbacks=lambda k: [Fails()] * (k == 2),
            on_finished=lambda k, history: finished.append(k),
        )  # fmt: skip
    assert [history.stopped for history in histories].count(None) == 4
    assert histories[2].stopped == "RuntimeError: of a callback"
    assert sorted(finished) == [*range(5)]


def test_callbacks_that_cannot_be_made_stop_their_own_network_alone():
    def callbacks(k):
        return {1: 5, 2: [5]}.get(k, [])

    with pytest.warns(RuntimeWarning, match="2 of 4 networks stopped: network 1: TypeError: "):
        histories = fg.fit_many(networks(4), X, Y, epochs=2, callbacks=callbacks)
    assert [len(history.cost) for history in histories] == [2, 0, 0, 2]
    assert "callbacks: got 5; expected objects of fg.Callback" in histories[2].stopped


def test_a_schedule_that_raises_stops_its_own_network_alone():
    def fails(step):
        return 0.1 if step < 2 else 1 / 0

    nets, twins = networks(3), networks(3)
    optimizers = [fg.SGD(0.1), fg.SGD(fails), fg.SGD(0.1)]
    with pytest.warns(RuntimeWarning, match="network 1: ZeroDivisionError"):
        found = fg.fit_many(nets, X, Y, epochs=2, optimizer=optimizers, threads=1)
    assert [bool(history.stopped) for history in found] == [False, True, False]
    expected = fits(twins[::2], epochs=2, optimizer=lambda k: fg.SGD(0.1))
    assert_same(nets[::2], twins[::2], found[::2], expected)


@jitted_only
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("callbacks", [None, lambda k: []])
def test_an_interrupt_keeps_what_is_done(callbacks):
    nets, before, finished = networks(40), networks(40), []
    fg.fit_many(networks(2), X, Y, epochs=1)  # compiles

    def interrupt():
        while not finished:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    begin = time.monotonic()
    # a shell lets programs in the background ignore it
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        histories = fg.fit_many(
            nets, X, Y, epochs=10_000, threads=2, callbacks=callbacks,
            on_finished=lambda k, history: finished.append(k),
        )  # fmt: skip
        thread.join()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - begin < 60
    stopped = [history.stopped for history in histories]
    assert stopped.count(None) >= 1
    assert stopped.count("interrupted") >= 30
    for k, (net, untrained, history) in enumerate(zip(nets, before, histories, strict=True)):
        assert (net.parameters.tobytes() == untrained.parameters.tobytes()) == (not history.cost), k


def test_an_interrupt_while_threads_begin_is_not_lost(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fleet.ThreadPoolExecutor, "submit", interrupt)
    histories = fg.fit_many(networks(3), X, Y)
    assert [history.stopped for history in histories] == ["interrupted"] * 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"subsets": [[0]] * 4}, ValueError, "subsets: got 4; expected 5, one for each network"),
        (
            {"subsets": [[0]] * 4 + [[S]]},
            ValueError,
            rf"subsets\[4\]: got row {S}; expected rows fr",
        ),
        ({"subsets": [[0]] * 4 + [[-1]]}, ValueError, r"subsets\[4\]: got row -1; expected rows"),
        (
            {"subsets": [[0]] * 4 + [[]]},
            ValueError,
            r"subsets\[4\]: got no rows; expected at least one",
        ),
        ({"subsets": [[0.5]] * 5}, ValueError, r"subsets\[0\]: got \[0.5\]; expected rows from 0"),
        (
            {"subsets": [None, X[1:, 0] > 0, *[None] * 3]},
            ValueError,
            rf"subsets\[1\]: got bools of shape \({S - 1},\); expected \({S},\)",
        ),
        ({"subsets": [X[:, 0] > 99] * 5}, ValueError, r"subsets\[0\]: got no rows; expected at le"),
        (
            {"subsets": [slice(3)] * 5},
            TypeError,
            r"subsets\[0\]: got slice\(None, 3, None\), and slices are not accepted; expected rows",
        ),
        ({"subsets": 3}, TypeError, "subsets: got 3; expected 5, one for each network"),
        ({"callbacks": [fg.EarlyStopping()]}, TypeError, r"callbacks: got .*; expected a function"),
        ({"on_finished": 3}, TypeError, "on_finished: got 3; expected a function of k and a hist"),
        ({"X": None}, TypeError, r"X: got None; expected numbers of shape \(S, 3\)"),
        ({"Y": None}, TypeError, rf"Y: got None; expected numbers of shape \({S}, 2\)"),
        ({"optimizer": [fg.Adam()] * 4}, ValueError, "optimizer: got 4; expected 5"),
        ({"optimizer": "adam"}, TypeError, "optimizer: got 'adam'"),
        (
            {"optimizer": fg.SGD(fg.schedules.Cosine(0.1, steps=1000))},
            ValueError,
            "Cosine: got steps 1000 in a fit that ends at step 30",
        ),
        ({"epochs": -1}, ValueError, "epochs: got -1"),
        ({"batch_size": 0}, ValueError, "batch_size: got 0"),
        ({"threads": 0}, ValueError, "threads: got 0"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight: got "),
    ],
)
def test_wrong_arguments_change_nothing(options, error, message):
    nets = networks(standardize=True)
    with pytest.raises(error, match=message):
        fg.fit_many(nets, **{"X": X, "Y": Y} | options)
    assert all(
        n.parameters.tobytes() == m.parameters.tobytes()
        for n, m in zip(nets, networks(), strict=True)
    )
    assert not any(net.inputs.standardized for net in nets)


def test_wrong_networks():
    net, other = networks(1)[0], fg.Network([2, 1])
    for given in (net, fg.Job(net, X, Y), 3):
        with pytest.raises(TypeError, match=r"networks: got .*; expected a list of fg.Network or"):
            fg.fit_many(given, X, Y)
    with pytest.raises(ValueError, match=r"^network 1: X: got shape \(90, 3\); expected numbers"):
        fg.fit_many([net, other], X, Y)
    with pytest.raises(
        ValueError, match=r"^Y: got shape \(89,\); expected .* \(90,\) or \(90, 1\)"
    ):
        fg.fit_many(networks(1, (3, 1)), X, Y[1:, 0])


@pytest.mark.parametrize("callbacks", [None, lambda k: []])
def test_progress_over_all(callbacks, capsys):
    fg.fit_many(networks(3), X, Y, epochs=2, verbose=1, callbacks=callbacks)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"network {n}/3" for n in (1, 2, 3)]
    assert all("  cost " in line and line.endswith(" s") for line in lines)
    fg.fit_many(networks(3), X, Y, epochs=0, verbose=1)
    assert capsys.readouterr().out.count("network") == 3
    fg.fit_many(networks(3), X, Y, epochs=1)
    assert not capsys.readouterr().out


def test_an_optimizer_for_each_shares_the_work_of_all(compiled):
    """As in a search: rates, numbers and clipping of their own, one rule."""

    def optimizer(k):
        made = fg.Adam(0.01 * (1 + k), betas=(0.9 - 0.1 * k, 0.99)) if k % 3 else fg.SGD(0.1)
        return made.clip(norm=0.1) if k == 4 else made

    nets, twins = networks(7), networks(7)
    histories = fg.fit_many(nets, X, Y, epochs=2, optimizer=[optimizer(k) for k in range(7)])
    assert len(compiled) == 7
    assert_same(nets, twins, histories, fits(twins, epochs=2, optimizer=optimizer))


def test_a_network_is_given_once_and_none_are_nothing():
    net = networks(1)[0]
    with pytest.raises(ValueError, match="networks: got the same as number 1 and 2; expected each"):
        fg.fit_many([*networks(1), net, net], X, Y)
    assert fg.fit_many([], X, Y) == []
    assert [history.cost for history in fg.fit_many([net], X, Y, epochs=0)] == [[]]


@pytest.mark.parametrize("callbacks", [None, lambda k: []])  # whole fits compiled, and not
def test_each_balances_its_classes_by_its_own_rows(callbacks):
    ids = (X[:, 0] > 1).astype(int)  # few
    rows = np.arange(len(X))
    subsets = [rows[:30], None, np.repeat(rows[40:90], 2), rows[X[:, 0] > 1][:1]]
    weights = np.linspace(0, 2, len(X))
    options = {"epochs": 3, "class_weight": "balanced"}
    nets, twins = (
        [
            fg.Network([X.shape[1], 6, 2], cost="softmax_cross_entropy", seed=k)
            for k in range(len(subsets))
        ]
        for _ in range(2)
    )
    fg.fit_many(
        nets, X, ids, sample_weight=weights, subsets=subsets, callbacks=callbacks, **options
    )
    for net, twin, own in zip(nets, twins, subsets, strict=True):
        own = rows if own is None else own
        twin.fit(X[own], ids[own], sample_weight=weights[own], verbose=0, **options)
        assert net.parameters.tobytes() == twin.parameters.tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": None}, "batch_size: got None; expected an integer"),
        ({"optimizer": []}, "optimizer: got 0; expected 3, one for each network"),
    ],
)
def test_options_that_a_single_fit_refuses(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fg.fit_many(networks(3), X, Y, **options)
