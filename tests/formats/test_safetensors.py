"""Models on disk: loaded bit for bit as saved, and a bad file is named."""

import errno
import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.comparison import parameters
from helpers.error_messages import assert_names
from helpers.model_files import header_and_rest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import fastgrad as fg
from fastgrad.formats.safetensors import write


def network(dtype="float64", **options):
    options = {"activations": ["relu", "tanh", "identity"], "cost": "huber", **options}
    net = fg.Network([3, 17, 5, 2], dtype=dtype, seed=0, **options)
    for layer in net.layers:
        layer.b[:] = np.linspace(-1, 1, len(layer.b))
    return net


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def one_line(call, path):
    with pytest.raises(ValueError, match=re.escape(path.name)) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cost", ["huber", "softmax_cross_entropy", "sigmoid_cross_entropy"])
def test_a_loaded_model_is_bit_for_bit_the_saved_one(dtype, cost, path, rng):
    net = network(dtype, cost=cost)
    net.metadata["classes"] = ["no", "yes"]
    net.metadata["threshold"] = 0.1
    net.save(path)
    back = fg.load(path)
    assert back.dtype == net.dtype
    assert tuple(back.sizes) == tuple(net.sizes)
    assert tuple(back.activations) == tuple(net.activations)
    assert back.cost_function.name == cost
    assert back.metadata == net.metadata
    assert all(np.array_equal(p, q) for p, q in zip(parameters(net), parameters(back), strict=True))
    x = rng.normal(size=(18, 3))
    assert np.array_equal(back.forward(x), net.forward(x))
    assert np.array_equal(back.predict(x), net.predict(x))


def test_a_loaded_model_trains_on(path, rng):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    net = network()
    net.save(path)
    back = fg.load(path)
    for model in (net, back):
        model.fit(x, y, epochs=2, batch_size=6, optimizer=fg.Adam(0.01), shuffle=False, verbose=0)
    assert all(np.array_equal(p, q) for p, q in zip(parameters(net), parameters(back), strict=True))


@pytest.mark.parametrize(
    ("activation", "cost"),
    [
        (fg.activations.leaky_relu(slope=0.2), fg.costs.huber(delta=0.3)),
        (fg.activations.elu(alpha=0.5), fg.costs.quantile(q=0.9)),
        (fg.activations.elu(alpha=1 / 3), fg.costs.softmax_cross_entropy(label_smoothing=0.1)),
    ],
)
def test_parameters_of_functions_are_loaded(activation, cost, path, rng):
    net = network(activations=[activation, "tanh", "identity"], cost=cost)
    net.save(path)
    back = fg.load(path)
    x, y = rng.normal(size=(18, 3)), np.full((18, 2), 0.5)
    assert np.array_equal(back.forward(x), net.forward(x))
    assert back.cost(x, y) == net.cost(x, y)


def test_standardisation_is_loaded(path, rng):
    net = network(standardize=True)
    x, y = 7 + 3 * rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    net.fit(x, y, epochs=1, batch_size=6, optimizer=fg.SGD(0.01), verbose=0)
    net.save(path)
    assert np.array_equal(fg.load(path).predict(x), net.predict(x))


def test_standardisation_is_still_to_come_where_there_was_no_fit(path, rng):
    net = network(standardize=True)
    net.save(path)
    back = fg.load(path)
    x, y = 7 + 3 * rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    for model in (net, back):
        model.fit(x, y, epochs=1, batch_size=20, optimizer=fg.SGD(0.01), verbose=0)
    np.testing.assert_allclose(back.predict(x), net.predict(x), rtol=1e-9)


def test_the_file_is_plain_safetensors(path):
    net = network("float32")
    net.save(str(path))
    saved = [array for array in load_file(path).values() if array.shape == (17, 3)]
    assert len(saved) == 1
    assert np.array_equal(saved[0], net.layers[0].W)
    assert path.stat().st_size < net.n_parameters * 4 + 3000  # no optimizer, no padding


@pytest.mark.parametrize("culprit", ["replace", "fsync"])
def test_a_failing_save_leaves_the_old_file(culprit, path, monkeypatch):
    network().save(path)
    old = path.read_bytes()

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(os, culprit, fail)
    with pytest.raises(OSError, match=f"disk full: '{path}'"):
        network("float32").save(path)
    assert path.read_bytes() == old
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_metadata_that_json_cannot_hold(path):
    net = network()
    net.save(path)
    old = path.read_bytes()
    net.metadata["function"] = print
    with pytest.raises((TypeError, ValueError), match="metadata"):
        net.save(path)
    assert path.read_bytes() == old


def test_custom_functions_are_not_saved(path):
    # Not even where they are called like a built-in one, which would then stand in for them.
    for name in ("cube", "relu"):
        own = fg.Activation(name, f=lambda u: u**3, df=lambda u: 3 * u * u)

        def there_and_back(own=own):
            network(activations=[own, "tanh", "identity"]).save(path)
            fg.load(path)

        with pytest.raises((TypeError, ValueError), match=name):
            there_and_back()


def own_activation(k):
    return fg.Activation("power", f=lambda u: k * u**3, df=lambda u: 3 * k * u * u)


def own_cost(k):
    return fg.Cost("power", C=lambda a, y: k * (a - y) ** 2, dC_da=lambda a, y: 2 * k * (a - y))


@pytest.mark.parametrize("own", [own_activation, own_cost])
def test_two_custom_functions_of_one_name_are_refused(own, path):
    one, same, other = own(1.0), own(1.0), own(2.0)

    def made_of(one, other):
        if own is own_activation:
            return network(activations=[one, other, "identity"])
        return network(cost=[(one, 1), (other, 1)])

    kind = "activation" if own is own_activation else "cost"
    refused = rf"got two different functions of the name 'power' \(custom {kind} power\); expected"
    net = made_of(one, other)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {refused}"):
        net.save(path)
    targets = np.zeros((4, 2)) if own is own_activation else [np.zeros(4)] * 2
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {refused}"):
        net.fit(np.zeros((4, 3)), targets, callbacks=[fg.Checkpoint(path)])
    assert not path.exists()
    made_of(one, same).save(path)
    with pytest.raises(ValueError, match=f"^custom_objects: {refused}"):
        fg.load(path, custom_objects=[one, other])
    fg.load(path, custom_objects=[one, same])
    made_of(one, one).save(path)  # of the same once more


def test_an_activation_and_a_cost_may_share_a_name(path, rng):
    X = rng.normal(size=(5, 3))
    own = [own_activation(1.0), own_cost(2.0)]
    net = network(activations=[own[0], "tanh", "identity"], cost=own[1])
    net.save(path)
    assert np.array_equal(fg.load(path, custom_objects=own).forward(X), net.forward(X))


@pytest.mark.parametrize("sizes", [[20_000, 20_000, 1], [2**29, 2**29, 1], [1] * 10_001])
def test_sizes_are_compared_with_the_arrays_before_anything_is_made(sizes, path, monkeypatch):
    spec = fg.Network([2, 3, 1], seed=0).spec
    n_layers = len(sizes) - 1
    functions, layers = spec.activations[-1:] * n_layers, spec.layers[-1:] * n_layers
    large = replace(spec, sizes=sizes, activations=functions, layers=layers)
    write(path, large, fg.Network([2, 3, 1], seed=0).arrays)
    monkeypatch.setattr(fg.Network, "from_spec", lambda spec: pytest.fail("a network is made"))
    expected = f"got float32 (2,) for input.mean; expected float32 ({sizes[0]},)"
    for load in (fg.load, fg.TableModel.load):
        assert one_line(lambda load=load: load(path), path) == f"{path}: {expected}"


def test_a_missing_file(path):
    with pytest.raises(FileNotFoundError, match=path.name):
        fg.load(path)


@pytest.mark.parametrize(
    ("where", "error"),
    [("missing/model.safetensors", FileNotFoundError), ("there", IsADirectoryError)],
)
def test_an_impossible_path_is_named_as_given(where, error, folder):
    (folder / "there").mkdir()
    with pytest.raises(error, match=f"^path: got {where}.*; expected"):
        network().save(where)
    assert [entry.name for entry in folder.iterdir()] == ["there"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_not_saved(value, path):
    net = network()
    net.save(path)
    old = path.read_bytes()
    net.layers[1].W[2, 3] = value
    assert "layer.2.W" in one_line(lambda: net.save(path), path)
    assert path.read_bytes() == old
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 0.5, 0.9, -1])
def test_a_truncated_file(keep, path):
    network().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    one_line(lambda: fg.load(path), path)


def test_a_file_with_too_much(path):
    network().save(path)
    path.write_bytes(path.read_bytes() + b"more")
    one_line(lambda: fg.load(path), path)


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes(seed, path):
    path.write_bytes(np.random.default_rng(seed).bytes(3000))
    one_line(lambda: fg.load(path), path)


def test_text_and_folders(path, tmp_path):
    path.write_text("a,b,c\n1,2,3\n")
    one_line(lambda: fg.load(path), path)
    with pytest.raises((OSError, ValueError), match=tmp_path.name):
        fg.load(tmp_path)


def test_other_safetensors_are_not_models(path):
    save_file({"x": np.zeros(3)}, path)
    assert "fastgrad" in one_line(lambda: fg.load(path), path)


def altered(path, change):
    """Save a network, and then let change(tensors, metadata) tamper with the file."""
    network().save(path)
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = dict(file.metadata())
    del metadata["checksum"]
    change(tensors, metadata)
    save_file(tensors, path, metadata=metadata)


def matrix(tensors):
    """The name of the largest tensor: W of the second layer, (5, 17)."""
    return max(tensors, key=lambda name: tensors[name].size)


def test_a_tensor_is_missing(path):
    altered(path, lambda tensors, _: tensors.pop(matrix(tensors)))
    one_line(lambda: fg.load(path), path)


def test_a_tensor_too_many(path):
    altered(path, lambda tensors, _: tensors.update(extra=np.zeros(3)))
    assert "extra" in one_line(lambda: fg.load(path), path)


@pytest.mark.parametrize(
    "change",
    [
        lambda W: np.ascontiguousarray(W.T),
        lambda W: W[:-1].copy(),
        lambda W: W.ravel().copy(),
        lambda W: W.astype(np.float32),
        lambda W: W.astype(np.int64),
        lambda W: np.full_like(W, np.nan),
    ],
    ids=["transposed", "a row less", "flat", "float32", "int64", "NaN"],
)
def test_a_wrong_tensor(change, path):
    def replace(tensors, _):
        name = matrix(tensors)
        tensors[name] = change(tensors[name])

    altered(path, replace)
    one_line(lambda: fg.load(path), path)


def metadata_keys(path):
    network().save(path)
    with safe_open(path, framework="numpy") as file:
        return list(file.metadata())


@pytest.mark.parametrize("value", ["", "nonsense", "{}", "[]", "null", "-1"])
def test_wrong_metadata(value, path):
    for key in metadata_keys(path):
        altered(path, lambda _, metadata, k=key: metadata.update({k: value}))
        one_line(lambda: fg.load(path), path)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: network().save(None), ["path", "None"]),
        (lambda: fg.load(3), ["path", "3"]),
    ],
)
def test_a_path_is_a_path(make, parts):
    assert_names(make, parts)


def nested(depth):
    return {"a": nested(depth - 1)} if depth else {}


def test_nested_metadata_come_back(path):
    net = fg.Network([2, 1], seed=0)
    net.metadata = nested(95)
    net.save(path)
    assert fg.load(path).metadata == nested(95)


@pytest.mark.parametrize(
    ("metadata", "part"),
    [
        ({0: "cat"}, "the key 0"),
        ({"classes": [{"a": {None: 1}}]}, "the key None"),
        ({"best": np.inf}, "JSON compliant"),
        ({"array": np.ones(2)}, "ndarray"),
        (nested(101), "within each other, more than 100"),
    ],
)
def test_metadata_that_json_would_change_are_refused(metadata, part, path):
    net = fg.Network([2, 1], seed=0)
    net.metadata = metadata
    with pytest.raises(TypeError, match=f"^metadata: got something that JSON cannot hold .*{part}"):
        net.save(path)
    assert not path.exists()


def test_the_header_is_json_of_the_standard(path):
    def refuse(constant):
        raise AssertionError(constant)

    fg.Network([2, 3, 1], seed=0).save(path)
    with safe_open(path, framework="numpy") as file:
        json.loads(file.metadata()["network"], parse_constant=refuse)


@pytest.mark.parametrize("entry", ["network", "state"])
def test_deeply_nested_json_is_an_error_of_one_line(entry, path):
    save_file({"x": np.ones(1)}, path, {"fastgrad": "1", "network": "{}", entry: "[" * 10**5})
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: got a damaged header"):
        fg.load(path)


def test_the_same_network_is_the_same_bytes(path):
    contents = set()
    for _ in range(8):
        network().save(path)
        contents.add(path.read_bytes())
    assert len(contents) == 1
    assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 0


def test_tensors_have_the_names_of_a_sequential(path):
    net = fg.Network([3, 5, 4, 2], seed=0)
    net.save(path)
    tensors = load_file(path)
    names = [f"{k}.{word}" for k in (0, 2, 4) for word in ("weight", "bias")]
    assert sorted(tensors) == sorted(names)  # no others: PyTorch would refuse them
    assert np.array_equal(tensors["2.weight"], net.layers[1].W)
    net.inputs.standardize_by(np.random.default_rng(0).normal(size=(9, 3)))
    net.save(path)
    assert load_file(path).keys() - {*names} == {"input.mean", "input.scale"}
    assert np.array_equal(fg.load(path).inputs.scale, net.inputs.scale)


def test_a_tensor_of_both_names_is_one_too_many(path):
    fg.Network([3, 1], seed=0).save(path)
    content, names = path.read_bytes(), load_file(path)
    header, _ = header_and_rest(content)
    names["layer.1.W"] = names["0.weight"]
    save_file(names, path, header["__metadata__"])
    assert "got a tensor '0.weight'" in one_line(lambda: fg.load(path), path)
