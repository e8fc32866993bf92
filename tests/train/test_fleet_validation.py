"""`fit_many` with validation samples, early stopping and standardised targets: as fits alone."""

import warnings

import numpy as np
import pytest
from helpers.fleets import IDS, SUBSETS, S, X, Y, assert_same, fits, networks, rng

import fastgrad as fg

HELD_OUT = [np.arange(0, S, 2), rng.integers(S, size=30), X[:, 0] < 0, np.array([3]), None]
STOPPING = {
    "val_cost": fg.EarlyStopping(patience=2),
    "relative": fg.EarlyStopping(patience=3, min_delta=0.02, min_delta_mode="relative"),
    "absolute": fg.EarlyStopping(patience=0, min_delta=0.01, restore_best_weights=False),
    "cost": fg.EarlyStopping("cost", patience=1, min_delta=0.01),
}


def callbacks_like(stopping):
    """New callbacks with the same arguments."""
    return lambda k: [] if stopping is None else [eval(repr(stopping), vars(fg))]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("stopping", [None, *STOPPING])
@pytest.mark.parametrize("options", [{}, {"dtype": "float64", "dropout": 0.2}])
def test_validated_alike_and_stopped_in_the_same_epoch(options, stopping, threads, compiled):
    stopping = STOPPING.get(stopping)
    given = {"epochs": 30, "validation": (X[::3] + 0.1, Y[::3])}
    nets, twins = networks(**options), networks(**options)
    found = fg.fit_many(
        nets, X, Y, optimizer=fg.Adam(0.05), subsets=SUBSETS, threads=threads,
        early_stopping=stopping, **given,
    )  # fmt: skip
    assert sorted(compiled) == [*range(5)]
    expected = fits(
        twins, subsets=SUBSETS, optimizer=lambda k: fg.Adam(0.05),
        callbacks=callbacks_like(stopping), **given,
    )  # fmt: skip
    assert_same(nets, twins, found, expected)
    assert not stopping or len({len(history.cost) for history in found}) > 1


@pytest.mark.parametrize("batch_size", [1, 16])
@pytest.mark.parametrize("monitor", ["accuracy", "val_accuracy", "val_cost"])
def test_each_validated_on_rows_of_its_own(monitor, batch_size, compiled):
    options = {"cost": "softmax_cross_entropy"}
    options |= {"l2": 0.01} if monitor.endswith("accuracy") else {}
    stopping = fg.EarlyStopping(monitor, patience=2)
    held_out = [rows if rows is not None else [0] for rows in HELD_OUT]
    given = {"epochs": 20, "batch_size": batch_size}
    nets, twins = networks(**options), networks(**options)
    found = fg.fit_many(
        nets, X, IDS, optimizer=fg.Adam(0.1), subsets=SUBSETS, validation_subsets=held_out,
        early_stopping=stopping, **given,
    )  # fmt: skip
    assert len(compiled) == 5
    expected = fits(
        twins, X, IDS, SUBSETS, lambda k: fg.Adam(0.1), callbacks_like(stopping), held_out, **given
    )  # fmt: skip
    assert_same(nets, twins, found, expected)
    assert any(history.stopped for history in found)


def test_validation_is_without_weights_and_may_be_of_some_networks_alone(compiled):
    weights = rng.integers(3, size=S).astype(float)
    given = {"epochs": 3, "sample_weight": weights, "validation_subsets": HELD_OUT}
    nets, twins = networks(), networks()
    found = fg.fit_many(nets, X, Y, **given)
    assert len(compiled) == 5
    assert_same(nets, twins, found, fits(twins, **given))
    assert [len(history.val_cost) for history in found] == [3, 3, 3, 3, 0]


@pytest.mark.parametrize("callbacks", [None, lambda k: []])
def test_a_patience_alone_monitors_the_validation_cost(callbacks, compiled):
    given = {"epochs": 40, "optimizer": fg.Adam(0.1), "validation_subsets": [[0, 1, 2]] * 3}
    nets, twins = networks(3), networks(3)
    found = fg.fit_many(nets, X, Y, early_stopping=1, callbacks=callbacks, **given)
    assert bool(compiled) == (callbacks is None)
    given["optimizer"] = lambda k: fg.Adam(0.1)
    expected = fits(twins, callbacks=callbacks_like(fg.EarlyStopping(patience=1)), **given)
    assert_same(nets, twins, found, expected)
    assert all("no better val_cost for 1 epochs" in history.stopped for history in found)


@pytest.mark.parametrize("sizes", [(3, 8, 2), (3, 8, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_standardized_targets(sizes, dtype, compiled):
    targets = 1e6 + 100 * Y[:, : sizes[-1]]
    options = {"standardize": True, "standardize_targets": True, "dtype": dtype, "cost": "mse"}
    given = {"epochs": 4, "validation": (X[::3], targets[::3])}
    nets, twins = networks(sizes=sizes, **options), networks(sizes=sizes, **options)
    for _ in range(2):  # standardised by the first fit alone
        found = fg.fit_many(nets, X, targets, subsets=SUBSETS, early_stopping=3, **given)
        expected = fits(
            twins, X, targets, SUBSETS, callbacks=callbacks_like(fg.EarlyStopping(patience=3)),
            **given,
        )  # fmt: skip
        assert_same(nets, twins, found, expected)
        for net, twin in zip(nets, twins, strict=True):
            assert np.array_equal(net.predict(X), twin.predict(X))
    assert len(compiled) == 10


def test_targets_without_rows_of_their_own_are_standardized_alike(compiled):
    weights = rng.integers(2, size=S).astype(float)
    options = {"standardize": True, "standardize_targets": True, "l2": 0.01}
    given = {"epochs": 2, "sample_weight": weights, "validation_subsets": [[1], None, [1], [0]]}
    nets, twins = networks(4, **options), networks(4, **options)
    found = fg.fit_many(nets, X, 50 * Y, **given)
    assert len(compiled) == 4
    assert_same(nets, twins, found, fits(twins, X, 50 * Y, **given))
    before = nets[1].targets.mean.copy()
    nets[0].targets.mean = before + 1  # each has arrays of its own
    assert np.array_equal(nets[1].targets.mean, before)


@pytest.mark.parametrize("callbacks", [None, lambda k: []])
def test_one_warning_of_targets_that_are_far_from_zero(callbacks):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fg.fit_many(networks(4), X, 1e4 + Y, epochs=1, callbacks=callbacks)
    assert len(caught) == 1
    assert "Y: targets of output 1 have mean 1e+04" in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"early_stopping": 3}, ValueError, "monitor: got 'val_cost' in a fit without validation"),
        (
            {"early_stopping": 3, "validation_subsets": HELD_OUT},
            ValueError,
            "early_stopping of network 4: monitor: got 'val_cost' in a fit without",
        ),
        ({"early_stopping": -1}, ValueError, "early_stopping: got -1; expected"),
        ({"early_stopping": True}, TypeError, "early_stopping: got True; expected a patience or"),
        ({"early_stopping": "val_cost"}, TypeError, "early_stopping: got 'val_cost'; expected a p"),
        ({"validation": X}, TypeError, "validation: got ndarray; expected a pair"),
        ({"validation": (X, Y[:3])}, ValueError, "validation Y: got shape"),
        ({"validation_subsets": [[0]]}, ValueError, "validation_subsets: got 1; expected 5, one"),
        (
            {"validation_subsets": [[0]] * 4 + [[S]]},
            ValueError,
            rf"validation_subsets\[4\]: got row {S}; expected rows from 0",
        ),
        (
            {"validation_subsets": [[0]] * 5, "validation": (X, Y)},
            ValueError,
            "validation_subsets: got some beside validation; expected one of the two",
        ),
        ({"metrics": ["mae"]}, ValueError, "metrics: got some without validation"),
    ],
)
def test_wrong_arguments_change_nothing(options, error, message):
    nets = networks(standardize=True)
    with pytest.raises(error, match=message):
        fg.fit_many(nets, X, Y, **options)
    assert not any(net.inputs.standardized for net in nets)
    assert all(
        net.rng.bit_generator.state == twin.rng.bit_generator.state
        for net, twin in zip(nets, networks(), strict=True)
    )
