"""Files that have been changed anywhere: they are read, or are one line of a ValueError."""

import copy
import gzip
import json
import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.model_files import header_and_rest, with_header
from helpers.run_mode import jitted_only
from helpers.soak import SOAK
from helpers.ten_samples import X, y

import fastgrad as fg
from fastgrad.data.samples import load_samples

N_FILES = 150 * SOAK
ROWS = [{"a": float(k), "b": "xyz"[k % 3], "y": "pq"[k % 2]} for k in range(40)]
VALUES = [
    None, True, False, 0, 1, -1, 3, 10**30, 10**400, -5, 0.5, float("nan"), float("inf"), "", "x",
    "_W", "__dict__", "relu", "identity", [], [1], {}, {"a": 1}, [[]], "-" * 3000, [None] * 3,
    2**53, "1e999",
]  # fmt: skip
NAMES = ["_W", "__dict__", "version", "W", "lr", ""]


def places(value, path=()):
    """The way to each value in nested objects and lists."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        found.append((*path, key))
        if isinstance(item, dict | list):
            found += places(item, (*path, key))
    return found


def mutated(value, rng):
    """A copy in which one value is another, gone or new."""
    value = copy.deepcopy(value)
    *way, last = rng.choice(places(value))
    parent = value
    for key in way:
        parent = parent[key]
    kind = rng.choice("rrrrrrddn")
    if kind == "r":
        parent[last] = rng.choice(VALUES)
    elif kind == "d":
        del parent[last]
    elif isinstance(parent, dict):
        parent[rng.choice(NAMES)] = rng.choice(VALUES)
    else:
        parent.append(rng.choice(VALUES))
    return value


def save_network(path):
    fg.Network([3, 4, 1], seed=0, l2=0.1, standardize=True, standardize_targets=True).save(path)


def save_checkpoint(path):
    net, optimizer = fg.Network([3, 4, 1], seed=0), fg.Adam(fg.schedules.Cosine(0.01))
    stopping = fg.EarlyStopping("cost")
    net.fit(X, y, epochs=2, optimizer=optimizer, callbacks=[stopping])
    fg.save_checkpoint(path, net, optimizer, extra_state=[stopping])


def save_model(path):
    fg.TableModel(members=2, epochs=2, seed=0).fit(ROWS, target="y").save(path)


READERS = {
    save_network: [fg.load, fg.TableModel.load],
    save_checkpoint: [fg.load, fg.resume, lambda path: fg.resume(path, extra_state=None)],
    save_model: [fg.load, lambda path: fg.TableModel.load(path).predict(ROWS[:3])],
}


@jitted_only
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("save", READERS, ids=lambda save: save.__name__)
def test_a_changed_header_is_read_or_refused_in_one_line(save, tmp_path):
    path, rng = tmp_path / "model.safetensors", random.Random(0)
    save(path)
    header, rest = header_and_rest(path.read_bytes())
    n_refused = 0
    for _ in range(N_FILES):
        changed = copy.deepcopy(header)
        entries = changed["__metadata__"]
        entry = rng.choice([name for name in entries if name != "fastgrad"])
        content = json.loads(entries[entry])
        for _ in range(rng.choice([1, 1, 2])):
            content = mutated(content, rng)
        entries[entry] = json.dumps(content)
        path.write_bytes(with_header(changed, rest))
        for read in READERS[save]:
            begin = time.perf_counter()
            try:
                read(path)
            except ValueError as error:
                n_refused += 1
                assert "\n" not in str(error), entries[entry]  # noqa: PT017 - any number of them
            assert time.perf_counter() - begin < 5
    assert n_refused > N_FILES / 4


def write_arrays(name):
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(20, 3)), np.arange(20) % 2
    images = rng.integers(256, size=(20, 4, 4), dtype=np.uint8)
    if name.endswith(".npz"):
        (np.savez if name == "plain.npz" else np.savez_compressed)(name, X=X, y=labels)
    elif name.endswith(".npy"):
        np.save(name, X)
        np.save("y.npy", labels)
    else:
        pack = gzip.compress if name.endswith(".gz") else bytes
        head = struct.pack(">4I", 0x803, 20, 4, 4)
        Path(name).write_bytes(pack(head + images.tobytes()))
        ids = struct.pack(">2I", 0x801, 20) + bytes(labels.tolist())
        Path(name.replace("images-idx3", "labels-idx1")).write_bytes(pack(ids))


def with_other_bytes(content, rng):
    """The content with some bytes changed, inserted or cut off, most of them near its begin."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        last = min(len(content), 200) if rng.random() < 0.7 else len(content)
        k, kind = rng.randrange(last), rng.choice("cccbbit")
        if kind == "c":
            content[k] = rng.randrange(256)
        elif kind == "b":
            content[k] ^= 1 << rng.randrange(8)
        elif kind == "i":
            content[k:k] = rng.randbytes(rng.choice([1, 4]))
        else:
            content = content[: max(k, 1)]
    return bytes(content)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["X.npy", "plain.npz", "small.npz", "a-images-idx3-ubyte", "a-images-idx3-ubyte.gz"],
)
def test_changed_arrays_are_read_or_refused_with_their_name(name, folder):
    write_arrays(name)
    content, rng, n_refused = (folder / name).read_bytes(), random.Random(0), 0
    for _ in range(N_FILES * 4):
        (folder / name).write_bytes(with_other_bytes(content, rng))
        try:
            load_samples(name, target_file="y.npy" if name == "X.npy" else None)
        except (ValueError, OSError) as error:
            n_refused += 1
            assert any(n in str(error) for n in (name, "y.npy", "labels-idx1"))  # noqa: PT017
    assert n_refused > N_FILES
