"""`fg.Ensemble`: mean and spread of several networks, and their file."""

from dataclasses import replace

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.formats import safetensors

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)) * [1, 10, 100]
Y = X @ [1.0, 0.1, 0.01] + 1000


def trained(n=3, seed=0, sizes=(3, 8, 1), **options):
    """Networks that standardise in ways of their own."""
    networks = [fg.Network(sizes, "tanh", seed=seed + k, **options) for k in range(n)]
    for k, net in enumerate(networks):
        net.fit(X[k::n], Y[k::n], epochs=2)
    return networks


def standardized(**options):
    return trained(standardize=True, standardize_targets=True, **options)


@pytest.mark.parametrize("weights", [None, [3, 0, 1], np.array([0.2, 0.3, 0.5])])
def test_mean_and_spread_are_those_of_numpy(weights):
    networks = standardized()
    ensemble = fg.Ensemble(networks, weights)
    p = np.stack([net.predict(X) for net in networks])
    mean = np.average(p, axis=0, weights=weights)
    variance = np.average((p - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(ensemble.predict(X), mean, rtol=1e-12)
    np.testing.assert_allclose(ensemble.spread(X), variance**0.5, rtol=1e-9)
    assert sum(ensemble.weights) == pytest.approx(1)
    assert ensemble.spread(X).min() > 0
    assert len(ensemble) == 3
    assert repr(ensemble).startswith("<Ensemble of 3: <Network 3-8-1")
    assert [*ensemble] == ensemble.networks
    assert ensemble[1] is ensemble.networks[1]
    assert ensemble[-1] is ensemble.networks[2]


def test_probabilities_are_averaged_and_one_network_is_itself():
    networks = [fg.Network([3, 4, 2], cost="softmax_cross_entropy", seed=k) for k in range(2)]
    p = fg.Ensemble(networks).predict(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p, sum(net.predict(X) for net in networks) / 2, rtol=1e-6)
    one = fg.Ensemble(networks[:1])
    assert np.array_equal(one.predict(X), networks[0].predict(X))
    assert not one.spread(X).any()


def cube():
    return fg.Activation("cube", lambda u: u**3, lambda u: 3 * u * u)


def different():
    """Networks that no spec of another one describes."""
    networks = standardized()
    networks[1] = standardized(n=1, sizes=(3, 2, 4, 1), dropout=0.1, dtype="float64")[0]
    networks[1].metadata = {"fold": 2}
    networks[2] = fg.Network([3, 2, 1], [cube(), "identity"], cost="mse", seed=0)
    return networks


@pytest.mark.parametrize(
    ("make", "weights"),
    [
        (standardized, None), (standardized, [1, 2, 0]), (different, None),
        (lambda: standardized(n=1), None), (lambda: standardized(sizes=(3, 1)), None),
        (lambda: [*standardized(n=2), *standardized(n=1, sizes=(3, 1))], [1, 1, 2]),
    ],
)  # fmt: skip
def test_a_file_holds_all_of_it(make, weights, tmp_path):
    ensemble, path = fg.Ensemble(make(), weights), tmp_path / "e.safetensors"
    ensemble.save(path)
    loaded = fg.Ensemble.load(path, [cube()])
    assert loaded.weights == ensemble.weights
    assert np.array_equal(loaded.predict(X), ensemble.predict(X))
    for net, same in zip(ensemble.networks, loaded.networks, strict=True):
        assert (same.sizes, same.dtype) == (net.sizes, net.dtype)
        assert same.spec.config() == net.spec.config()
        assert all(np.array_equal(a, same.arrays[name]) for name, a in net.arrays.items())
    content = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == content


def test_networks_of_one_spec_are_described_once(tmp_path):
    networks = standardized()
    fg.Ensemble(networks).save(tmp_path / "same")
    networks[1].metadata = {"fold": 2}
    fg.Ensemble(networks).save(tmp_path / "other")
    assert b"networks" not in (tmp_path / "same").read_bytes()
    assert fg.Ensemble.load(tmp_path / "other").networks[1].metadata == {"fold": 2}


def test_files_of_one_network_are_also_those_of_a_network(tmp_path):
    (net,) = standardized(n=1)
    net.metadata = {"about": "prices"}
    fg.Ensemble([net]).save(tmp_path / "e")
    net.save(tmp_path / "n")
    for path in ("e", "n"):
        assert np.array_equal(fg.load(tmp_path / path).predict(X), net.predict(X))
        (loaded,) = fg.Ensemble.load(tmp_path / path).networks
        assert loaded.metadata == net.metadata


def test_the_wrong_loader_names_the_right_one(tmp_path):
    fg.Ensemble(standardized()).save(tmp_path / "e")
    with pytest.raises(ValueError, match=r"ensemble; load it with fg\.Ensemble\.load"):
        fg.load(tmp_path / "e")
    rows = [{"x": float(k), "y": 2.0 * k} for k in range(20)]
    model = fg.TableModel(members=2, epochs=1, layers=[4]).fit(rows, target="y")
    model.save(tmp_path / "t")
    with pytest.raises(ValueError, match=r"model of a table; load it with fg\.TableModel\.load"):
        fg.Ensemble.load(tmp_path / "t")
    with pytest.raises(ValueError, match=r"ensemble; load it with fg\.TableModel\.load"):
        fg.load(tmp_path / "t")


def test_a_table_model_has_the_weights_of_an_ensemble(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    ensemble, path = fg.Ensemble(standardized(), [1, 0, 2]), tmp_path / "e"
    ensemble.save(path)
    model = fg.TableModel.load(path)
    table = pandas.DataFrame(X.astype("float32"), columns=["a", "b", "c"])
    expected = ensemble.predict(X)[:, 0]
    np.testing.assert_allclose(model.predict(table), expected, rtol=1e-12)
    model.save(path)
    assert fg.TableModel.load(path).ensemble.weights == ensemble.weights


def test_what_does_not_belong_together_is_refused():
    (net,) = standardized(n=1)
    wide = fg.Network([4, 1])
    classes = fg.Network([3, 1], cost="sigmoid_cross_entropy")
    expected = r"expected 3 inputs and outputs 1 \(identity\), as of networks\[0\]"
    for networks, weights, error, message in (
        ([], None, ValueError, "networks: got none; expected at least one"),
        ([net, wide], None, ValueError, rf"networks\[1\]: got 4 inputs .*; {expected}"),
        ([net, classes], None, ValueError, rf"networks\[1\]: got 3 .*1 \(sigmoid\); {expected}"),
        ([net, "net"], None, TypeError, r"networks\[1\]: got str; expected a fg.Network"),
        ([net], [1, 2], ValueError, "weights: got shape"),
        ([net], [-1], ValueError, "weights: got -1"),
        ([net], [0], ValueError, "weights: got only zeros"),
        ([net], ["a"], TypeError, "weights: got .*'a'.*; expected 1"),
    ):
        with pytest.raises(error, match=message):
            fg.Ensemble(networks, weights)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"members": 3}, "got nothing for member.2"),
        ({"members": 2.0}, "got 2.0 members"),
        ({"weights": [1]}, "weights: got shape"),
        ({"weights": "x"}, "weights: got .*'x'.*; expected 2"),
        ({"weights": [1, -1]}, "weights: got -1"),
        ({"networks": 7}, "networks: got 7; expected 2 descriptions"),
        ({"networks": [{}, {}]}, "activations"),
        ({"networks": []}, r"networks: got \[\]; expected 2"),
    ],
)
def test_a_wrong_header_is_one_line(metadata, message, tmp_path):
    networks, path = standardized(n=2), tmp_path / "e"
    described = {"members": 2, "weights": [1.0, 1.0], **metadata}
    arrays = {
        f"member.{k}.{name}": array
        for k, net in enumerate(networks)
        for name, array in net.arrays.items()
    }
    safetensors.write(path, replace(networks[0].spec, metadata=described), arrays)
    with pytest.raises(ValueError, match=message) as raised:
        fg.Ensemble.load(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
