"""Averages of the weights, against the weights of each step and against PyTorch."""

import numpy as np
import pytest
from helpers.comparison import assert_close
from helpers.error_messages import assert_names

import fastgrad as fg

SIZES, S = [5, 16, 3], 40


def data(rows=S):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, SIZES[0])), rng.normal(size=(rows, SIZES[-1]))


def network(sizes=SIZES):
    return fg.Network(sizes, "tanh", cost="mse", dtype="float64", seed=0)


@pytest.mark.parametrize("batch_size", [1, 8, 40])
def test_the_moving_average_of_each_step(batch_size):
    X, Y = data()
    net, ema = network(), fg.EMA(0.9)
    net.fit(
        X, Y, epochs=1, batch_size=batch_size, optimizer=fg.SGD(0.1), shuffle=False, average=ema
    )
    stepped, optimizer, average = network(), fg.SGD(0.1), None
    for start in range(0, S, batch_size):
        stepped.step(X[start : start + batch_size], Y[start : start + batch_size], optimizer)
        w = stepped.parameters
        average = w.copy() if average is None else 0.9 * average + 0.1 * w
    assert_close(ema.network.parameters, average, 1e-12)
    assert np.array_equal(net.parameters, stepped.parameters)
    assert ema.network.predict(X).shape == (S, 3)


@pytest.mark.torch
def test_the_moving_average_equals_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn  # noqa: PLC0415

    X, Y = data()
    net, ema = network([5, 3]), fg.EMA(0.9)
    model = torch.nn.Linear(5, 3, dtype=torch.float64)
    with torch.no_grad():
        model.weight[:] = torch.tensor(net.layers[0].W)
        model.bias[:] = 0
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for start in range(0, S, 8):
        optimizer.zero_grad()
        x, y = torch.tensor(X[start : start + 8]), torch.tensor(Y[start : start + 8])
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        averaged.update_parameters(model)
    net.fit(X, Y, epochs=1, batch_size=8, optimizer=fg.SGD(0.1), shuffle=False, average=ema)
    assert_close(ema.network.layers[0].W, averaged.module.weight.detach().numpy(), 1e-10)


def test_the_mean_of_the_last_epochs():
    X, Y = data()
    net, swa, seen = network(), fg.SWA(start=2), []

    class Notes(fg.Callback):
        def on_epoch_end(self, fit):
            seen.append(fit.net.parameters.copy())

    net.fit(X, Y, epochs=5, optimizer=fg.SGD(0.1), average=swa, callbacks=[Notes()])
    assert_close(swa.network.parameters, np.mean(seen[2:], axis=0), 1e-12)
    short = fg.SWA(start=5)
    network().fit(X, Y, epochs=5, average=short)
    with pytest.raises(ValueError, match="network: got no epoch after the 5 that start leaves out"):
        _ = short.network


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("step", [14, 15])  # the last of an epoch, whose cost is good yet; a first
def test_the_mean_leaves_out_what_is_not_finite(step):
    X, Y = data(4096)  # enough for the weights to be kept after each epoch
    net, swa, seen = fg.Network(SIZES, "tanh", cost="mse", seed=0), fg.SWA(), []

    class Notes(fg.Callback):
        def on_epoch_end(self, fit):
            seen.append(fit.net.parameters.copy())

    rates = fg.schedules.MultiStep(0.1, [step], gamma=1e200)
    history = net.fit(
        X, Y, epochs=9, batch_size=820, optimizer=fg.SGD(rates), average=swa, callbacks=[Notes()]
    )
    assert "the cost is" in history.stopped
    assert_close(swa.network.parameters, np.mean(seen[: step // 5], axis=0), 1e-6)


def test_an_average_is_of_one_network():
    X, Y = data()
    ema = fg.EMA()
    network().fit(X, Y, epochs=1, average=ema)
    with pytest.raises(ValueError, match="average: got one of another network"):
        network().fit(X, Y, epochs=1, average=ema)
    with pytest.raises(TypeError, match=r"average: got 0.9; expected fg.EMA\(\) or fg.SWA\(\)"):
        network().fit(X, Y, epochs=1, average=0.9)
    with pytest.raises(ValueError, match="network: got no fit yet"):
        _ = fg.EMA().network


def test_a_frozen_layer_that_was_set_is_in_the_average():
    X, Y = data()
    net, ema = network(), fg.EMA(0.9)
    net.fit(X, Y, epochs=1, batch_size=8, average=ema)
    net.layers[0].trainable, net.layers[0].W = False, 2.0
    net.fit(X, Y, epochs=1, batch_size=8, average=ema)
    assert (ema.network.layers[0].W == 2).all()
    assert not np.array_equal(ema.network.layers[1].W, net.layers[1].W)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.EMA(2), ["decay", "2", "below 1"]),
        (lambda: fg.SWA(2**70), ["start", str(2**63 - 1)]),
    ],
)
def test_bad_averages_are_named(make, parts):
    assert_names(make, parts)
