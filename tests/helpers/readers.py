"""What reads files that others may have written: small valid files, and how they are changed."""

import gzip
import io
import json
import struct
import time
import warnings
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812

import h5py
import numpy as np
from helpers import mutation
from helpers.ten_samples import X, y
from helpers.workbooks import SHEET, write_book
from safetensors.numpy import save as save_tensors

import fastgrad as fg
from fastgrad.cli.main import main
from fastgrad.cli.parser import Parser
from fastgrad.data.table_encoder import TableEncoder
from fastgrad.model.spec import NetworkSpec

SECONDS, SLOWEST = 1, 20_000  # of time, and bytes that take as much again: a column takes 0.2 ms
LONGEST = 3000  # characters of a message
ROWS = [{"a": float(k), "b": "xyz"[k % 3], "y": "pq"[k % 2]} for k in range(40)]
TABLES = {
    "plain": "length,colour,day,species\n" + "5.1,red,2020-01-31,setosa\n6.25,,2021-02-03,b\n" * 9,
    "quoted": '"a ""b""";"c\nd";y\n"1,5";"x;y";0\n2,5;z;1\n3;NA;1\n4;?;0\n',
    "numbers": "1 2 3\n4 5 6\n7 8 9\n10 11 12\n",
    "aligned": "a    b   y\n1.0  10  2\n2.0  9   3\n3.0  100 4\n",
    "codes": "id,code,y\n1,007,true\n2,042,false\n3,V27,true\n4,042,false\n",
}


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes
    ----------
    name : str
        Of a file, which its kind follows from.
    seeds : callable
        Writes further files that belong to it, and returns the contents of valid ones.
    read : callable
        Reads the file of a path; ValueError or OSError in one line if it is not valid.
    change : callable
        (content, random.Random) to another content, if the content is valid.
    """

    name: str
    seeds: Callable
    read: Callable
    change: Callable = mutation.changed_bytes

    def changed(self, content, rng):
        """Another content, also of one that is not valid."""
        try:
            return self.change(content, rng)
        except (
            LookupError,
            TypeError,
            AttributeError,
            ValueError,
            RuntimeError,
            OSError,
            EOFError,
            BadZipFile,
            ZlibError,
        ):
            return mutation.changed_bytes(content, rng)

    def check(self, content):
        """Read a file of this content; the message if it is refused, or fail if not as promised."""
        path = Path(self.name)
        path.write_bytes(content)
        taken, message = seconds(lambda: refusal(self.read, path))
        if taken > SECONDS:  # perhaps it has compiled something
            taken, message = seconds(lambda: refusal(self.read, path))
        assert taken < SECONDS * (1 + len(content) / SLOWEST), f"{taken} s"
        check_message(message)
        return message


def refusal(read, path):
    """The message of the error with which a file is refused; empty if it is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(path)
        except (ValueError, OSError) as error:
            return str(error)
    return ""


def check_message(message):
    """A message is one line, but for one about columns, which has a line for each; and short."""
    lines = message.split("\n")
    assert len(lines) == 1 or "no column is left" in lines[0], message
    assert max(map(len, lines)) < LONGEST, message


def seconds(call):
    """The processor's time that a call takes, and its result."""
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


# --- models and checkpoints ----------------------------------------------------------------------


def written(save):
    path = Path("seed.safetensors")
    save(path)
    return path.read_bytes()


def networks():
    options = {"seed": 0, "l2": 0.1, "standardize": True, "standardize_targets": True}
    plain, heads = [fg.Network([3, 4, 1], **options)], [("softmax_cross_entropy", 2), ("mse", 1)]
    plain.append(fg.Network([3, 5, 4, 3], ["tanh", "relu", "identity"], cost=heads, seed=0))
    return [written(net.save) for net in plain]


def load_network(path):
    try:
        net = fg.load(path)
    except ValueError:
        net = None
    models = [fg.TableModel.load(path).networks[0]] if net is None else [net]
    for model in models:
        if model.sizes[0] == 3 and set(model.activations) <= {"tanh", "relu", "identity"}:
            model.predict(X)


def resumables():
    return [fg.EarlyStopping("cost"), fg.ReduceLROnPlateau("cost"), fg.Chunks(X, y, seed=0)]


def checkpoints():
    contents = []
    for optimizer in (
        fg.Adam(fg.schedules.Warmup(0.01, 5)),
        fg.SGD(0.1, momentum=0.9).clip(norm=1),
    ):
        net, average = fg.Network([3, 4, 1], seed=0), fg.EMA()
        states = resumables()
        fit = {"epochs": 2, "optimizer": optimizer, "callbacks": states[:2], "average": average}
        net.fit(X, y, **fit)
        contents.append(
            written(lambda p, o=(net, optimizer, average, states): fg.save_checkpoint(p, *o))
        )
    return contents


def resume(path):
    fg.load(path)
    states = resumables()
    resumed = fg.resume(path, extra_state=states)
    if resumed.net.sizes == (3, 4, 1) and set(resumed.net.activations) <= {"relu", "identity"}:
        options = {"optimizer": resumed.optimizer, "average": resumed.average}
        resumed.net.fit(X, y, epochs=1, threads=1, callbacks=states[:2], **options)


def table_models():
    model = fg.TableModel(members=2, epochs=2, seed=0).fit(ROWS, target="y")
    return [written(model.save)]


def predict_rows(path):
    fg.TableModel.load(path).predict(ROWS[:3])


# --- arrays --------------------------------------------------------------------------------------


def npz(save):
    rng, contents = np.random.default_rng(0), []
    for labels in (np.arange(20) % 2, np.array(["a", "bc"] * 10), np.array([b"a", b"b"] * 10)):
        file = io.BytesIO()
        save(file, X=rng.normal(size=(20, 3)), y=labels)
        contents.append(file.getvalue())
    return contents


def npy():
    np.save("y.npy", np.arange(20) % 2)
    contents = []
    for dtype in ("f4", "f8", ">i2", "u1", "?"):
        file = io.BytesIO()
        np.save(file, np.asfortranarray(np.arange(60).reshape(20, 3) % 7, dtype=dtype))
        contents.append(file.getvalue())
    return contents


def idx(pack=bytes):
    images = np.arange(20 * 16, dtype=np.uint8).tobytes()
    Path("t-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 20) + bytes([0, 1] * 10))
    return [pack(struct.pack(">4I", 0x803, 20, 4, 4) + images)]


# --- networks of other libraries ------------------------------------------------------------------


def onnx_files():
    """A network of onnxruntime's own operators, and one whose activation is composed."""
    contents = []
    for activation, options in (("tanh", {"standardize": True}), ("gelu", {})):
        net = fg.Network([3, 4, 2], activation, "softmax_cross_entropy", seed=0, **options)
        net.inputs.standardize_by(X)
        contents.append(written(lambda path, net=net: net.to_onnx(path, check=False)))
    return contents


def keras_files():
    """As Keras writes them: uncompressed, the JSON of the layers beside the arrays."""
    arrays, contents = io.BytesIO(), io.BytesIO()
    with h5py.File(arrays, "w") as file:
        for k, (n_in, n_out) in enumerate([(3, 4), (4, 2)]):
            group = f"layers/dense{'_1' * k}/vars"
            file[f"{group}/0"] = np.ones((n_in, n_out), "f4")
            file[f"{group}/1"] = np.ones(n_out, "f4")
    layers = [
        {"module": "keras.layers", "class_name": "Dense", "config": {
            "name": f"d{k}", "units": n, "use_bias": True, "activation": f, "dtype": "float32"}}
        for k, (n, f) in enumerate([(4, "tanh"), (2, "softmax")])
    ]  # fmt: skip
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    with zipfile.ZipFile(contents, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", arrays.getvalue())
    return [contents.getvalue()]


def state_dicts():
    rng = np.random.default_rng(0)
    tensors = {"fc1.weight": rng.normal(size=(4, 3)), "fc1.bias": rng.normal(size=4)}
    tensors |= {"fc2.weight": rng.normal(size=(2, 4)), "fc2.bias": rng.normal(size=2)}
    return [save_tensors(tensors, {"format": "pt"})]


def read_state_dict(path):
    fg.from_safetensors(path, "tanh")


# --- tables --------------------------------------------------------------------------------------


def arrow_table():
    import pyarrow as pa  # noqa: PLC0415 - an extra

    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    days = pa.array([k * 86_400_000 for k in range(40)], pa.timestamp("ms"))
    return pa.table({**columns, "d": days, "c": pa.array(columns["b"]).dictionary_encode()})


def parquet():
    from pyarrow.parquet import write_table  # noqa: PLC0415

    file = io.BytesIO()
    write_table(arrow_table(), file)
    return [file.getvalue()]


def arrow():
    import pyarrow as pa  # noqa: PLC0415

    contents, table = [], arrow_table()
    for new, options in ((pa.ipc.new_file, None), (pa.ipc.new_stream, "zstd")):
        file = io.BytesIO()
        with new(file, table.schema, options=pa.ipc.IpcWriteOptions(compression=options)) as writer:
            writer.write_table(table)
        contents.append(file.getvalue())
    return contents


def xlsx():
    row = '<row r="{0}"><c r="A{0}"><v>{1}</v></c><c r="B{0}" t="s"><v>{2}</v></c></row>'
    rows = "".join(row.format(k, k / 4, k % 2) for k in range(4, 20))
    sheet = SHEET.replace("</sheetData>", f"{rows}</sheetData>")
    file = io.BytesIO()
    strings = {"xl/sharedStrings.xml": "<sst><si><t>one</t></si><si><t>two</t></si></sst>"}
    write_book(file, sheet=sheet, parts=strings)
    return [file.getvalue()]


def texts():
    return [text.encode() for text in TABLES.values()]


def read_table(path):
    fg.data.read(path)


# --- settings ------------------------------------------------------------------------------------


def configs():
    return [b'epochs = 3\nlayers = [8, 4]\nlr = 0.01\nquiet = true\ntarget = "y"\n']


def parse_config(path):
    parser = Parser("fastgrad train", "Train.")
    parser.add_argument("data", nargs="?")
    for option in ("--epochs", "--layers", "--lr", "--target", "--config"):
        parser.add_argument(option)
    parser.add_argument("--quiet", action="store_true")
    parser.parse_with_config(["--config", str(path)])


def settings():
    encoder = TableEncoder().fit([{"d": f"2020-01-{10 + k}", **r} for k, r in enumerate(ROWS[:9])])
    schedule = fg.schedules.Warmup(fg.schedules.OneCycle(0.1, 100), 3)
    spec = fg.Network([3, 4, 1], seed=0).spec
    kinds = {"encoder": encoder.to_config(), "schedule": schedule.config(), "spec": spec.config()}
    return [json.dumps({kind: config}).encode() for kind, config in kinds.items()]


def read_settings(path):
    """Settings as JSON, of which the public functions take a part each."""
    config = json.loads(path.read_text())
    readers = {
        "encoder": TableEncoder.from_config,
        "schedule": fg.schedules.from_config,
        "spec": lambda config: NetworkSpec.from_config(config, {}),
    }
    try:
        for kind, read in readers.items():
            if kind in config:
                read(config[kind])
    except (LookupError, TypeError, ValueError) as error:  # which name no file
        raise ValueError(f"{path}: {error}") from None


# --- the command line ----------------------------------------------------------------------------


def command(*arguments):
    """Run a command that ends well, or with one line of error, which is raised."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    lines = [line for line in err.getvalue().split("\n") if ": warning: " not in line]
    assert (code, len(lines)) in ((0, 1), (2, 2)), err.getvalue()
    if code:
        raise ValueError(lines[0])


def describe(path):
    try:
        command("info", path)
    finally:
        command("info", "--toml", path)


def predict_file(path):
    if not Path("model.safetensors").exists():
        rows = [{"length": 5.0 + k, "colour": "xyz"[k % 3], "y": "pq"[k % 2]} for k in range(40)]
        model = fg.TableModel(members=1, epochs=2, seed=0).fit(rows, target="y")
        model.metadata["options"] = {"epochs": 2}
        model.save("model.safetensors")
    command("predict", "model.safetensors", path)


def predictable():
    rows = ["length,colour,y", *(f"{5 + k / 4},{'xyz'[k % 3]},{'pq'[k % 2]}" for k in range(9))]
    return ["\n".join(rows).encode(), TABLES["plain"].encode()]


def trained():
    Path("rows.csv").write_bytes(predictable()[0])
    predict_file("rows.csv")
    return [Path("model.safetensors").read_bytes()]


#: Readers by what they read.
READERS = {
    "network": Reader("n.safetensors", networks, load_network, mutation.changed_model),
    "checkpoint": Reader("c.safetensors", checkpoints, resume, mutation.changed_model),
    "table model": Reader("m.safetensors", table_models, predict_rows, mutation.changed_model),
    "onnx": Reader("n.onnx", onnx_files, fg.from_onnx),
    "keras": Reader("m.keras", keras_files, fg.from_keras, mutation.changed_archive),
    "state dict": Reader("w.safetensors", state_dicts, read_state_dict, mutation.changed_tensors),
    "npz": Reader("t.npz", lambda: npz(np.savez), read_table, mutation.changed_archive),
    "small npz": Reader("t.npz", lambda: npz(np.savez_compressed), read_table),
    "npy": Reader("X.npy", npy, read_table),
    "idx": Reader("t-images-idx3-ubyte", idx, read_table),
    "idx.gz": Reader("t-images-idx3-ubyte.gz", lambda: idx(gzip.compress), read_table),
    "csv": Reader("t.csv", texts, read_table, mutation.changed_text),
    "csv.gz": Reader("t.csv.gz", lambda: [gzip.compress(t) for t in texts()], read_table),
    "json": Reader(
        "t.json", lambda: [json.dumps(ROWS[:9]).encode()], read_table, mutation.changed_json
    ),
    "parquet": Reader("t.parquet", parquet, read_table),
    "arrow": Reader("t.arrow", arrow, read_table),
    "xlsx": Reader("t.xlsx", xlsx, read_table, mutation.changed_archive),
    "config": Reader("c.toml", configs, parse_config, mutation.changed_text),
    "settings": Reader("c.json", settings, read_settings, mutation.changed_json),
    "info": Reader("m.safetensors", trained, describe, mutation.changed_model),
    "predict": Reader("r.csv", predictable, predict_file, mutation.changed_text),
}
