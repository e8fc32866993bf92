"""The record of gradients: an oracle's histograms, in a training that it does not change."""

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.oracle import Oracle
from helpers.ten_samples import X, Y

import fastgrad as fg


def network(**options):
    return fg.Network([3, 6, 2], "tanh", seed=0, **{"dtype": "float64", **options})


class _Oracles(fg.Callback):
    def on_train_begin(self, fit):
        self.oracles = [Oracle.of(fit.net)]

    def on_epoch_end(self, fit):
        self.oracles.append(Oracle.of(fit.net))


def test_histograms_of_each_layer_before_and_after_each_epoch():
    net, flow, seen = network(), fg.GradientFlow(X, Y), _Oracles()
    net.fit(X, Y, epochs=3, batch_size=4, callbacks=[seen, flow])
    assert len(flow.counts) == len(flow.zeros) == len(seen.oracles) == 4
    for counts, oracle in zip(flow.counts, seen.oracles, strict=True):
        assert counts.shape == (2, 160)
        for drawn, g in zip(counts, oracle.gradients(X, Y).dC_dW, strict=True):
            bins = np.floor(10 * (np.log10(np.abs(g)) + 12)).astype(int)
            assert dict(enumerate(np.bincount(bins.ravel(), minlength=160))) == dict(
                enumerate(drawn)
            )
    assert not np.any(flow.zeros)


def test_what_is_0_or_beyond_the_bins():
    net = fg.Network([3, 4, 2], "relu", seed=0, dtype="float64")
    net.layers[0].b[:] = [-99, 0, 0, 0]  # the first node is off for every sample
    flow = fg.GradientFlow(1e-30 * X, Y)
    net.fit(X, Y, epochs=0, callbacks=[flow])
    ((first, _),) = flow.counts
    assert flow.zeros[0][0] >= 3
    assert first[0] == first.sum() == 12 - flow.zeros[0][0]
    flow = fg.GradientFlow(X, 1e30 * Y)
    net.fit(X, Y, epochs=0, callbacks=[flow])
    assert flow.counts[0][1][-1] > 0


def test_training_is_the_same_with_it():
    fits = []
    for callbacks in ([], [fg.GradientFlow(X[:3], Y[:3])]):
        net = network(dropout=0.2)
        net.fit(X, Y, epochs=4, batch_size=4, callbacks=callbacks)
        fits.append(net.parameters.tobytes())
    assert fits[0] == fits[1]


def test_each_fit_begins_anew():
    flow, net = fg.GradientFlow(X, Y), network()
    net.fit(X, Y, epochs=3, callbacks=[flow])
    net.fit(X, Y, epochs=1, callbacks=[flow])
    assert len(flow.counts) == len(flow.zeros) == 2


def test_standardised_inputs_and_targets():
    flow = fg.GradientFlow(X, Y)
    net = network(standardize=True, standardize_targets=True)
    net.fit(X, Y, epochs=1, callbacks=[flow])
    assert flow.counts[-1].sum() + flow.zeros[-1].sum() == 3 * 6 + 6 * 2


@pytest.mark.parametrize(
    ("samples", "parts"),
    [
        ((X[:, :2], Y), ["X of GradientFlow", "(10, 2)"]),
        ((X, Y[:5]), ["Y of GradientFlow", "(5, 2)"]),
        ((X, Y, [1.0]), ["sample_weight of GradientFlow", "(1,)"]),
    ],
)
def test_bad_samples_are_refused_before_training(samples, parts):
    net = network()
    before = net.parameters.tobytes()
    assert_names(lambda: net.fit(X, Y, callbacks=[fg.GradientFlow(*samples)]), parts)
    assert net.parameters.tobytes() == before


def test_its_repr_has_no_samples():
    assert repr(fg.GradientFlow(X, Y)) == "GradientFlow()"
