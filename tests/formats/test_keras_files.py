"""Files that pretend to be models of Keras: one clear error, and nothing is run."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import fastgrad as fg

DENSE = {"units": 2, "activation": "tanh", "use_bias": True, "name": "d", "dtype": "float32"}


def layer(kind="Dense", module="keras.layers", **changes):
    return {
        "module": module,
        "class_name": kind,
        "config": DENSE | changes,
        "registered_name": None,
    }


def model(*layers, kind="Sequential"):
    config = {"name": "s", "layers": list(layers or [layer()])}
    return {"module": "keras", "class_name": kind, "config": config}


def weights(change=lambda file: None, W=None):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), "f4") if W is None else W
        file["layers/dense/vars/1"] = np.zeros(2, "f4")
        change(file)
    return content.getvalue()


def write(path, config=None, content=None, **others):
    with zipfile.ZipFile(path, "w", **others) as archive:
        archive.writestr("metadata.json", "{}")
        text = config if isinstance(config, str) else json.dumps(config or model())
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", weights() if content is None else content)


def test_a_file_made_by_hand_is_read(tmp_path):
    write(tmp_path / "m.keras")
    net = fg.from_keras(tmp_path / "m.keras")
    assert net.sizes == (3, 2)
    assert net.activations == ("tanh",)


def replaced(file, value):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = value


def virtual(file):
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 2))
    del file["layers/dense/vars/0"]
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def outside(file):
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (3, 2), "f4", external=[("/etc/passwd", 0, 24)])


def compressed(file):
    del file["layers/dense/vars/0"]
    zeros = np.zeros((2**20, 2), "f4")
    file.create_dataset("layers/dense/vars/0", data=zeros, compression="gzip")


def unwritten(file):
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (2**40, 2), "f4")


WEIGHTS = {
    "external link": lambda file: replaced(file, h5py.ExternalLink("/etc/passwd", "/x")),
    "soft link": lambda file: replaced(file, h5py.SoftLink("/layers/dense/vars/1")),
    "virtual": virtual,
    "outside": outside,
    "compressed": compressed,
    "unwritten": unwritten,
    "integers": lambda file: replaced(file, np.ones((3, 2), int)),
    "text": lambda file: replaced(file, "abc"),
    "another shape": lambda file: replaced(file, np.ones((3, 5), "f4")),
    "a group": lambda file: (replaced(file, 0), file.pop("layers/dense/vars/0"),
                             file.create_group("layers/dense/vars/0")),
    "nothing": lambda file: file.pop("layers"),
    "NaN": lambda file: replaced(file, np.full((3, 2), np.nan, "f4")),
}  # fmt: skip

CONFIGS = {
    "deep": "[" * 100_000,
    "no JSON": "import os",
    "a list": "[]",
    "another model": model(kind="Odd"),
    "a Lambda": model(layer("Lambda", function="os.system")),
    "a custom layer": model(layer(module="evil")),
    "a class of ours": model(layer(module="keras.layers", activation={"class_name": "function"})),
    "many units": model(layer(units=2**40)),
    "no units": model(layer(units=None)),
    "half precision": model(layer(dtype="mixed_float16")),
    "quantised": model(layer(quantization_config={"class_name": "Int8"})),
    "models in models": None,  # below
    "no layers": {"class_name": "Sequential", "config": {}},
    "a number as a layer": {"class_name": "Sequential", "config": {"layers": [3]}},
    "a cycle": {
        "class_name": "Functional",
        "config": {
            "layers": [
                layer() | {"inbound_nodes": [{"args": [{"config": {"keras_history": ["d", 0, 0]}}],
                                              "kwargs": {}}]},
            ],
            "output_layers": ["d", 0, 0],
        },
    },
}  # fmt: skip


def nested(depth):
    made = model()
    for _ in range(depth):
        made = model(made | {"config": made["config"] | {"name": "s"}})
    return made


@pytest.mark.parametrize("what", WEIGHTS)
def test_arrays_that_are_not_plain(what, tmp_path):
    write(tmp_path / "m.keras", content=weights(WEIGHTS[what]))
    check(tmp_path / "m.keras")


@pytest.mark.parametrize("what", CONFIGS)
def test_descriptions_that_are_not_of_a_network(what, tmp_path):
    write(tmp_path / "m.keras", CONFIGS[what] or nested(50))
    check(tmp_path / "m.keras")


def check(path):
    with pytest.raises(ValueError, match=r"m\.keras: .*got ") as caught:
        fg.from_keras(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_archives_that_are_not_those_of_keras(tmp_path):
    path = tmp_path / "m.keras"
    write(path, content=bytes(2**28), compression=zipfile.ZIP_DEFLATED)
    check(path)
    for content in (b"", b"PK", b"abc", pickle.dumps(print), Path(__file__).read_bytes()):
        path.write_bytes(content)
        check(path)
    write(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", json.dumps(model()))
    check(path)
    write(path, compression=zipfile.ZIP_LZMA)
    check(path)
    whole = path.read_bytes()
    for end in (10, 100, len(whole) - 30):
        path.write_bytes(whole[:end])
        check(path)


def test_an_old_file_names_the_way(tmp_path):
    (tmp_path / "m.h5").write_bytes(weights())
    with pytest.raises(ValueError, match=r"m\.h5: .*keras\.models\.load_model\(path\)\.save"):
        fg.from_keras(tmp_path / "m.h5")
