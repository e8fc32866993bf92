"""Ensembles: the mean of linear networks, and how much the deep ones count."""

import time

import numpy as np
import pytest
from helpers.comparison import assert_close

import fastgrad as fg
from fastgrad.data.samples import load_samples
from fastgrad.tables.checkpoints import CheckpointFolder
from fastgrad.tables.ensemble import Member, held_out_share, mean_of_linear


@pytest.mark.parametrize("standardize", [False, True])
def test_one_linear_network_has_the_mean_of_the_outputs(standardize, rng):
    X = rng.normal(size=(90, 4)) * [1, 10, 100, 1] + [0, 5, 0, 1]
    y = 1000 + 200 * X[:, 0] + X[:, 1]
    networks = []
    for k in range(3):
        net = fg.Network(
            [4, 1], dtype="float64", seed=k, standardize=standardize, standardize_targets=True
        )
        net.fit(X[30 * k : 30 * k + 30], y[30 * k : 30 * k + 30], epochs=3)
        networks.append(net)
    before = [net.parameters.copy() for net in networks]
    mean = mean_of_linear(networks)
    assert_close(mean.predict(X), np.mean([net.predict(X) for net in networks], axis=0), 1e-10)
    assert all(np.array_equal(a, net.parameters) for a, net in zip(before, networks, strict=True))


def members(net, is_linear, parts):
    return [Member(net, fg.History(1), 1, part, is_linear) for part in parts]


def test_the_share_follows_the_held_out_rows(rng):
    X = rng.normal(size=(60, 2))
    right, wrong = (fg.Network([2, 1], dtype="float64", seed=k) for k in range(2))
    Y = right.predict(X)
    parts = np.array_split(np.arange(60), 3)
    deep_right = members(right, False, parts) + members(wrong, True, parts)
    linear_right = members(wrong, False, parts) + members(right, True, parts)
    assert held_out_share(deep_right, X, Y[:, 0]) == 1
    assert held_out_share(linear_right, X, Y[:, 0]) == 0
    mean = (right.predict(X) + wrong.predict(X)) / 2
    assert held_out_share(deep_right, X, mean) == 0.5
    assert held_out_share(members(wrong, False, parts), X, Y) == 1  # there are no linear ones
    assert held_out_share(members(wrong, True, parts), X, Y) == 0


def test_an_error_in_one_network_ends_the_others(tmp_path, monkeypatch, rng):
    written = []

    def write(checkpoint, fit):
        written.append(checkpoint.path)
        raise OSError(28, "No space left on device", checkpoint.path)

    monkeypatch.setattr(fg.Checkpoint, "_write", write)
    monkeypatch.setattr(CheckpointFolder, "seconds", 0.0)
    model = fg.TableModel(members=2, epochs=10**6, patience=10**6, seed=0)
    samples = load_samples({"x": rng.normal(size=50), "y": rng.normal(size=50)}, target="y")
    begin = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        model.fit_samples(samples, checkpoints=CheckpointFolder(tmp_path / "states", "1"))
    assert written
    assert time.monotonic() - begin < 60
