"""Checkpoints: training resumes as if it had never stopped."""

import os

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.run_mode import PLAIN
from helpers.small_fits import StopsAfter
from helpers.ten_samples import X, Y

import fastgrad as fg
from fastgrad.optim import schedules

SIZES, S, BATCH = [5, 16, 3], 40, 8
STEPS = S // BATCH  # an epoch


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(S, SIZES[0])), rng.normal(size=(S, SIZES[-1]))


def network(**options):
    return fg.Network(SIZES, "tanh", cost="mse", seed=0, **options)


OPTIMIZERS = {
    "SGD": lambda: fg.SGD(0.1),
    "Nesterov": lambda: fg.SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: fg.Adam(0.01).clip(norm=0.5),
    "amsgrad": lambda: fg.Adam(0.01, amsgrad=True),
    "NAdam": lambda: fg.NAdam(0.01),
    "RMSprop": lambda: fg.RMSprop(0.01, momentum=0.9, centered=True),
    "Rprop": lambda: fg.Rprop(0.01),
    "cosine over the fit": lambda: fg.Adam(schedules.Cosine(0.01)),
    "warm-up and one cycle": lambda: fg.SGD(schedules.Warmup(schedules.OneCycle(0.1), 3)),
    "long warm-up": lambda: fg.Adam(schedules.Warmup(schedules.Cosine(0.01), 5 * STEPS)),
    "explicit steps": lambda: fg.AdamW(schedules.Linear(0.01, steps=6 * STEPS)),
}


@pytest.mark.parametrize("average", [None, fg.EMA, fg.SWA])
@pytest.mark.parametrize("name", OPTIMIZERS if not PLAIN else ["Adam"])
def test_a_fit_resumes_where_it_stopped(name, average, tmp_path):
    make = OPTIMIZERS[name]
    X, Y = data()
    noise = {"dropout": 0.2, "input_noise": 0.1, "l2": 1e-3}
    straight, follows = network(**noise), average() if average else None
    straight.fit(X, Y, epochs=6, batch_size=BATCH, optimizer=make(), average=follows)

    begun, followed = network(**noise), average() if average else None
    path = tmp_path / "fit.safetensors"
    begun.fit(
        X, Y, epochs=6, batch_size=BATCH, optimizer=make(), average=followed,
        callbacks=[fg.Checkpoint(path), StopsAfter(2)],
    )  # fmt: skip
    net, optimizer, resumed = fg.resume(path)
    assert np.array_equal(net.parameters, begun.parameters)
    net.fit(X, Y, epochs=4, batch_size=BATCH, optimizer=optimizer, average=resumed)
    assert np.array_equal(net.parameters, straight.parameters)
    if average:
        assert np.array_equal(resumed.network.parameters, follows.network.parameters)


@pytest.mark.parametrize("name", ["Adam", "cosine over the fit", "long warm-up", "explicit steps"])
def test_in_the_same_process_too(name):
    X, Y = data()
    straight, begun = network(), network()
    straight.fit(X, Y, epochs=6, batch_size=BATCH, optimizer=OPTIMIZERS[name]())
    optimizer = OPTIMIZERS[name]()
    begun.fit(X, Y, epochs=6, batch_size=BATCH, optimizer=optimizer, callbacks=[StopsAfter(2)])
    begun.fit(X, Y, epochs=4, batch_size=BATCH, optimizer=optimizer)
    assert np.array_equal(begun.parameters, straight.parameters)


@pytest.mark.parametrize("kind", [fg.EMA, fg.SWA])
def test_an_unused_average_is_loaded_as_unused(kind, tmp_path):
    X, Y = data()
    net, follows, optimizer = network(), kind(), fg.Adam(0.01)
    fg.save_checkpoint(tmp_path / "c", net, optimizer, follows)
    again, its_optimizer, resumed = fg.resume(tmp_path / "c")
    for average in (follows, resumed):
        with pytest.raises(ValueError, match=r"^network: got no fit yet"):
            _ = average.network
    net.fit(X, Y, epochs=2, batch_size=BATCH, optimizer=optimizer, average=follows)
    again.fit(X, Y, epochs=2, batch_size=BATCH, optimizer=its_optimizer, average=resumed)
    assert np.array_equal(resumed.network.parameters, follows.network.parameters)
    with pytest.raises(ValueError, match=r"^average: got one of another network; expected one"):
        fg.save_checkpoint(tmp_path / "other", network(), fg.Adam(), follows)
    assert not (tmp_path / "other").exists()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_leaves_the_last_good_checkpoint(tmp_path):
    X, Y = data()
    rates = schedules.MultiStep(0.01, [2 * STEPS], gamma=1e12)
    saving = [fg.EarlyStopping(), fg.Checkpoint(tmp_path / "c")]
    net = network()
    history = net.fit(
        X, Y, epochs=9, batch_size=BATCH, optimizer=fg.SGD(rates), validation=(X, Y),
        callbacks=saving,
    )  # fmt: skip
    assert history.stopped.startswith("the cost is")
    assert len(history.cost) == 3
    # EarlyStopping has put back those of the second epoch
    assert np.array_equal(
        fg.resume(tmp_path / "c", extra_state=None).net.parameters, net.parameters
    )


def test_weights_that_are_not_finite_leave_the_checkpoint_before(tmp_path):
    class Ruins(fg.Callback):
        def on_epoch_end(self, fit):
            fit.net.layers[1].b[0] = np.inf if fit.epoch else 0.5

    X, Y = data()
    message = r"^Checkpoint: .*c: got NaN or infinity in layer.2.b; .*; the previous one is kept$"
    with pytest.warns(RuntimeWarning, match=message):
        network().fit(X, Y, epochs=2, callbacks=[Ruins(), fg.Checkpoint(tmp_path / "c")])
    assert fg.resume(tmp_path / "c").net.layers[1].b[0] == 0.5


def test_a_checkpoint_loads_as_a_network(tmp_path):
    X, Y = data()
    net, optimizer = network(), fg.Adam()
    net.fit(X, Y, epochs=1, optimizer=optimizer)
    fg.save_checkpoint(tmp_path / "c", net, optimizer)
    assert np.array_equal(fg.load(tmp_path / "c").predict(X), net.predict(X))


def test_other_files_are_no_checkpoints(tmp_path):
    net = network()
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match="net: got a network alone; expected a checkpoint"):
        fg.resume(tmp_path / "net")


def test_a_rate_that_is_a_function_cannot_be_saved(tmp_path):
    X, Y = data()
    net, optimizer = network(), fg.SGD(lambda step: 0.1 / (1 + step))
    net.fit(X, Y, epochs=1, optimizer=optimizer)
    with pytest.raises(TypeError, match="schedule: got the function"):
        fg.save_checkpoint(tmp_path / "c", net, optimizer)
    assert list(tmp_path.iterdir()) == []


def test_custom_functions_are_passed_again(tmp_path):
    cube = fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)
    quartic = fg.Cost("quartic", C=lambda a, y: (a - y) ** 4, dC_da=lambda a, y: 4 * (a - y) ** 3)
    X, Y = data()
    net = fg.Network(SIZES, [cube, "identity"], cost=quartic, seed=0)
    net.save(tmp_path / "net")
    back = fg.load(tmp_path / "net", custom_objects=[cube, quartic])
    assert back.cost(X, Y) == net.cost(X, Y)
    lacks = (
        r"net: custom_objects: got custom cost quartic; expected the custom activation cube, as in"
        r" custom_objects=\[cube\]$"
    )
    with pytest.raises(ValueError, match=lacks):
        fg.load(tmp_path / "net", custom_objects=[quartic])
    fg.save_checkpoint(tmp_path / "fit", net, fg.Adam())
    assert fg.resume(tmp_path / "fit", custom_objects=[quartic, cube]).net.cost(X, Y) == net.cost(
        X, Y
    )
    with pytest.raises(
        ValueError, match=r"fit: custom_objects: got none; expected the custom activation cube"
    ):
        fg.resume(tmp_path / "fit")
    for own in (cube, ["cube"], {"cube": cube}):
        with pytest.raises(
            TypeError, match=r"^custom_objects: got .*; expected a list of fg.Activation and"
        ):
            fg.load(tmp_path / "net", custom_objects=own)


def both():
    return [
        fg.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_delta=0.01),
        fg.EarlyStopping(patience=4, min_delta=0.01),
    ]


def lone():
    return [fg.EarlyStopping("cost", min_delta=1.0, patience=8, restore_best_weights=False)]


@pytest.mark.parametrize("at", [1, 5, 6, 7] if not PLAIN else [6])
@pytest.mark.parametrize("watching", [both, lone])
@pytest.mark.parametrize("rate", [0.03, schedules.Warmup(0.03, STEPS - 1)])
def test_monitoring_callbacks_resume(rate, watching, at, tmp_path):
    X, Y = data()
    straight, path = network(), tmp_path / "fit"
    options = {"batch_size": BATCH, "validation": (X[:9], Y[:9] / 2)}  # better at first, then worse
    whole = straight.fit(
        X, Y, epochs=12, optimizer=fg.Adam(rate), callbacks=watching(), **options
    )  # fmt: skip
    assert at < len(whole.cost) < 12  # it stops, after the rate has been lowered, if it is
    assert len(set(whole.lr)) == len(watching())
    network().fit(
        X, Y, epochs=12, optimizer=fg.Adam(rate), **options,
        callbacks=[fg.Checkpoint(path), *watching(), StopsAfter(at)],
    )  # fmt: skip
    fresh = watching()
    net, optimizer, _ = fg.resume(path, extra_state=fresh)
    rest = net.fit(X, Y, epochs=12 - at, optimizer=optimizer, callbacks=fresh, **options)
    assert rest.cost == whole.cost[at:]
    assert rest.lr == whole.lr[at:]
    assert rest.stopped == whole.stopped  # which tells the best epoch
    assert np.array_equal(net.parameters, straight.parameters)
    # the next fit is a new one
    assert len(net.fit(X, Y, epochs=2, callbacks=fresh, **options).cost) == 2


def test_a_finished_fit_is_finished_when_resumed(tmp_path):
    X, Y = data()
    path, options = tmp_path / "fit", {"batch_size": BATCH, "validation": (X[:9], Y[:9] / 2)}

    def callbacks(patience=2):  # one list serves a fit and its resumption
        stops = fg.EarlyStopping(patience=patience, min_delta=0.01)
        return [fg.CSVLogger(tmp_path / "log", append=True), stops, fg.Checkpoint(path)]

    whole = network()
    history = whole.fit(X, Y, 12, optimizer=fg.Adam(0.03), callbacks=callbacks(), **options)
    assert 2 < len(history.cost) < 12
    net, optimizer, _ = fg.resume(path, extra_state=(fresh := callbacks()))
    assert not np.array_equal(net.parameters, whole.parameters)  # those of the last epoch
    rest = net.fit(X, Y, 5, optimizer=optimizer, callbacks=fresh, **options)
    assert rest.cost == []
    assert rest.stopped == history.stopped
    assert np.array_equal(net.parameters, whole.parameters)  # those of the best
    net, optimizer, _ = fg.resume(path, extra_state=(fresh := callbacks(patience=3)))
    assert len(net.fit(X, Y, 1, optimizer=optimizer, callbacks=fresh, **options).cost) == 1


def test_zero_patience_stops_only_after_a_worse_epoch(tmp_path):
    X, Y = data()
    stops, path = fg.EarlyStopping("cost", patience=0), tmp_path / "fit"
    network().fit(X, Y, 1, callbacks=[stops, fg.Checkpoint(path)])
    net, optimizer, _ = fg.resume(path, extra_state=[stops])
    assert len(net.fit(X, Y, 1, optimizer=optimizer, callbacks=[stops]).cost) == 1


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_stream_resumes(shuffle, tmp_path):
    def chunks(seed):
        return fg.Chunks(*data(), rows=BATCH, shuffle=shuffle, seed=seed)

    straight, path = network(), tmp_path / "fit"
    straight.fit_stream(chunks(3), epochs=6, optimizer=fg.Adam(0.01))
    begun, other = chunks(3), chunks(4)
    network().fit_stream(
        begun, epochs=6, optimizer=fg.Adam(0.01),
        callbacks=[fg.Checkpoint(path, extra_state=[begun]), StopsAfter(2)],
    )  # fmt: skip
    net, optimizer, _ = fg.resume(path, extra_state=[other])
    net.fit_stream(other, epochs=4, optimizer=optimizer)
    assert np.array_equal(net.parameters, straight.parameters)


class Own(fg.Callback):
    def __init__(self):
        self.seen = {"rates": np.zeros(0), "epochs": 0}

    def on_epoch_end(self, fit):
        rates = np.append(self.seen["rates"], fit.optimizer.lr)
        self.seen = {"rates": rates, "epochs": len(rates)}

    def state_dict(self):
        return self.seen

    def load_state_dict(self, state):
        self.seen = state


def test_custom_callbacks_resume(tmp_path):
    X, Y = data()
    net, optimizer, own = network(), fg.Adam(0.01), Own()
    net.fit(X, Y, epochs=2, optimizer=optimizer, callbacks=[own])
    fg.save_checkpoint(tmp_path / "c", net, optimizer, extra_state=[fg.EarlyStopping(), own])
    net, optimizer, _ = fg.resume(tmp_path / "c", extra_state=[fg.EarlyStopping(), again := Own()])
    net.fit(X, Y, epochs=1, optimizer=optimizer, callbacks=[again])
    assert again.seen["epochs"] == 3
    assert np.array_equal(again.seen["rates"], [0.01] * 3)


def empty():
    """One of the same name, that knows nothing."""
    return type("EarlyStopping", (Own,), {"state_dict": lambda self: {"monitor": "val_cost"}})()


@pytest.mark.parametrize(
    ("held", "given", "message"),
    [
        (both, list, "extra_state: got nothing; expected ReduceLROnPlateau, EarlyStopping, as in"),
        (list, both, "extra_state: got ReduceLROnPlateau, EarlyStopping; expected nothing, as in"),
        (
            both,
            lambda: both()[::-1],
            "extra_state: got EarlyStopping, ReduceLROnPlateau; expected Red",
        ),
        (
            lambda: [fg.EarlyStopping()],
            lambda: [fg.EarlyStopping("cost")],
            ".*: monitor: got 'cost'; expected 'val_cost'",
        ),
        (
            lambda: [fg.Chunks(*data())],
            lambda: [fg.Chunks(*data(), shuffle=False)],
            ".*: shuffle: got False; expected True",
        ),
        (lambda: [empty()], lambda: [fg.EarlyStopping()], ".*got a damaged checkpoint .'best'.;"),
        (
            both,
            lambda: [fg.CSVLogger("x")],
            "extra_state: got nothing; expected ReduceLROnPlateau, Early",
        ),
        (both, lambda: [print], "extra_state: got <.*; expected objects with a state"),
    ],
)
def test_a_checkpoint_that_does_not_match_is_refused(held, given, message, tmp_path):
    fg.save_checkpoint(tmp_path / "c", network(), fg.Adam(), extra_state=held())
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        fg.resume(tmp_path / "c", extra_state=given())
    assert fg.resume(tmp_path / "c", extra_state=None).net.sizes == tuple(SIZES)


def test_objects_without_state_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match=r"^extra_state: got 3; expected objects with a state"):
        fg.save_checkpoint(tmp_path / "c", network(), fg.Adam(), extra_state=[3])
    own = Own()
    own.seen = {"of": {1, 2}}
    with pytest.raises(TypeError, match=r"^extra_state: got something that JSON cannot hold"):
        fg.save_checkpoint(tmp_path / "c", network(), fg.Adam(), extra_state=[own])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused_before_training(tmp_path):
    X, Y = data()
    net = network()
    before = net.parameters.copy()
    with pytest.raises(FileNotFoundError, match=r"path: got .*; expected it in a folder that"):
        net.fit(X, Y, callbacks=[fg.Checkpoint(tmp_path / "none" / "net")])
    assert np.array_equal(net.parameters, before)


def test_a_refused_resumption_leaves_callbacks_as_they_were(tmp_path):
    X, Y = data()
    stops, chunks = fg.EarlyStopping("cost", patience=9), fg.Chunks(X, Y, seed=0)
    net, adam = network(), fg.Adam()
    net.fit(X, Y, epochs=3, optimizer=adam, callbacks=[stops])
    fg.save_checkpoint(tmp_path / "net", net, adam, extra_state=[stops, chunks])
    fresh = fg.EarlyStopping("cost", patience=9)
    with pytest.raises(ValueError, match=r"net: shuffle: got False; expected True"):
        fg.resume(tmp_path / "net", extra_state=[fresh, fg.Chunks(X, Y, shuffle=False)])
    assert (fresh.epochs, fresh.weights) == (0, None)
    with pytest.raises(TypeError, match=r"extra_state: got .*; expected a list"):
        fg.resume(tmp_path / "net", extra_state=fresh)


def test_best_weights_of_a_checkpoint_are_restored_only_on_request(tmp_path):
    X, Y = data()
    net, adam, path = network(), fg.Adam(), tmp_path / "net"
    net.fit(
        X, Y, epochs=3, optimizer=adam, callbacks=[fg.EarlyStopping("cost"), fg.Checkpoint(path)]
    )
    stops = fg.EarlyStopping("cost", restore_best_weights=False)
    net, _, _ = fg.resume(path, extra_state=[stops])
    net.fit(X, Y, epochs=2, optimizer=fg.SGD(2.0), callbacks=[stops])
    assert not np.array_equal(net.parameters, stops.weights)


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_fit(tmp_path, is_folder):
    (X, Y), net = data(), network()
    path, error = tmp_path / "a.safetensors", IsADirectoryError
    if is_folder:
        path.mkdir()
    else:
        tmp_path.chmod(0o500)
        error = PermissionError
        if os.access(tmp_path, os.W_OK):
            pytest.skip("root may write everywhere")
    before = net.parameters.copy()
    with pytest.raises(error, match="path: got "):
        net.fit(X, Y, callbacks=[fg.Checkpoint(path, seconds=3600)])
    tmp_path.chmod(0o700)
    assert np.array_equal(net.parameters, before)


def test_a_fit_that_a_callback_refuses_has_changed_nothing(tmp_path):
    X, Y = data()
    net, ema = network(standardize=True), fg.EMA()
    with pytest.raises(
        FileNotFoundError, match=r"path: got .*; expected it in a folder that exists"
    ):
        net.fit(X, Y, average=ema, callbacks=[fg.CSVLogger(tmp_path / "none" / "log.csv")])
    assert not net.inputs.standardized
    assert ema.average is None


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.Checkpoint(3), ["path", "3"]),
        (lambda: fg.save_checkpoint("c", fg.Adam(), network()), ["net", "Adam", "fg.Network"]),
        (lambda: fg.save_checkpoint("c", network(), "adam"), ["optimizer", "'adam'", "Adam"]),
        (lambda: fg.save_checkpoint("c", network(), fg.Adam), ["optimizer", "class", "Adam"]),
        (lambda: fg.save_checkpoint("c", network(), fg.Adam(), "ema"), ["average", "'ema'", "EMA"]),
        (
            lambda: fg.Checkpoint("c", extra_state=fg.Chunks(X, Y)),
            ["extra_state", "<Chunks 10 rows", "a list"],
        ),
    ],
)
def test_bad_arguments_are_named(make, parts):
    assert_names(make, parts)
