"""Processes that are killed while they train or write: run as a program, on its own.

Its arguments: a file for the result, as JSON, a function of this module, and its arguments.
"""

import contextlib
import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

import fastgrad as fg
from fastgrad.cli.main import main
from fastgrad.tables.checkpoints import CheckpointFolder

X = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
Y = X[:, :2] * X[:, 2:4]
EPOCHS, BATCH = 3, 8
PATH = Path("fit.safetensors")


def forked(do):
    """The process id of a child that does something and then ends with the exit code 0."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        do()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        if code == 1:
            traceback.print_exc()
        os._exit(code)


def ended(child):
    """What ended a child: 0, or "killed"."""
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGTERM)
        return "killed"
    assert os.WEXITSTATUS(status) in (0, 143)
    return "killed" if os.WEXITSTATUS(status) else 0


def network():
    return fg.Network([5, 8, 2], cost="mse", seed=0, dropout=0.1)


def start():
    """What a fit begins with: the checkpoint, if there is one. A damaged one is an error."""
    if not PATH.exists():
        return network(), fg.Adam(fg.schedules.Cosine(0.01)), EPOCHS
    resumed = fg.resume(PATH)
    return resumed.net, resumed.optimizer, resumed.epochs_left


def steps(net, optimizer):
    return int(net.engine.state(optimizer).steps[0])


class Acknowledge(fg.Callback):
    """Write down the steps of each checkpoint that has been written."""

    run_last = True
    every = 1

    def __init__(self, pipe):
        self.pipe = pipe

    def on_batch_end(self, fit):
        os.write(self.pipe, steps(fit.net, fit.optimizer).to_bytes(4, "little"))


def train(pipe=None):
    net, optimizer, epochs = start()
    callbacks = [fg.Checkpoint(PATH, seconds=0)]
    if pipe is not None:
        callbacks.append(Acknowledge(pipe))
    net.fit(X, Y, epochs, batch_size=BATCH, optimizer=optimizer, threads=1, callbacks=callbacks)
    return net


def at_random_moments(n_kills):
    """Kill fits that resume from one another, and compare their ends with that of a whole one."""
    net = network()
    schedule = fg.schedules.Cosine(0.01)
    net.fit(X, Y, EPOCHS, batch_size=BATCH, optimizer=fg.Adam(schedule), threads=1)
    rng, kills, fits, lost = random.Random(0), 0, 0, 0
    while kills < n_kills or not fits:
        receive, send = os.pipe()
        child = forked(lambda: train(send))  # noqa: B023 - called at once
        os.close(send)
        time.sleep(rng.uniform(0, 0.1) * (1 + kills / n_kills))  # longer, where it is slow
        os.kill(child, signal.SIGKILL)
        how = ended(child)
        with os.fdopen(receive, "rb") as pipe:
            written = np.frombuffer(pipe.read(), "<i4")
        if PATH.exists() or len(written):
            resumed, optimizer, _ = fg.resume(PATH)
            lost = max(lost, written[-1] - steps(resumed, optimizer) if len(written) else 0)
        if how == "killed":
            kills += 1
        else:
            assert np.array_equal(resumed.parameters, net.parameters)
            fits += 1
            PATH.unlink()
    left = [path.name for path in Path().iterdir() if path.name.startswith(".")]
    return {"kills": kills, "fits": fits, "lost": int(lost), "temporary": len(left)}


CALLS = ("open", "close", "fsync", "chmod", "link", "replace", "unlink")


def at_each_call(half=False):
    """Kill a process before and after each call of the system that writes a checkpoint."""
    outcomes, call = [], 0
    while True:
        for when in ("before", "after"):
            for path in Path().glob("*fit*"):
                path.unlink()
            net, optimizer = network(), fg.Adam()
            for _ in range(3):  # so that there is a previous one
                net.step(X[:8], Y[:8], optimizer)
                fg.save_checkpoint(PATH, net, optimizer)

            def write(call=call, when=when, net=net, optimizer=optimizer):
                net.step(X[:8], Y[:8], optimizer)
                kill_at(call, when, half)
                fg.save_checkpoint(PATH, net, optimizer)

            how = ended(forked(write))
            found = []
            for path in (PATH, PATH.with_stem("fit.previous")):
                net, optimizer, _ = fg.resume(path)
                found.append(steps(net, optimizer))
            outcomes.append([call, when, how, *found])
        if how != "killed":
            return outcomes
        call += 1


def kill_at(call, when, half):
    """Let this process be killed at a call; or, for `half`, when a part of a file is written."""
    left = [call]

    def watched(function):
        def called(*arguments, **options):
            left[0] -= 1
            if left[0] == -1 and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **options)
            if left[0] == -1 and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return called

    def write_bytes(path, content):
        with path.open("wb") as file:
            size = len(content) * (call + (when == "after")) // 8
            file.write(content[:size])
            file.flush()
            if call < 8:
                os.kill(os.getpid(), signal.SIGKILL)

    if half:
        Path.write_bytes = write_bytes
    else:
        for name in CALLS:
            setattr(os, name, watched(getattr(os, name)))


def the_command(n_kills):
    """Kill `fastgrad train --checkpoint --resume`, or send it SIGTERM, until it ends."""
    CheckpointFolder.seconds = 0.0
    rows = [f"{a:.4f},{b:.4f},{'xyz'[k % 3]},{a * b:.5f}" for k, (a, b) in enumerate(X[:, :2])]
    Path("rows.csv").write_text("a,b,c,d\n" + "\n".join(rows))
    options = ["--ensemble", "3", "--epochs", "15", "--layers", "8", "--no-plot", "--quiet"]
    train = ["train", "rows.csv", *options, "-o"]
    rng, kills, fits = random.Random(0), 0, 0
    for _ in range(2):  # the first one loads for all children what they need
        begin = time.perf_counter()
        assert main([*train, "whole.safetensors"]) == 0
        seconds = time.perf_counter() - begin
    while kills < n_kills or not fits:
        resumed = [*train, "resumed.safetensors", "--checkpoint", f"states{fits}", "--resume"]
        child = forked(lambda: main(resumed))  # noqa: B023 - called at once
        time.sleep(rng.uniform(0.3, 1.2) * seconds * (1 + kills / n_kills))
        os.kill(child, rng.choice((signal.SIGKILL, signal.SIGTERM)))
        if ended(child) == "killed":
            kills += 1
        else:
            fits += 1
            whole, again = (Path(f"{n}.safetensors").read_bytes() for n in ("whole", "resumed"))
            assert whole == again
    return {"kills": kills, "fits": fits}


def failure(path):
    """The error of a checkpoint that cannot be written, and whether the one before is intact."""
    before = path.read_bytes()
    names = {p.name for p in path.parent.iterdir()}
    net, optimizer = network(), fg.Adam()
    try:
        fg.save_checkpoint(path, net, optimizer)
    except OSError as error:
        same = path.read_bytes() == before and {p.name for p in path.parent.iterdir()} == names
        return [errno.errorcode[error.errno], error.filename, same]
    return None


def on_a_small_disk():
    """Write to a disk that is full, has space again, and then can only be read."""
    net, optimizer = network(), fg.Adam()
    fg.save_checkpoint(PATH, net, optimizer)
    filler = Path("filler")
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 1024):
            pass
    full = failure(PATH)
    filler.unlink()
    free = failure(PATH)
    subprocess.run(["mount", "-o", "remount,ro", "."], check=True)
    return [full, free, failure(PATH)]


def with_a_limit_of_file_sizes():
    """Write a file that is larger than this process may write."""
    fg.save_checkpoint(PATH, network(), fg.Adam())
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    return failure(PATH)


if __name__ == "__main__":
    warnings.simplefilter("error")
    result, name, *numbers = sys.argv[1:]
    Path(result).write_text(json.dumps(globals()[name](*map(int, numbers))))
