"""Ensembles: the mean of linear networks, and how much the deep ones count."""

import time

import numpy as np
import pytest
from helpers.comparison import assert_close

import fastgrad as fg
from fastgrad.data.samples import load_samples
from fastgrad.tables import ensemble
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


@pytest.mark.parametrize("target", ["numbers", "classes"])
def test_a_fleet_is_the_same_as_single_fits(target, tmp_path, monkeypatch, rng):
    x = rng.normal(size=90)
    table = {"x": x, "y": x**2 + 100 if target == "numbers" else np.where(x > 0.3, "high", "low")}
    finished = []

    def trained(**options):
        model = fg.TableModel(members=3, epochs=20, patience=3, layers=[8], dropout=0.1, seed=0)
        return model.fit_samples(load_samples(table, target="y"), **options)

    compiled = trained(on_finished=lambda k, member: finished.append(k))
    assert sorted(finished) == [0, 1, 2]
    single = trained(checkpoints=CheckpointFolder(tmp_path / "states", "1"))
    monkeypatch.setattr(ensemble, "_LONG", 0)
    one_by_one = trained()
    for model in (single, one_by_one):
        assert model.ensemble.weights == compiled.ensemble.weights
        for net, same in zip(compiled.networks, model.networks, strict=True):
            assert net.parameters.tobytes() == same.parameters.tobytes()
        for member, same in zip(compiled.members, model.members, strict=True):
            assert member.best_epoch == same.best_epoch
            assert np.array_equal(member.held_out, same.held_out)
            np.testing.assert_allclose(member.history.val_cost, same.history.val_cost, rtol=1e-6)


def test_an_interrupt_before_a_network_is_trained(monkeypatch, rng):
    def interrupted(networks, *_, **__):
        return [fg.History(0, stopped="interrupted") for _ in networks]

    monkeypatch.setattr(ensemble, "fit_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fg.TableModel(members=2).fit({"x": rng.normal(size=50), "y": rng.normal(size=50)})


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
