"""`fit_many` of jobs: each network with samples of its own."""

import warnings

import numpy as np
import pytest
from helpers.fleets import X, Y, assert_same, fits, networks, rng

import fastgrad as fg

ROWS = [np.arange(90), np.arange(40), rng.integers(90, size=200), [5]]


def jobs(nets):
    return [fg.Job(net, X[rows], Y[rows]) for net, rows in zip(nets, ROWS, strict=True)]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_of_own_fits(threads, compiled):
    nets, twins = networks(4), networks(4)
    found = fg.fit_many(jobs(nets), epochs=3, threads=threads)
    assert len(compiled) == 4
    assert_same(nets, twins, found, fits(twins, subsets=ROWS, epochs=3))


def test_validation_weights_and_standardization_of_their_own(compiled):
    options = {"standardize": True, "standardize_targets": True}
    nets, twins = networks(4, **options), networks(4, **options)
    weights = [rng.integers(3, size=len(rows)) + (k == 3) for k, rows in enumerate(ROWS)]
    held_out = [[1, 2], [3], [4, 5, 6], [7]]
    found = fg.fit_many(
        [
            fg.Job(net, X[rows], 9 * Y[rows], (X[held], 9 * Y[held]), w)
            for net, rows, held, w in zip(nets, ROWS, held_out, weights, strict=True)
        ],
        epochs=20, early_stopping=2,
    )  # fmt: skip
    assert len(compiled) == 4
    for net, twin, rows, held, w, history in zip(
        nets, twins, ROWS, held_out, weights, found, strict=True
    ):
        expected = twin.fit(
            X[rows], 9 * Y[rows], epochs=20, validation=(X[held], 9 * Y[held]), sample_weight=w,
            callbacks=[fg.EarlyStopping(patience=2)],
        )  # fmt: skip
        assert_same([net], [twin], [history], [expected])
        assert np.array_equal(net.predict(X), twin.predict(X))


def test_networks_of_many_kinds(compiled):
    def made():
        return [fg.Network([k + 1, 4, 1], seed=k) for k in range(3)]

    data = [(rng.normal(size=(20, k + 1)), rng.normal(size=20)) for k in range(3)]
    nets, twins = made(), made()
    found = fg.fit_many([fg.Job(net, *of) for net, of in zip(nets, data, strict=True)], epochs=2)
    for one in zip(nets, twins, found, data, strict=True):
        net, twin, history, of = one
        assert_same([net], [twin], [history], [twin.fit(*of, epochs=2)])
    assert len(compiled) == 3


def test_one_warning_of_targets_that_are_far_from_zero():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fg.fit_many([fg.Job(net, X, Y + 1e4 * k) for k, net in enumerate(networks(3))], epochs=1)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_samples_are_not_copied():
    net, inputs, targets = networks(1)[0], X.copy(), Y.copy()
    inputs.flags.writeable = targets.flags.writeable = False
    job = fg.Job(net, inputs, targets)
    assert job.X is inputs
    fg.fit_many([job], epochs=1)


@pytest.mark.parametrize(
    ("of", "options", "error", "message"),
    [
        (lambda nets: [fg.Job(nets[0], X, Y), nets[1]], {}, TypeError, r"networks\[1\]: got <Net"),
        (lambda nets: [fg.Job(nets[0], X, Y)], {"X": X}, ValueError, "X: got some beside jobs"),
        (
            lambda nets: [fg.Job(nets[0], X, Y)],
            {"subsets": [[0]]},
            ValueError,
            "subsets: got some beside jobs; expected those of the jobs alone",
        ),
        (
            lambda nets: [fg.Job(nets[0], X, Y), fg.Job(nets[1], X, Y[:3])],
            {},
            ValueError,
            "Y of job 1: got shape",
        ),
        (
            lambda nets: [fg.Job(nets[0], X, Y, (X, Y[:3]))],
            {},
            ValueError,
            "validation Y of job 0: got shape",
        ),
        (lambda nets: [fg.Job(nets[0], X, Y, 3)], {}, TypeError, "validation of job 0: got int;"),
        (
            lambda nets: [fg.Job(nets[0], X, Y)] * 2,
            {},
            ValueError,
            "networks: got the same as number 0 and 1",
        ),
        (lambda nets: [fg.Job(3, X, Y)], {}, TypeError, "networks: got 3 among them; expected fg"),
        (lambda nets: [1, 2], {"X": X, "Y": Y}, TypeError, "networks: got 1 among them; expected"),
        (lambda nets: nets, {}, TypeError, "X: got None"),
    ],
)
def test_wrong_jobs_change_nothing(of, options, error, message):
    nets = networks(2, standardize=True)
    with pytest.raises(error, match=message):
        fg.fit_many(of(nets), **options)
    assert not any(net.inputs.standardized for net in nets)
