"""`fastgrad export`: a saved model as a file of another library, or as C."""

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from .. import validation
from ..formats import safetensors
from ..network import Network
from ..tables.model import TableModel
from . import report

__all__ = ["DEFAULTS", "FORMATS", "check_target", "export"]


def _to_onnx(path: Path, model: TableModel | Network, options: argparse.Namespace) -> str:
    given: Any = {"outputs": options.outputs, "opset": options.opset}
    given = {name: value for name, value in given.items() if value is not None}
    model.to_onnx(path, **given, check=not options.no_check)
    return "columns"


def _to_torch(path: Path, model: TableModel | Network, options: argparse.Namespace) -> str:
    from ..formats import torch  # noqa: PLC0415 - needs a library

    torch.write(path, model.portable())
    return "encoded"


def _to_keras(path: Path, model: TableModel | Network, options: argparse.Namespace) -> str:
    model.to_keras(path)
    return "encoded"


def _to_c(path: Path, model: TableModel | Network, options: argparse.Namespace) -> str:
    model.to_c(path, name=options.name, train=options.train)
    return "columns"


class Format(NamedTuple):
    """A format by what the command knows of it.

    Attributes
    ----------
    suffix : str
        Of its files.
    write : callable
        From a path, a model and the arguments; it returns what the file takes of a table: its
        "columns", or the "encoded" inputs.
    options : tuple of str
        Those of the command that are its own.
    """

    suffix: str
    write: Callable[[Path, TableModel | Network, argparse.Namespace], str]
    options: tuple[str, ...] = ()


FORMATS = {
    "onnx": Format(".onnx", _to_onnx, ("outputs", "opset", "no_check")),
    "torch": Format(".pt2", _to_torch),
    "keras": Format(".keras", _to_keras),
    "c": Format(".h", _to_c, ("name", "train")),
}

#: The options of the formats where they are not given.
DEFAULTS = {"outputs": None, "opset": None, "no_check": False, "name": None, "train": False}


def export(arguments: argparse.Namespace) -> int:
    """Write a model in another format.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad export --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    name = _format(arguments.to, arguments.output)
    _check_options(name, arguments)
    chosen = FORMATS[name]
    path = Path(arguments.output or Path(arguments.model).with_suffix(chosen.suffix).name)
    check_target(path, arguments.model, arguments.overwrite)
    model = TableModel.load(arguments.model)
    takes = chosen.write(path, model, arguments)
    lines = {"file": str(path), "format": name, "bytes": path.stat().st_size}
    lines |= {"takes": _words(takes, model), "networks": len(model.networks)}
    if name == "onnx":
        lines["checked"] = _checked(arguments.no_check)
    (report.print_json if arguments.json else report.print_lines)(lines)
    return 0


def check_target(path: Path, source: str, overwrite: bool) -> None:
    """Raise unless the file can be written, and is neither the source nor one to be kept."""
    if path.resolve() == Path(source).resolve():
        raise ValueError(f"output: got {path}, the input; expected another name")
    safetensors.check_writable("output", path)
    if path.exists() and not overwrite:
        raise ValueError(f"output: {path} exists; expected another name, or --overwrite")


def _checked(no_check: bool) -> str:
    """How `to_onnx` has checked the file."""
    if no_check:
        return "no"
    is_there = find_spec("onnxruntime") is not None
    return "by onnxruntime, on 260 rows" if is_there else "no: onnxruntime is not installed"


def _format(name: str | None, output: str | None) -> str:
    """The format, by its name or the suffix of the file."""
    by_suffix = {chosen.suffix: known for known, chosen in FORMATS.items()}
    suffix = Path(output).suffix.lower() if output else ""
    of_file = by_suffix.get(suffix)
    if name is None and of_file is None:
        expected = ", ".join(FORMATS)
        raise ValueError(f"to: got none; expected one of {expected}, or a file that ends in one of"
                         f" {', '.join(by_suffix)}")  # fmt: skip
    if name and of_file and name != of_file:
        raise ValueError(
            f"output: got {output} for {name}; expected a name with {FORMATS[name].suffix}"
        )
    return name or of_file or ""


def _check_options(name: str, arguments: argparse.Namespace) -> None:
    """Raise if an option is of another format."""
    for other, chosen in FORMATS.items():
        for option in chosen.options if other != name else ():
            if value := getattr(arguments, option):
                received = "it" if value is True else validation.shown(value)
                raise ValueError(f"{option}: got {received} for {name}; expected it for {other}")


def _words(takes: str, model: TableModel) -> str:
    """What the file takes."""
    n = model.networks[0].n_inputs
    if takes == "columns" and model.encoder:
        return f"{len(model.encoder.names)} columns: {', '.join(model.encoder.names)}"
    if takes == "encoded" and model.encoder:
        return f"{n} encoded inputs, as TableModel.inputs(table) makes them"
    return f"{n} inputs"
