"""Files changed where their readers look: in headers and JSON, in cells, in members of archives."""

import copy
import io
import json
import random
import zipfile

from helpers.model_files import header_and_rest, with_header

#: What a value of JSON is changed to.
VALUES = [
    None, True, False, 0, 1, -1, 3, 10**30, 10**400, -5, 0.5, float("nan"), float("inf"), "", "x",
    "_W", "__dict__", "relu", "identity", [], [1], {}, {"a": 1}, [[]], "-" * 3000, [None] * 3,
    2**53, "1e999", 2**63, 1e308, -1e308, 5e-324, "\ud800", "a\nb", "\x1b[2J", "own cost x",
    "leaky_relu(slope=0.2)", [[[[[[[[]]]]]]]], ["a"] * 50,
]  # fmt: skip
NAMES = ["_W", "__dict__", "version", "W", "lr", "", "kind", "name", "a\nb"]

#: What a cell is changed to.
CELLS = [
    "", " ", "0", "-", "NA", "nan", "inf", "-Infinity", "1e999", "1e-999", "1_0", "0x1F", "007",
    "1.5", "1,5", "1.234,5", "$1", "9" * 40, "9" * 5000, "9" * 5000 + "x", "1e" + "9" * 400,
    "2020-01-01", "2020-13-45", "9999-12-31T23:59:59.999999999Z", "0001-01-01", "true", "\u0661",
    '"', '""', '"a', "'", "\\", "\x00", "\ufeff", "a\nb", "\r", "\u2028", "sep=;", "[1, 2]", "{}",
    "x" * 70_000, " 1 ", "\x1b[2J", "\ud7ff", "=1+1", "1 2 3",
]  # fmt: skip
DELIMITERS = [",", ";", "\t", "|", " ", "\n", "\r\n", "\r", '"', "\x1f", "\x00"]


def places(value, path=()):
    """The way to each value in nested objects and lists."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        found.append((*path, key))
        if isinstance(item, dict | list):
            found += places(item, (*path, key))
    return found


def changed_value(value, rng):
    """A copy in which one value is another, gone or new."""
    value = copy.deepcopy(value)
    *way, last = rng.choice(places(value) or [()]) or [None]
    if last is None:
        return rng.choice(VALUES)
    parent = value
    for key in way:
        parent = parent[key]
    kind = rng.choice("rrrrrrddn")
    if kind == "r":
        parent[last] = copy.deepcopy(rng.choice(VALUES))
    elif kind == "d":
        del parent[last]
    elif isinstance(parent, dict):
        parent[rng.choice(NAMES)] = copy.deepcopy(rng.choice(VALUES))
    else:
        parent.append(copy.deepcopy(rng.choice(VALUES)))
    return value


def changed_json(content, rng):
    """A file of JSON with one or two other values."""
    value = json.loads(content)
    for _ in range(rng.choice([1, 1, 2])):
        value = changed_value(value, rng) if isinstance(value, dict | list) else value
    return json.dumps(value).encode()


def changed_bytes(content, rng, n_head=200):
    """The content with some bytes changed, inserted or cut off, most of them near its begin."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        last = max(1, min(len(content), n_head) if rng.random() < 0.7 else len(content))
        k, kind = rng.randrange(last), rng.choice("cccbbit")
        if not content or kind == "i":
            content[k:k] = rng.randbytes(rng.choice([1, 4]))
        elif kind == "c":
            content[k] = rng.randrange(256)
        elif kind == "b":
            content[k] ^= 1 << rng.randrange(8)
        else:
            content = content[: max(k, 1)]
    return bytes(content)


def changed_model(content, rng):
    """A safetensors file with other values in its JSON, other tensors, or other bytes."""
    if rng.random() < 0.1:
        return changed_bytes(content, rng)
    header, rest = header_and_rest(content)
    if rng.random() < 0.15:
        return with_header(changed_value(header, rng), rest)
    entries = header["__metadata__"]
    entry = rng.choice([name for name in entries if name not in ("fastgrad", "format")])
    entries[entry] = changed_json(entries[entry], rng).decode()
    return with_header(header, rest)


def changed_tensors(content, rng):
    """A safetensors file with other tensors, or other bytes."""
    header, rest = header_and_rest(content)
    return with_header(changed_value(header, rng), rest)


def changed_text(content, rng):
    """A file of text with other cells, lines and delimiters."""
    text = content.decode("utf-8", "surrogateescape")
    for _ in range(rng.choice([1, 1, 2, 4])):
        kind = rng.choice("ccccldsb")
        ends = [k for k, character in enumerate(text) if character in ",;\t|\n"] or [len(text)]
        k = rng.randrange(len(ends))
        if kind == "c":  # the cell before an end
            text = text[: ends[k - 1] + 1 if k else 0] + rng.choice(CELLS) + text[ends[k] :]
        elif kind == "s":
            text = text[: ends[k]] + rng.choice(DELIMITERS) + text[ends[k] + 1 :]
        elif kind == "b":
            text = changed_bytes(text.encode("utf-8", "surrogateescape"), rng).decode(
                "utf-8", "surrogateescape"
            )
        else:  # a line again, or gone
            lines = text.splitlines(keepends=True) or [""]
            line = rng.randrange(len(lines))
            lines[line : line + 1] = [lines[line]] * (0 if kind == "d" else rng.choice([2, 50]))
            text = "".join(lines)
    return text.encode("utf-8", "surrogateescape")


def changed_archive(content, rng):
    """A zip archive with other bytes, in it or in one of its members."""
    if rng.random() < 0.3:
        return changed_bytes(content, rng, len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*members])
    members[name] = changed_bytes(members[name], rng, 3000)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", rng.choice([zipfile.ZIP_STORED, 8, 12])) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return written.getvalue()


def draws(seed):
    """The source of the changes."""
    return random.Random(seed)
