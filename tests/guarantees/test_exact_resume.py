"""Training that resumes from a checkpoint, of any step, has the bits of one that never stopped."""

import copy
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.data_files import command
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

import fastgrad as fg
from fastgrad.cli.main import main
from fastgrad.optim import schedules
from fastgrad.tables import ensemble
from fastgrad.tables.checkpoints import CheckpointFolder

S, BATCH, EPOCHS = 44, 8, 4
STEPS = 6  # of an epoch, the last one with half a mini-batch
TOTAL = STEPS * EPOCHS
X = np.random.default_rng(0).normal(size=(S, 5)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(S, 2)).astype(np.float32)
VALIDATION = (X[:9], Y[:9] / 2)

OPTIMIZERS = [
    lambda: fg.Adam(schedules.Cosine(0.02)),
    lambda: fg.SGD(schedules.Warmup(schedules.OneCycle(0.1), 3), momentum=0.9).clip(norm=0.5),
    lambda: fg.Rprop(0.01),
    lambda: fg.AdamW(schedules.Linear(0.01, steps=TOTAL), weight_decay=0.1),
    lambda: fg.RMSprop(0.01, momentum=0.9, centered=True),
]
AVERAGES = [lambda: None, fg.EMA, fg.SWA]
NOISE = [{}, {"dropout": 0.2, "input_noise": 0.1, "l2": 1e-3, "max_norm": 2.0}]


class Stop(fg.Callback):
    """Stop a fit after a number of steps."""

    every = 1

    def __init__(self, steps):
        self.left = steps

    def on_batch_end(self, fit):
        self.left -= 1
        if self.left == 0:
            fit.stop("here")


class Save(fg.Callback):
    """Write a checkpoint in the middle of an epoch, and go on."""

    every = 1

    def __init__(self, path, step, extra_state=()):
        self.path, self.step, self.extra_state = path, step, extra_state

    def on_batch_end(self, fit):
        if fit.step == self.step:
            states = [*fit.callbacks, *self.extra_state]
            fg.save_checkpoint(self.path, fit.net, fit.optimizer, fit.average, states)


def network(**options):
    return fg.Network(
        [5, 16, 2],
        "tanh",
        cost="mse",
        seed=0,
        standardize=True,
        standardize_targets=True,
        **options,
    )


def watching():
    return [
        fg.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.05),
        fg.EarlyStopping(patience=3, min_delta=0.05),
    ]


def compare(resumed, rest, whole, history):
    """The rest of a fit against the whole fit."""
    assert np.array_equal(resumed.parameters, whole.parameters)
    assert resumed.rng.bit_generator.state == whole.rng.bit_generator.state
    skipped = len(history.cost) - len(rest.cost)
    for name, values in history.columns().items():
        if name != "seconds":
            assert rest.columns()[name] == values[skipped:], name
    assert rest.stopped == history.stopped


@jitted_only
@pytest.mark.parametrize("trial", range(12 * SOAK))
@pytest.mark.parametrize("batch_size", [BATCH, 1])
def test_a_fit_resumes_at_any_step(trial, batch_size, tmp_path):
    rng = random.Random(trial)
    make, make_average, noise = (rng.choice(of) for of in (OPTIMIZERS, AVERAGES, NOISE))
    if batch_size == 1:
        make = OPTIMIZERS[0]  # the length of another one is that of the larger mini-batches
    steps = -(-S // batch_size)
    at, goes_on = rng.randrange(1, steps * EPOCHS), rng.random() < 0.5
    options = {"batch_size": batch_size, "validation": VALIDATION, "threads": rng.choice([1, 2])}
    whole, average, path = network(**noise), make_average(), tmp_path / "fit.safetensors"
    history = whole.fit(X, Y, EPOCHS, optimizer=make(), average=average, **options)

    saving = [Save(path, at)] if goes_on else [fg.Checkpoint(path), Stop(at)]
    network(**noise).fit(
        X, Y, EPOCHS, optimizer=make(), average=make_average(), callbacks=saving, **options
    )
    net, optimizer, its_average = fg.resume(path)
    left = EPOCHS - (at - 1) // steps
    rest = net.fit(X, Y, left, optimizer=optimizer, average=its_average, **options)
    assert len(rest.cost) == left
    compare(net, rest, whole, history)
    if average is not None:
        assert np.array_equal(its_average.network.parameters, average.network.parameters)


@jitted_only
@pytest.mark.parametrize("every", [1, 4, 6])
def test_a_fit_that_stops_again_and_again(every, tmp_path):
    options = {"batch_size": BATCH, "validation": VALIDATION}
    whole, path = network(), tmp_path / "fit.safetensors"
    history = whole.fit(X, Y, 12, optimizer=fg.Adam(0.05), callbacks=watching(), **options)
    assert len(history.cost) < 12  # EarlyStopping ends it, with its best weights

    net, optimizer, callbacks, epochs, stops = network(), fg.Adam(0.05), watching(), 12, 0
    while True:
        stop = Stop(every)
        callbacks += [fg.Checkpoint(path), stop]
        rest = net.fit(X, Y, epochs, optimizer=optimizer, callbacks=callbacks, **options)
        if stop.left:
            break
        stops += 1
        net, optimizer, _ = fg.resume(path, extra_state=(callbacks := watching()))
        epochs = 12 - (stops * every - 1) // STEPS
    assert stops == len(history.cost) * STEPS // every
    compare(net, rest, whole, history)


def chunks(rows=2 * BATCH, seed=3, **options):
    return fg.Chunks(X, Y, rows=rows, seed=seed, **options)


class Shard:
    """A stream without a position: its pieces are read again, and those that were done skipped."""

    def __iter__(self):
        return iter([(X[:20], Y[:20]), (X[20:], Y[20:])])


@jitted_only
@pytest.mark.parametrize("stream", [chunks, lambda **_: chunks(shuffle=False), lambda **_: Shard()])
@pytest.mark.parametrize("batch_size", [BATCH, None])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 6, 7])
def test_a_stream_resumes_at_any_step(stream, batch_size, at, tmp_path):
    options = {"epochs": EPOCHS, "batch_size": batch_size}
    whole, path = network(dropout=0.2), tmp_path / "fit.safetensors"
    history = whole.fit_stream(stream(), optimizer=fg.Adam(0.01), **options)
    begun, again = stream(), stream(seed=99)
    states = [[one] if isinstance(one, fg.Chunks) else [] for one in (begun, again)]
    network(dropout=0.2).fit_stream(
        begun, optimizer=fg.Adam(0.01), callbacks=[Save(path, at, states[0])], **options
    )
    net, optimizer, _ = fg.resume(path, extra_state=states[1])
    pieces = [len(x) for x, _ in stream()]
    steps = sum(-(-rows // batch_size) for rows in pieces) if batch_size else len(pieces)
    options["epochs"] = EPOCHS - (at - 1) // steps
    rest = net.fit_stream(again, optimizer=optimizer, **options)
    compare(net, rest, whole, history)


def test_chunks_say_where_they_are():
    one, other = chunks(), chunks(seed=99)
    pieces = iter(one)
    seen = [next(pieces), next(pieces)]
    assert one.position == 1
    other.load_state_dict(one.state_dict())
    assert other.position == 1
    rest = [seen[1], *pieces]  # the one that was being used, and those after it
    for (x, y), (other_x, other_y) in zip(rest, other, strict=True):
        assert np.array_equal(x, other_x)
        assert np.array_equal(y, other_y)
    assert one.position == other.position == 0
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(one, other, strict=True))
    pieces = iter(one)
    next(pieces), next(pieces)
    assert len(list(one)) == 3  # another iteration begins at the beginning
    with pytest.raises(ValueError, match=r"^rows: got 44 with 8 at a time; expected 44 with 16 at"):
        chunks(rows=8).load_state_dict({**other.state_dict(), "position": 1})


@pytest.mark.parametrize(
    ("rows", "changed", "message"),
    [
        (40, {}, "samples: got 40; expected 44, as in the epoch that the checkpoint is from"),
        (44, {"batch_size": 4}, "batch_size: got 4; expected 8, as"),
        (44, {"shuffle": False}, "shuffle: got False; expected True, as"),
    ],
)
def test_the_rest_of_an_epoch_needs_the_same_samples(rows, changed, message, tmp_path):
    path = tmp_path / "fit.safetensors"
    network().fit(X, Y, 1, batch_size=BATCH, callbacks=[fg.Checkpoint(path), Stop(3)])
    net, optimizer, _ = fg.resume(path)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=f"^{message}"):
        net.fit(X[:rows], Y[:rows], 1, optimizer=optimizer, **{"batch_size": BATCH, **changed})
    assert np.array_equal(net.parameters, before)
    assert len(net.fit(X, Y, 1, optimizer=optimizer, batch_size=BATCH).cost) == 1


def test_a_stream_that_is_too_far_is_refused(tmp_path):
    path, begun, ahead = tmp_path / "fit.safetensors", chunks(), chunks()
    network().fit_stream(begun, callbacks=[Save(path, 1)], batch_size=BATCH)
    ahead.load_state_dict({**begun.state_dict(), "position": 2})
    net, optimizer, _ = fg.resume(path)
    message = "^batches: got them from piece 2 on; expected from 0 on, as in the checkpoint of the"
    with pytest.raises(ValueError, match=message):
        net.fit_stream(ahead, optimizer=optimizer, batch_size=BATCH)


def test_a_shorter_stream_is_refused(tmp_path):
    path = tmp_path / "fit.safetensors"
    pieces = [(X[k : k + BATCH], Y[k : k + BATCH]) for k in range(0, len(X), BATCH)]
    network().fit_stream(pieces, callbacks=[Save(path, 4)], batch_size=BATCH)
    net, optimizer, _ = fg.resume(path)
    with pytest.raises(ValueError, match=r"^batches: got 2 pieces; expected at least 3, as in"):
        net.fit_stream(pieces[:2], optimizer=optimizer, batch_size=BATCH)


def test_a_copy_made_in_an_epoch_begins_a_new_one(tmp_path):
    path, copies = tmp_path / "fit.safetensors", []

    class Copies(fg.Callback):
        every = 1

        def on_batch_end(self, fit):
            copies.append(copy.deepcopy((fit.net, fit.optimizer)))

    network().fit(X, Y, 1, batch_size=BATCH, optimizer=fg.Adam(), callbacks=[Copies()])
    fg.save_checkpoint(path, *copies[1])
    for net, optimizer in (copies[1], fg.resume(path)[:2]):
        assert len(net.fit(X[:9], Y[:9], 1, batch_size=2, optimizer=optimizer).cost) == 1


def test_a_step_ends_the_rest_of_an_epoch(tmp_path):
    path = tmp_path / "fit.safetensors"
    network().fit(X, Y, 1, batch_size=BATCH, callbacks=[fg.Checkpoint(path), Stop(3)])
    net, optimizer, _ = fg.resume(path)
    net.step(X[:1], Y[:1], optimizer)
    assert len(net.fit(X[:9], Y[:9], 1, batch_size=2, optimizer=optimizer).cost) == 1


# --- the command line ----------------------------------------------------------------------------

OPTIONS = [
    "--epochs", "40", "--layers", "8", "--batch-size", "8", "--ensemble", "3", "--patience", "9",
    "--no-plot",
]  # fmt: skip


@pytest.fixture
def terminated(monkeypatch, capsys):
    """Run a training that receives SIGTERM after a random number of steps, until it ends."""
    rng, left = random.Random(0), [0]

    class StopWhen(ensemble.StopWhen):
        every = 1

        def on_batch_end(self, fit):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1e-4)  # lets the main thread hear of it
            super().on_batch_end(fit)

    monkeypatch.setattr(ensemble, "StopWhen", StopWhen)

    def run(*arguments):
        handler = signal.getsignal(signal.SIGTERM)
        for n_stops in range(100):
            left[0] = rng.randrange(1, 150)
            try:
                code = main(arguments)
            except SystemExit as end:
                code = end.code
            out, err = capsys.readouterr()
            assert signal.getsignal(signal.SIGTERM) is handler
            if code == 0:
                return n_stops, out
            assert code == 143
            assert err.endswith("terminated; the same command with --resume continues\n")
        return None

    return run


@jitted_only
@pytest.mark.parametrize("extra", [[], ["--ensemble", "1"], ["--cv", "2"]])
def test_a_command_that_is_terminated_gives_the_same_file(extra, flowers, terminated, capsys):
    train = ["train", "flowers.csv", *OPTIONS, *extra, "--output"]
    command(capsys, *train, "whole.safetensors")
    stops, out = terminated(*train, "resumed.safetensors", "--checkpoint", "states", "--resume")
    assert stops > 1
    assert " networks, resumed" in out
    assert Path("resumed.safetensors").read_bytes() == Path("whole.safetensors").read_bytes()


@jitted_only
def test_a_folder_of_another_training_is_refused(flowers, capsys, monkeypatch):
    train = ["train", "flowers.csv", *OPTIONS, "--checkpoint", "states"]
    out = command(capsys, *train, "--resume")
    assert "checkpoints         states: none yet; training begins" in out
    first = Path("flowers.safetensors").read_bytes()
    monkeypatch.setattr(CheckpointFolder, "seconds", 0.0)
    command(capsys, *train, "--overwrite")
    assert len([*Path("states").glob("*.previous.safetensors")]) == 6
    assert "states: of 6 networks, resumed" in command(capsys, *train, "--resume")
    assert Path("flowers.safetensors").read_bytes() == first

    def refused(*arguments):
        error = command(capsys, *arguments, code=2).removeprefix("fastgrad: error: ")
        assert Path("flowers.safetensors").read_bytes() == first
        return error

    assert refused(*train) == (
        "--checkpoint: got states, which has checkpoints; expected --resume, another folder, or"
        " --overwrite to replace them"
    )
    assert refused(*train, "--resume", "--lr", "0.1") == (
        "--checkpoint: got states, of a training with learning_rate 0.005; expected learning_rate"
        " 0.1, as now, or another folder, or --overwrite without --resume"
    )
    seed = "--checkpoint: got states, of a training with seed 0; expected seed 3, as now"
    assert refused(*train, "--resume", "--seed", "3").startswith(seed)
    assert refused(*train[:2], "--checkpoint", "", "--resume") == (
        "--checkpoint: got an empty text; expected a path"
    )
    other = "--checkpoint: got states, of a training with other samples; expected the same data,"
    assert refused(*train, "--resume", "--test-size", "0.3").startswith(other)
    network = Path("states/network-1.safetensors")
    network.with_stem("network-1.previous").unlink()
    network.write_bytes(network.read_bytes()[:1000])
    assert "; without this file its network begins anew" in refused(*train, "--resume")
    Path("flowers.csv").write_text(Path("flowers.csv").read_text() + "9,9,setosa\n")
    assert refused(*train, "--resume").startswith(other)
    assert refused("train", "--resume") == (
        "--resume: got no folder of checkpoints; expected --checkpoint DIR, too"
    )
    with monkeypatch.context() as patch:
        patch.setattr("fastgrad.cli.train.__version__", "9.9")
        assert "of a training with version '0.1.0'; expected" in refused(*train, "--resume")
    Path("states/training.json").write_text("{")
    assert "whose training.json is damaged; expected" in refused(*train, "--resume")
    assert "none yet; training begins" in command(capsys, *train, "--overwrite")


@jitted_only
def test_a_training_without_checkpoints_yet_is_none(flowers, capsys):
    train = ["train", "flowers.csv", *OPTIONS, "--checkpoint", "states", "--resume"]
    error = command(capsys, *train, "--lr", "1e10", code=2)
    assert "likely cause: the learning rate" in error
    assert [path.name for path in Path("states").iterdir()] == ["training.json"]
    assert "none yet; training begins" in command(capsys, *train)


@jitted_only
def test_checkpoints_change_nothing(flowers, capsys, monkeypatch):
    monkeypatch.setattr(CheckpointFolder, "seconds", 0.0)
    for extra in ([], ["--checkpoint", "states"]):
        command(capsys, "train", "flowers.csv", *OPTIONS, *extra, "-o", f"{len(extra)}.safetensors")
    assert Path("0.safetensors").read_bytes() == Path("2.safetensors").read_bytes()
