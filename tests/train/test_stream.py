"""Training on data in pieces."""

import numpy as np
import pytest
from helpers.comparison import assert_close
from helpers.error_messages import assert_names
from helpers.small_fits import S, data, network, same_parameters
from helpers.ten_samples import X
from helpers.ten_samples import network as small_network
from helpers.ten_samples import y as targets

import fastgrad as fg


@pytest.mark.parametrize("rows", [8, 16, 40])
def test_a_stream_equals_the_whole(rows):
    X, Y = data()
    whole, streamed = network(), network()
    history = whole.fit(X, Y, epochs=3, batch_size=8, optimizer=fg.Adam(), shuffle=False)
    again = streamed.fit_stream(
        fg.Chunks(X, Y, rows=rows, shuffle=False), epochs=3, batch_size=8, optimizer=fg.Adam(),
        shuffle=False,
    )  # fmt: skip
    assert same_parameters(whole, streamed)
    assert again.cost == pytest.approx(history.cost, rel=1e-12)
    assert again.samples == S


def test_the_samples_of_a_stream_that_was_stopped():
    class Stop(fg.Callback):
        every = 2

        def on_batch_end(self, fit):
            fit.stop()

    X, Y = data()
    history = network().fit_stream([(X, Y)] * 2, batch_size=8, callbacks=[Stop()])
    assert (history.samples, len(history.cost)) == (16, 1)


def test_a_piece_is_a_mini_batch_by_default():
    X, Y = data()
    streamed, stepped, optimizer = network(), network(), fg.Adam()
    pieces = [(X[:7], Y[:7]), (X[7:], Y[7:], np.ones(33))]
    streamed.fit_stream(pieces, optimizer=fg.Adam(), shuffle=False)
    for x, y, *_ in pieces:
        stepped.step(x, y, optimizer)
    assert_close(streamed.parameters, stepped.parameters, 1e-12)


def test_a_piece_without_weight_counts_as_its_samples_do_in_a_fit():
    X, Y = data()
    w = np.repeat([1.0, 0.0, 1.0], [16, 8, 16])
    whole, streamed = network(), network()
    history = whole.fit(X, Y, epochs=2, batch_size=8, sample_weight=w, shuffle=False)
    pieces = [(X[k : k + 8], Y[k : k + 8], w[k : k + 8]) for k in range(0, S, 8)]
    again = streamed.fit_stream(pieces, epochs=2, shuffle=False)
    assert same_parameters(whole, streamed)
    assert again.cost == pytest.approx(history.cost, rel=1e-12)


def test_memory_maps(tmp_path):
    X, Y = data()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "Y.npy", Y)
    X_map = np.load(tmp_path / "X.npy", mmap_mode="r")
    Y_map = np.load(tmp_path / "Y.npy", mmap_mode="r")
    one, other, streamed = network(), network(), network()
    one.fit(X, Y, epochs=2)
    other.fit(X_map, Y_map, epochs=2)
    assert same_parameters(one, other)
    history = streamed.fit_stream(fg.Chunks(X_map, Y_map, rows=16, seed=0), epochs=20, batch_size=8)
    assert history.cost[-1] < history.cost[0]


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 1.5, S)])
def test_targets_of_several_costs_in_pieces(weights):
    X, Y = data()
    Y = [np.arange(S) % 2, Y[:, 2]]
    whole, streamed = (network(cost=[("softmax_cross_entropy", 2), ("mse", 1)]) for _ in range(2))
    whole.fit(X, Y, epochs=2, batch_size=8, sample_weight=weights, shuffle=False)
    chunks = fg.Chunks(X, Y, rows=16, sample_weight=weights, shuffle=False)
    streamed.fit_stream(chunks, epochs=2, batch_size=8, shuffle=False)
    assert same_parameters(whole, streamed)
    assert [len(part) for piece in chunks for part in piece[1]] == [16, 16, 16, 16, 8, 8]
    with pytest.raises(ValueError, match=r"^X, Y\[0\], Y\[1\]: got 40, 40, 39 rows; expected as"):
        fg.Chunks(X, (Y[0], Y[1][1:]))


def test_a_list_of_rows_is_one_target_of_chunks():
    X, Y = data()
    rows = [list(row) for row in Y], list(Y)
    for listed in rows:
        (piece,) = fg.Chunks(X, listed)
        assert np.array_equal(piece[1], Y)
    with pytest.raises(ValueError, match=r"^X, Y: got 40, 39 rows; expected as many of each$"):
        fg.Chunks(X, rows[0][1:])


def test_pieces_are_shuffled_each_epoch():
    X, Y = np.arange(50.0)[:, None], np.zeros(50)
    chunks = fg.Chunks(X, Y, rows=5, seed=0)
    orders = [[piece[0][0, 0] for piece in chunks] for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == [5.0 * k for k in range(10)]
    assert orders[0] != orders[1]


def pieces():
    yield data()
    yield data()


@pytest.mark.parametrize(
    ("pieces", "options", "message"),
    [
        (3, {}, r"batches: got 3; expected an iterable"),
        ([1], {}, r"batches: got int as piece 0; expected \(X, Y"),
        ([], {}, r"batches: got none in epoch 1; expected at least one \(X, Y\)$"),
        (
            pieces,
            {},
            r"batches: got the function pieces; expected an iterable of \(X, Y\): pieces\(\) for "
            r"one epoch; for more, an iterable that restarts: a list, or an object whose __iter__",
        ),
        ([(np.zeros((2, 4)), np.zeros((2, 3)))], {}, r"X of piece 0: got shape \(2, 4\)"),
        ([(*data(), [1.0])], {}, r"sample_weight of piece 0: got shape \(1,\); expected \(40,\)"),
        ([(*data(), -np.ones(S))], {}, r"sample_weight of piece 0: got -1.0 at \[0\]"),
    ],
)
def test_bad_streams_are_named(pieces, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        network().fit_stream(pieces, **options)


def test_a_generator_is_exhausted_after_one_epoch():
    X, Y = data()
    message = "batches: got none in epoch 2; expected an iterable that restarts: a list, or an"
    with pytest.raises(ValueError, match=message):
        network().fit_stream(((X, Y) for _ in range(2)), epochs=2)


def test_an_iterable_serves_every_epoch():
    class Pieces:
        def __iter__(self):
            yield from pieces()

    history = network(standardize=True).fit_stream(Pieces(), epochs=3)
    assert len(history.cost) == 3


def test_standardising_needs_samples_before_a_stream_or_a_step():
    X, Y = data()
    net = network(standardize=True)
    with pytest.raises(ValueError, match=r"standardize: got no samples .*standardize_by"):
        net.step(X, Y, fg.Adam())
    once = (piece for piece in [(X, Y)])
    message = r"got a generator to be standardised; .* iterable that restarts: .* net.inputs.stand"
    with pytest.raises(TypeError, match=message):
        net.fit_stream(once)
    assert len(list(once)) == 1  # it is as it came
    net.fit_stream([(X[:20], Y[:20]), (X[20:], Y[20:])], epochs=0)
    assert_close(net.inputs.mean, X.mean(axis=0), 1e-12)
    assert_close(net.inputs.scale, 1 / X.std(axis=0), 1e-12)


def test_a_stream_that_standardising_has_used_up_is_an_error():
    class Once:
        def __init__(self, *pieces):
            self.left = iter(pieces)

        def __iter__(self):
            return (piece for piece in self.left)

    X, Y = data()
    net = network(standardize=True)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"batches: got none in epoch 1.*once before to standardi"):
        net.fit_stream(Once((X, Y)))
    assert np.array_equal(net.parameters, before)
    net.fit_stream(Once((X, Y)))  # by now it is known what to standardise by


def test_training_before_a_bad_piece_is_kept():
    X, Y = data()
    net, expected, adam = network(), network(), fg.Adam()
    with pytest.raises(ValueError, match=r"X of piece 1: got shape"):
        net.fit_stream([(X, Y), (X[:, 1:], Y)], optimizer=adam)
    expected.fit_stream([(X, Y)])
    assert same_parameters(net, expected)
    net.fit_stream([(X, Y)], optimizer=adam)  # and both go on


def test_bad_pieces_are_named():
    net = small_network()
    assert_names(lambda: net.fit_stream((X, targets)), ["batches", "ndarray as piece 0", "(X, Y"])
    assert_names(lambda: net.fit_stream([(X, targets, [1])]), ["sample_weight", "(1,)", "(10,)"])
