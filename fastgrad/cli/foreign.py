"""`fastgrad info` of files that are not fastgrad's: ONNX, Keras, safetensors."""

import argparse
import json
import zipfile
from pathlib import Path
from typing import Any

from .. import validation
from ..formats.state_dict import TensorFile
from . import report

__all__ = ["check_no_pickle", "describe", "is_foreign"]

_PICKLES = {
    ".pt": "torch", ".pth": "torch", ".pkl": "sklearn", ".pickle": "sklearn", ".joblib": "sklearn",
}  # fmt: skip
_MAX_CONFIG = 10_000_000  # bytes of the description in a .keras file
_MAX_SHOWN = 200


def check_no_pickle(path: str) -> None:
    """Raise ValueError for a file that runs code when it is opened, naming the way around it."""
    library = _PICKLES.get(Path(path).suffix.lower())
    if library:
        raise ValueError(
            f"{path}: got a pickle, which can run any code when it is opened; load it in Python,"
            f" if you trust it, and call fg.from_{library}"
        )


def is_foreign(path: str) -> bool:
    """Whether a file is of another library, by its name and, of safetensors, its header."""
    check_no_pickle(path)
    suffix = Path(path).suffix.lower()
    if suffix in (".onnx", ".keras"):
        return True
    if suffix != ".safetensors":
        return False
    try:
        return not TensorFile(path).is_ours
    except (OSError, ValueError):
        return False  # the reader of models says what is wrong


def describe(arguments: argparse.Namespace) -> int:
    """Print what is in a file of another library.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of `fastgrad info`.

    Returns
    -------
    int
        The exit code.
    """
    if arguments.toml:
        raise ValueError(f"toml: got {arguments.model}; expected a model of `fastgrad train`")
    suffix = Path(arguments.model).suffix.lower()
    found = {".onnx": _onnx, ".keras": _keras, ".safetensors": _safetensors}[suffix](
        arguments.model
    )
    if arguments.json:
        report.print_json(found)
        return 0
    for name, value in found.items():
        if isinstance(value, dict):
            report.print_lines({name: "" if value else "none"})
            report.print_lines({f"  {key}": each for key, each in value.items()})
        else:
            report.print_lines({name: "yes" if value is True else value})
    return 0


def _onnx(path: str) -> dict[str, Any]:
    from ..formats.onnx.summary import summary  # noqa: PLC0415 - needs a library

    return summary(path)


def _safetensors(path: str) -> dict[str, Any]:
    file = TensorFile(path)
    tensors = list(file.tensors.values())
    shapes = {_short(t.name): f"{t.dtype} {t.shape}" for t in tensors[:_MAX_SHOWN]}
    return {
        "format": "safetensors",
        "tensors": file.n_tensors,
        "metadata": {_short(name): _short(text) for name, text in file.metadata.items()},
        "shapes": shapes if len(tensors) == file.n_tensors else "too many to list",
    }


def _keras(path: str) -> dict[str, Any]:
    """The layers of a .keras file by its description, of which nothing is made."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; expected one of Keras")
    try:
        with zipfile.ZipFile(path) as archive:
            config, metadata = (_entry(archive, name) for name in ("config.json", "metadata.json"))
        layers = config["config"]["layers"]
        described = {
            _short(layer["config"].get("name", "")): _layer(layer) for layer in layers[:_MAX_SHOWN]
        }
        return {
            "format": "keras",
            "keras": _short(metadata.get("keras_version")),
            "class": _short(config["class_name"]),
            "layers": described,
        }
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, ValueError, RecursionError,
            NotImplementedError, RuntimeError, EOFError) as error:  # fmt: skip
        reason = validation.shortened(str(error), 100)
        raise ValueError(
            f"{path}: got a file that is damaged or of another kind ({reason}); expected a model of"
            " Keras 3"
        ) from None


def _entry(archive: zipfile.ZipFile, name: str) -> Any:
    """The JSON of an entry that is not too large, whatever the archive says of its size."""
    with archive.open(name) as file:
        content = file.read(_MAX_CONFIG + 1)
    if len(content) > _MAX_CONFIG:
        raise ValueError(f"{name} of more than {_MAX_CONFIG:,} bytes")
    return json.loads(content)


def _layer(layer: dict[str, Any]) -> str:
    config = layer["config"]
    shown = (f"{key} {_short(config[key])}" for key in ("units", "activation", "rate")
             if config.get(key) is not None)  # fmt: skip
    return ", ".join([_short(layer["class_name"]), *shown])


def _short(value: Any) -> str:
    return validation.shortened(str(value), 80)
