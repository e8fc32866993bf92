"""Files whose JSON has been changed anywhere: they load, or are one line of a ValueError."""

import copy
import json
import os
import random
import time

import pytest
from helpers.run_mode import jitted_only
from helpers.ten_samples import X, y

import fastgrad as fg

#: How many files; `FASTGRAD_SOAK=100` takes a hundred times as many.
N_FILES = 150 * int(os.environ.get("FASTGRAD_SOAK", "1"))
ROWS = [{"a": float(k), "b": "xyz"[k % 3], "y": "pq"[k % 2]} for k in range(40)]
VALUES = [
    None, True, False, 0, 1, -1, 3, 10**30, 10**400, -5, 0.5, float("nan"), float("inf"), "", "x",
    "_W", "__dict__", "relu", "identity", [], [1], {}, {"a": 1}, [[]], "-" * 3000, [None] * 3,
    2**53, "1e999",
]  # fmt: skip
NAMES = ["_W", "__dict__", "version", "W", "lr", ""]


def header_and_rest(content):
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def with_header(header, rest):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


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
