"""Arrays of every layout in memory give the same bits, whichever argument they are."""

import numpy as np
import pytest
from helpers.run_mode import PLAIN

import fastgrad as fg
from fastgrad.engine.workspace import address_of


def strided(array, folder):
    return np.repeat(array, 2, axis=0)[::2]


def column_of_a_table(array, folder):
    return np.stack([array, array], axis=-1)[..., 1]


def reversed_rows(array, folder):
    return array[::-1].copy()[::-1]


def fortran(array, folder):
    return np.asfortranarray(array)


def read_only(array, folder):
    array = array.copy()
    array.flags.writeable = False
    return array


def other_byte_order(array, folder):
    return array.astype(array.dtype.newbyteorder())


def unaligned(array, folder):
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    memory[...] = array
    assert memory.itemsize == 1 or not memory.flags.aligned
    return memory


def memory_map(array, folder):
    file = np.memmap(folder / "array", array.dtype, "w+", shape=array.shape)
    file[...] = array
    return file


LAYOUTS = [
    strided, column_of_a_table, reversed_rows, fortran, read_only, other_byte_order, unaligned,
    memory_map,
]  # fmt: skip

S = 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(S, 3)).astype("float32")
IDS = RNG.integers(3, size=S)
CLASSES = np.eye(3, dtype="float32")[IDS]
NUMBERS = RNG.normal(size=(S, 2)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2, size=S).astype("float32")
PROBABILITIES = np.abs(RNG.normal(size=(S, 3)))
PROBABILITIES /= PROBABILITIES.sum(axis=1, keepdims=True)


def network(outputs=3, cost="softmax_cross_entropy", **options):
    return fg.Network([3, 5, outputs], cost=cost, seed=0, **options)


def fitted(X, Y, w, **options):
    net = network(**({} if Y.ndim == 1 or Y.shape[1] == 3 else {"outputs": 2, "cost": "mse"}))
    history = net.fit(X, Y, epochs=2, sample_weight=w, validation=(X, Y), **options)
    return net.parameters, history.val_cost


def streamed(X, Y, w):
    net = network()
    net.fit_stream([(X, Y, w), (X[:9], Y[:9], w[:9])])
    return net.parameters


def from_chunks(X, Y, w):
    net = network()
    net.fit_stream(fg.Chunks(X, Y, rows=16, sample_weight=w, seed=0))
    return net.parameters


def with_several_costs(X, Y, numbers):
    net = network(outputs=5, cost=[("softmax_cross_entropy", 3), ("mse", 2)])
    net.fit(X, [Y, numbers], epochs=2)
    return net.parameters


def stepped(X, Y):
    net = network()
    net.step(X, Y, optimizer := fg.Adam())
    net.step(X[3], Y[3], optimizer)
    return net.parameters


def looked_at(X, Y, w):
    net = network()
    found = net.gradients(X, Y, w)
    return net.forward(X), net.predict(X), net.cost(X, Y, w), found.dC_da0, *found.dC_dW


def assigned(W, b, mean):
    net = network()
    net.layers[0].W, net.layers[0].b, net.inputs.mean = W, b, mean
    return net.forward(X)


def standardized(X):
    net = network()
    net.inputs.standardize_by(X)
    return net.inputs.mean, net.inputs.scale


def searched(X, Y, w):
    return fg.find_lr(network(), X, Y, steps=20, sample_weight=w).smoothed


USES = {
    "fit, class ids": (fitted, X, IDS, WEIGHTS),
    "fit, few class ids": (fitted, X, IDS.astype("int8"), WEIGHTS),
    "fit, float class ids": (fitted, X, IDS.astype("float64"), WEIGHTS),
    "fit, distributions": (fitted, X, CLASSES, WEIGHTS),
    "fit, numbers": (fitted, X, NUMBERS, WEIGHTS),
    "fit, float64": (fitted, X.astype("float64"), NUMBERS.astype("float64"), WEIGHTS),
    "fit_stream": (streamed, X, IDS, WEIGHTS),
    "Chunks": (from_chunks, X, IDS, WEIGHTS),
    "several costs": (with_several_costs, X, IDS, NUMBERS),
    "step": (stepped, X, IDS),
    "cost, gradients, predict": (looked_at, X, IDS, WEIGHTS),
    "assignment": (assigned, RNG.normal(size=(5, 3)), RNG.normal(size=5), RNG.normal(size=3)),
    "standardize_by": (standardized, X),
    "find_lr": (searched, X, IDS, WEIGHTS),
    **{f"metrics.{name}": (metric, IDS, PROBABILITIES) for name, metric in {
        "accuracy": fg.metrics.accuracy, "f1": fg.metrics.f1, "roc_auc": fg.metrics.roc_auc,
        "confusion": fg.metrics.confusion,
        "top_k": lambda Y, p: fg.metrics.top_k_accuracy(Y, p, 2),
    }.items()},
    **{f"metrics.{name}": (getattr(fg.metrics, name), NUMBERS, NUMBERS + 1)
       for name in ("r2", "mae", "rmse")},
}  # fmt: skip


def bits(found):
    parts = found if isinstance(found, tuple) else (found,)
    return [np.asarray(part).tobytes() for part in parts]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("name", list(USES))
def test_an_array_of_any_layout_gives_the_same_bits(name, layout, tmp_path):
    use, *arguments = USES[name]
    expected = bits(use(*arguments))
    for k, array in enumerate(arguments):
        given = arguments.copy()
        given[k] = layout(array, tmp_path)
        assert bits(use(*given)) == expected, f"argument {k}"


@pytest.mark.parametrize("of", [X, IDS, CLASSES, NUMBERS, WEIGHTS])
def test_one_row_for_all_samples_gives_the_same_bits(of):
    equal = np.broadcast_to(of[1], of.shape)
    arguments = [equal if array is of else array for array in (X, IDS, WEIGHTS)]
    if of is CLASSES or of is NUMBERS:
        arguments[1] = equal
    copies = [array.copy() for array in arguments]
    assert bits(fitted(*arguments)) == bits(fitted(*copies))


@pytest.mark.skipif(PLAIN, reason="plain Python reads an array, not what lies at its address")
def test_labels_in_a_column_are_learned():
    rng = np.random.default_rng(0)
    table = rng.integers(-50, 50, size=(300, 3))
    table[:, 2] = table[:, 0] > 0
    net = fg.Network([2, 16, 2], cost="softmax_cross_entropy", seed=0)
    history = net.fit(table[:, :2] / 50, table[:, -1], epochs=30, optimizer=fg.Adam(0.01))
    assert history.metrics["accuracy"][-1] > 0.95


@pytest.mark.parametrize("layout", [strided, other_byte_order, unaligned])
def test_arrays_that_compiled_code_would_misread_have_no_address(layout, tmp_path):
    with pytest.raises(ValueError, match="expected contiguous, aligned and native"):
        address_of(layout(IDS, tmp_path))
