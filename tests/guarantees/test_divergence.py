"""Training that diverges: it stops at the step, says where and why, and loses no good weights."""

import re
import warnings
from functools import partial

import numpy as np
import pytest
from helpers.small_fits import same_parameters
from helpers.soak import SOAK

import fastgrad as fg

S, BATCH = 4096, 128  # so many samples let a copy of the weights be kept after each epoch
STEPS = S // BATCH  # per epoch
rng = np.random.default_rng(0)
X = rng.normal(size=(S, 3))
y = X @ [1.0, -2.0, 0.5]


def network(**options):
    return fg.Network([3, 8, 1], **{"activations": "tanh", "cost": "mse", "seed": 0, **options})


def fit(net, X=X, y=y, *, epochs=9, expected=None, **options):
    """Fit in silence; returns the message of a divergence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y, **{"epochs": epochs, "batch_size": BATCH, "verbose": 0, **options})
    return "".join(str(w.message) for w in caught if str(w.message).startswith("fit: "))


def explodes(step):
    """A rate that makes the weights so large that the cost of the next step overflows."""
    return fg.schedules.MultiStep(0.01, [step], gamma=1e25)


def test_the_message_names_the_weights_that_early_stopping_restores():
    net = network()
    optimizer = fg.SGD(explodes(4 * STEPS + 3))
    callbacks = [fg.EarlyStopping("cost", patience=9)]
    message = fit(net, optimizer=optimizer, callbacks=callbacks, shuffle=False)
    best = callbacks[0].best_epoch + 1
    assert message.endswith(f"; the weights after epoch {best}, the best cost, are back")
    twin = network()
    fit(twin, optimizer=fg.SGD(0.01), epochs=best, shuffle=False)
    assert same_parameters(net, twin)


# --- where it stops, and what comes back ----------------------------------------------------------


@pytest.mark.parametrize("step", [1, STEPS - 2, STEPS - 1, STEPS + 9, *range(95, 94 + SOAK)])
@pytest.mark.parametrize("batch_size", [1, BATCH])
@pytest.mark.parametrize("rule", [fg.SGD, partial(fg.SGD, momentum=0.9), fg.Adam])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_stops_at_the_step_and_returns_to_the_last_epoch(step, batch_size, rule, threads):
    steps = S // batch_size
    net, twin, optimizer = network(), network(), rule(explodes(step))
    options = {"batch_size": batch_size, "threads": threads, "shuffle": False}
    message = fit(net, optimizer=optimizer, epochs=step // steps + 3, **options)
    epoch, batch = map(int, re.search(r"in epoch (\d+), batch (\d+)", message).groups())
    assert (epoch - 1) * steps + batch == step + 2  # the step after, counted from 1
    good = (step + 1) // steps - ((step + 1) % steps == 0)  # the last one has the exploded weights
    fit(twin, optimizer=rule(0.01), epochs=good, **options) if good else None
    back = f"the weights after epoch {good}" if good else "the weights before the fit"
    assert message.endswith(f"; {back} are back")
    assert same_parameters(net, twin)
    optimizer.schedule = 0.01  # and its state was renewed: without a trace of what was before
    fit(net, optimizer=optimizer, epochs=2, **options)
    fit(twin, optimizer=rule(0.01), epochs=2, **options)
    assert same_parameters(net, twin)


def test_averages_of_the_weights_come_back_too():
    for average in (fg.EMA(0.9), fg.SWA()):
        net, twin, other = network(), network(), type(average)(average.number)
        fit(net, optimizer=fg.SGD(explodes(2 * STEPS + 3)), average=average, shuffle=False)
        fit(twin, optimizer=fg.SGD(0.01), average=other, shuffle=False, epochs=2)
        assert same_parameters(average.network, other.network)


def test_a_stream_is_left_at_the_step():
    taken = []

    class Pieces:
        def __iter__(self):
            for k in range(0, 6 * BATCH, 2 * BATCH):
                taken.append(k)
                yield X[k : k + 2 * BATCH], y[k : k + 2 * BATCH]

    net = network()
    with pytest.warns(RuntimeWarning, match="in epoch 1, batch 3; .* before the fit are back"):
        net.fit_stream(Pieces(), epochs=3, batch_size=BATCH, optimizer=fg.SGD(explodes(1)))
    assert len(taken) == 2  # of three
    assert same_parameters(net, network())


class Sets(fg.Callback):
    """Gives a weight a value that a saturated activation hides from the cost."""

    def __init__(self, epoch, value):
        self.epoch, self.value = epoch, value

    def on_epoch_begin(self, fit):
        if fit.epoch == self.epoch:
            fit.net.layers[0].b[0] = self.value


def test_a_weight_that_the_cost_does_not_show_ends_the_fit():
    net, twin = network(), network()
    message = fit(net, callbacks=[Sets(2, np.inf)], shuffle=False)
    assert "in epoch 3, batch" in message
    assert "the weights of layer 1 are not finite" in message
    fit(twin, epochs=2, shuffle=False)
    assert same_parameters(net, twin)


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_batch_end"])
def test_a_fit_that_a_callback_stops_has_finite_weights_too(hook):
    class Stops(fg.Callback):
        every = 1

    setattr(Stops, hook, lambda self, fit: fit.stop("lunch") if fit.step == 64 else None)
    net, twin = network(), network()
    explodes = fg.schedules.MultiStep(0.01, [63], gamma=1e45)  # at the last step before
    few = {"X": X[:64], "y": y[:64], "batch_size": 8}
    message = fit(net, **few, optimizer=fg.SGD(explodes), callbacks=[Stops()])
    assert "in epoch 8, batch 8; the weights of layer" in message
    assert same_parameters(net, twin)


def test_the_reason_stays_that_of_the_divergence():
    net, stopping = network(), fg.EarlyStopping("cost", patience=1)
    with pytest.warns(RuntimeWarning):
        history = net.fit(
            X, y, epochs=9, batch_size=BATCH, optimizer=fg.SGD(explodes(2 * STEPS + 3)),
            callbacks=[stopping],
        )  # fmt: skip
    assert history.stopped.startswith("the cost is inf in epoch 3, batch 5; ")


def test_tables_and_their_command_refuse_a_network_that_diverged():
    rows = [{"a": float(a), "y": float(b)} for a, b in zip(X[:99, 0], y, strict=False)]
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(ValueError, match=r"^fit: the cost is .* likely cause: the learning rate"),
    ):
        fg.TableModel(learning_rate=1e30, members=1, epochs=3, seed=0).fit(rows, target="y")


def test_the_layer_is_that_of_the_largest_weights():
    pytest.importorskip("scipy")
    net = network(activations="relu")
    net.layers[0].W[:] = 1e30
    assert "the weights of layer 1 reach 1e+30" in fit(net, optimizer=fg.LBFGS())


def test_a_finite_cost_that_explodes_is_not_good():
    net, twin = network(activations="identity"), network(activations="identity")
    fit(net, callbacks=[Sets(2, 1e9), Sets(5, np.inf)], shuffle=False, optimizer=fg.SGD(1e-9))
    fit(twin, epochs=2, shuffle=False, optimizer=fg.SGD(1e-9))
    assert same_parameters(net, twin)


# --- the likely cause -----------------------------------------------------------------------------


def other(array, place, value):
    array = array.copy()
    array[place] = value
    return array


UNIT_WEIGHTS = np.ones(S)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"optimizer": fg.SGD(1e3)}, "the learning rate, 1000"),
        (
            {"X": X * [1, 1, 1e6], "optimizer": fg.SGD(0.1)},
            r"input 2, from -\S+e\+06 to \S+e\+06 \(standardize=True or .* scales it\)",
        ),
        (
            {"y": other(y, 17, 1e20), "optimizer": fg.SGD(0.1)},
            r"the target 1e\+20 of sample 17 \(standardize_targets=True or .* scales it\)",
        ),
        (
            {"X": other(X, (9, 1), 1e30), "sample_weight": other(UNIT_WEIGHTS, 9, 0)},
            r"input 1, from \S+ to 1e\+30, in sample 9, whose weight is 0: leave it out",
        ),
        (
            {"X": other(X, (9, 1), 1e30), "y": other(y, 3, -1e20), "optimizer": fg.SGD(100.0)},
            r"input 1, .* and the target -1e\+20 of sample 3 .* and the learning rate, 100",
        ),
    ],
)
def test_the_message_names_the_likely_cause(options, cause):
    net = network(activations="relu")
    message = fit(net, **options)
    assert re.search(f"; likely cause: {cause}; the weights before the fit are back", message)
    assert same_parameters(net, network(activations="relu"))


def test_the_message_names_the_column():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X * [1, 1e6, 1], columns=["age", "income", "rooms"])
    assert "likely cause: input 'income', from" in fit(
        network(activations="relu"), X=table, optimizer=fg.SGD(0.1)
    )


def test_a_large_value_of_a_standardised_column_is_given_in_deviations():
    net = fg.Network([3, 8, 1], "relu", seed=0, standardize=True)
    many = X
    message = fit(net, X=other(many, (9, 1), 1e9), y=y, optimizer=fg.SGD(1.0))
    assert re.search(r"to 1e\+09 \(64 standard deviations from its mean\)", message)


def test_code_without_a_module_is_warned_too():
    code = """
import fastgrad as fg
net = fg.Network([1, 1], cost="mse", seed=0)
net.fit([[1.0], [2.0]], [[1.0], [2.0]], epochs=50, batch_size=1, optimizer=fg.SGD(100.0))
"""
    with pytest.warns(RuntimeWarning, match="fit: "):
        exec(compile(code, "code", "exec"), {})
