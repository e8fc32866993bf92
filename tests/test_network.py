"""The Network API: shapes, views, copies, conversions, targets."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from helpers.comparison import (
    assert_close,
    assert_same_gradients,
    assert_same_parameters,
    parameters,
)
from helpers.oracle import Oracle, one_hot, random_targets
from helpers.oracle_optimizers import SGD
from helpers.run_mode import jitted_only
from helpers.ten_samples import X, Y

import fastgrad as fg
from fastgrad.engine import thread_pool


def network(sizes=(3, 5, 2), activations="tanh", cost="mse", dtype="float64", seed=0, **options):
    return fg.Network(list(sizes), activations, cost=cost, dtype=dtype, seed=seed, **options)


# --- parameters ----------------------------------------------------------------------------------


def test_description():
    net = network([3, 5, 2], activations=["relu", "sigmoid"], cost="mae", dtype="float32")
    assert tuple(net.sizes) == (3, 5, 2)
    assert tuple(net.activations) == ("relu", "sigmoid")
    assert net.cost_function.name == "mae"
    assert net.dtype == np.float32
    assert (net.n_inputs, net.n_outputs) == (3, 2)
    assert net.n_parameters == 5 * 3 + 5 + 2 * 5 + 2


def test_one_activation_is_for_the_hidden_layers():
    assert tuple(network([3, 5, 4, 2], "relu").activations) == ("relu", "relu", "identity")
    assert tuple(network([3, 2], "relu").activations) == ("identity",)


@pytest.mark.parametrize("sizes", [[1, 1], [3, 5, 2], [17, 33, 16, 64, 1]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_are_writable_views(sizes, dtype, rng):
    net = network(sizes, dtype=dtype)
    x = rng.normal(size=(4, sizes[0]))
    for layer, n_in, n_out in zip(net.layers, sizes[:-1], sizes[1:], strict=True):
        assert layer.W.shape == (n_out, n_in)
        assert layer.b.shape == (n_out,)
        assert layer.W.dtype == layer.b.dtype == net.dtype
        layer.W[:] = rng.normal(size=layer.W.shape)
        layer.W += 0.25  # in place, with all of Python's detour over the attribute
        layer.b[-1] = 0.5
    expected = Oracle.of(net)
    assert expected.b[-1][-1] == 0.5
    assert_close(net.forward(x), expected.forward(x), 1e-13 if dtype == "float64" else 1e-5)


def test_writing_a_weight_changes_the_output():
    net = network([1, 1])
    net.layers[0].W[0, 0], net.layers[0].b[0] = 2.0, 1.0
    assert net.forward([[3.0]]) == [[7.0]]
    net.layers[0].W[0, 0] = -2.0
    assert net.forward([[3.0]]) == [[-5.0]]


@pytest.mark.parametrize(
    ("activation", "numerator", "parts"),
    [
        ("relu", 2, 1),  # He: 2 / n_in
        ("tanh", 2, 2),  # Glorot: 2 / (n_in + n_out)
        ("sigmoid", 2, 2),
    ],
)
def test_initial_values(activation, numerator, parts):
    net = network([300, 200, 100], activations=[activation] * 2)
    for layer in net.layers:
        n_out, n_in = layer.W.shape
        expected = numerator / (n_in + n_out if parts == 2 else n_in)
        assert layer.W.var() == pytest.approx(expected, rel=0.05)
        assert abs(layer.W.mean()) < 0.05 * layer.W.std()
        assert not layer.b.any()


def test_the_seed_fixes_the_initial_values():
    first, same, other = (parameters(network(seed=seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(p, q) for p, q in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_are_networks_of_their_own(copied, rng):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    net = network()
    net.cost(x, y)
    twin = copied(net)
    assert np.array_equal(twin.forward(x), net.forward(x))
    before = parameters(net)
    twin.layers[0].W[:] = 0.5
    assert_close(twin.forward(x), Oracle.of(twin).forward(x), 1e-13, "forward")
    twin.fit(x, y, epochs=1, batch_size=7, optimizer=fg.Adam(0.01), verbose=0)
    assert_close(twin.forward(x), Oracle.of(twin).forward(x), 1e-13, "forward")
    assert all(np.array_equal(p, q) for p, q in zip(before, parameters(net), strict=True))


# --- inputs and targets --------------------------------------------------------------------------


def test_links_of_predict(rng):
    x = rng.normal(size=(20, 3))
    for cost in ("softmax_cross_entropy", "sigmoid_cross_entropy", "mse", "poisson"):
        net = network([3, 5, 4], cost=cost)
        assert_close(net.predict(x), Oracle.of(net).predict(x), 1e-13, cost)
    assert_close(
        network(cost="softmax_cross_entropy").predict(x).sum(axis=1), np.ones(20), 1e-14, "sum"
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_of_every_kind_give_the_same_output(dtype, rng, tmp_path):
    net = network(dtype=dtype)
    x = rng.integers(-5, 6, size=(17, 3)).astype(dtype)
    expected = net.forward(x)
    assert expected.dtype == dtype
    path = tmp_path / "x.dat"
    mapped = np.memmap(path, dtype=dtype, mode="w+", shape=x.shape)
    mapped[:] = x
    strided = np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2]
    read_only = x.copy()
    read_only.flags.writeable = False
    kinds = [np.asfortranarray(x), strided, x[::-1].copy()[::-1], mapped, read_only]
    kinds += [x.tolist(), x.astype(np.int8), x.astype(np.float16), x.astype(">f8")]
    kinds += [x.astype("float64"), x.astype("float32"), tuple(map(tuple, x))]
    for kind in kinds:
        assert np.array_equal(net.forward(kind), expected)
    assert np.array_equal(network(dtype=dtype).predict(x > 0), net.predict((x > 0) * 1.0))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables_are_inputs(library, rng):
    tables = pytest.importorskip(library, reason=f"{library} is not installed")
    columns = {name: rng.normal(size=17) for name in "abc"}
    x = np.column_stack(list(columns.values()))
    net = network()
    table = tables.table(columns) if library == "pyarrow" else tables.DataFrame(columns)
    assert np.array_equal(net.forward(table), net.forward(x))
    fitted = net.fit(table, x[:, :2], epochs=1, batch_size=5, optimizer=fg.SGD(0.1), verbose=0)
    assert len(fitted.cost) == 1


@jitted_only
def test_contiguous_inputs_are_not_copied(rng):
    net = network([64, 1], dtype="float32")
    x = rng.normal(size=(20_000, 64)).astype(np.float32)
    y = np.zeros(len(x), dtype=np.float32)
    net.cost(x, y)
    net.step(x[:10], y[:10], fg.SGD(1e-30))
    net.fit(x, y, epochs=1, batch_size=64, optimizer=fg.SGD(1e-30), verbose=0)
    for call in (
        lambda: net.cost(x, y),
        lambda: net.fit(x, y, epochs=1, batch_size=64, optimizer=fg.SGD(1e-30), verbose=0),
    ):
        tracemalloc.start()
        call()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < x.nbytes / 2


def test_inputs_are_left_as_they_were(rng):
    x, y = rng.normal(size=(17, 3)), rng.normal(size=(17, 2))
    before = x.copy(), y.copy()
    network().fit(x, y, epochs=2, batch_size=4, optimizer=fg.SGD(0.1), verbose=0)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_class_ids_are_distributions_of_one_class(rng):
    net = network([3, 5, 4], cost="softmax_cross_entropy")
    x, y = rng.normal(size=(18, 3)), rng.integers(0, 4, size=18)
    expected = net.cost(x, one_hot(y, 4))
    assert expected == pytest.approx(Oracle.of(net).cost(x, one_hot(y, 4)), rel=1e-13)
    for ids in (y, y.astype(np.uint8), y.astype(float), y.tolist()):
        assert net.cost(x, ids) == expected
    np.testing.assert_array_equal(
        net.gradients(x, y).dC_da0, net.gradients(x, one_hot(y, 4)).dC_da0
    )


@pytest.mark.parametrize("cost", ["mse", "sigmoid_cross_entropy", "hinge", "poisson"])
def test_one_output_takes_a_row_of_targets(cost, rng):
    net = network([3, 5, 1], cost=cost)
    x, y = rng.normal(size=(18, 3)), random_targets(rng, cost, 18, 1)
    assert net.cost(x, y[:, 0]) == net.cost(x, y) == net.cost(x, y.tolist())
    assert net.cost(x, y) == pytest.approx(Oracle.of(net).cost(x, y), rel=1e-13)


def test_parametrised_activations_keep_their_parameters(rng):
    net = network([3, 5, 2], activations=[fg.activations.leaky_relu(slope=0.2), "identity"])
    assert "0.2" in net.activations[0]
    slope = (lambda u: np.where(u > 0, u, 0.2 * u), lambda u: np.where(u > 0, 1, 0.2))
    oracle = Oracle.of(net, activations=[slope, "identity"])
    x = rng.normal(size=(17, 3))
    assert_close(net.forward(x), oracle.forward(x), 1e-14, "forward")


def test_large_logits_give_finite_costs():
    for dtype in ("float32", "float64"):
        net = network([1, 2], cost="softmax_cross_entropy", dtype=dtype)
        net.layers[0].W[:], net.layers[0].b[:] = [[1.0], [-1.0]], 0.0
        for x, largest in ((1e4, 0), (-1e4, 1)):
            assert net.cost([[x]], [1 - largest]) == pytest.approx(2e4)
            assert net.cost([[x]], [largest]) == 0
            np.testing.assert_array_equal(net.predict([[x]]), [np.eye(2)[largest]])
        net = network([1, 1], cost="sigmoid_cross_entropy", dtype=dtype)
        net.layers[0].W[:], net.layers[0].b[:] = 1.0, 0.0
        assert net.cost([[-1e4]], [1]) == pytest.approx(1e4)
        assert net.cost([[1e4]], [1]) == pytest.approx(0, abs=1e-300)


def test_small_probabilities_keep_their_digits():
    for dtype, a in (("float32", -60.0), ("float64", -600.0)):
        net = network([1, 1], cost="sigmoid_cross_entropy", dtype=dtype)
        net.layers[0].W[:], net.layers[0].b[:] = 1.0, 0.0
        np.testing.assert_allclose(net.predict([[a]]), [[np.exp(a)]], rtol=1e-5)


@pytest.mark.parametrize("S", [16, 33, 100])
def test_more_samples_than_the_scratch_memory_holds(S, rng, monkeypatch):
    monkeypatch.setattr(
        "fastgrad.engine.workspace_layout._SCRATCH_BYTES", 0
    )  # then it holds one panel
    net = network([3, 7, 2])
    x, y, w = rng.normal(size=(S, 3)), rng.normal(size=(S, 2)), rng.uniform(size=S)
    oracle = Oracle.of(net)
    assert_close(net.forward(x), oracle.forward(x), 1e-13, "forward")
    assert_close(net.cost(x, y), oracle.cost(x, y), 1e-13, "cost")
    assert_same_gradients(net.gradients(x, y, w), oracle.gradients(x, y, w), 1e-12)
    assert net.step(x, y, fg.SGD(0.1)) == pytest.approx(oracle.step(x, y, SGD(0.1)), rel=1e-13)
    assert_same_parameters(net, oracle, 1e-12)


def test_alternating_steps_reuse_the_workspace():
    net, rng = fg.Network([4, 8, 1], cost="mse", seed=0), np.random.default_rng(0)
    X, Y = rng.normal(size=(200, 4)), rng.normal(size=(200, 1))
    one, other = fg.Adam(), fg.SGD(0.1)
    turns = [(9, one), (200, one), (9, other), (9, one)]
    for samples, optimizer in turns:
        net.step(X[:samples], Y[:samples], optimizer)
    before = net.engine.workspace.scratch, dict(net.engine._descriptors)
    for samples, optimizer in turns:
        net.step(X[:samples], Y[:samples], optimizer)
    assert net.engine.workspace.scratch is before[0]
    assert net.engine._descriptors == before[1]


def test_passes_over_parts_of_many_samples_give_the_same_bits(monkeypatch, rng):
    net = fg.Network([2, 3, 1], "tanh", cost="mse", seed=0)
    X = rng.normal(size=(600, 2))
    Y = np.full(len(X), 0.5)
    monkeypatch.setattr("fastgrad.engine.engine._COST_BATCH", 256)
    whole = net.predict(X), net.cost(X, Y)
    passes = []
    monkeypatch.setattr(
        "fastgrad.engine.thread_tuner.ThreadTuner.next_pass",
        lambda self, samples=None: (1, samples or 1),
    )
    run_pass = thread_pool.run_pass
    monkeypatch.setattr(thread_pool, "run_pass", lambda *a: passes.append(a) or run_pass(*a))
    cut = net.predict(X), net.cost(X, Y)
    assert len(passes) == 2 * -(-len(X) // 256)  # so that Ctrl-C comes between
    assert np.array_equal(cut[0], whole[0])
    assert cut[1] == whole[1]


def test_a_seed_may_be_as_large_as_numpy_takes():
    assert np.array_equal(network(seed=2**70).parameters, network(seed=2**70).parameters)
    assert len(list(fg.Chunks(X, Y, seed=2**100))) == 1
