"""`fastgrad convert`: the network in a file of another library."""

import argparse
from pathlib import Path
from typing import Any

from .. import importing, validation
from ..formats import safetensors
from ..network import Network
from . import export, foreign, report

__all__ = ["convert"]

_READABLE = (".onnx", ".keras", ".safetensors")


def convert(arguments: argparse.Namespace) -> int:
    """Read a network from a file of another library, and write it in a format of choice.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad convert --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    path = Path(arguments.output)
    kinds = {chosen.suffix: chosen for chosen in export.FORMATS.values()}
    suffix = path.suffix.lower()
    if suffix not in (".safetensors", *kinds):
        expected = ", ".join([".safetensors", *kinds])
        raise ValueError(f"output: got {path}; expected a name that ends in one of {expected}")
    export.check_target(path, arguments.source, arguments.overwrite)
    net = _read(arguments)
    if suffix == ".safetensors":
        net.save(path)
    else:
        kinds[suffix].write(path, net, argparse.Namespace(**export.DEFAULTS))
    lines = {"file": str(path), "network": report.layout(net), "dtype": str(net.dtype)}
    (report.print_json if arguments.json else report.print_lines)(lines)
    return 0


def _read(arguments: argparse.Namespace) -> Network:
    """The network of the source."""
    source = arguments.source
    foreign.check_no_pickle(source)
    suffix = Path(source).suffix.lower()
    if suffix not in _READABLE:
        raise ValueError(f"SOURCE: got {source}; expected one of {', '.join(_READABLE)}")
    if suffix == ".safetensors":
        if not Path(source).exists():
            raise FileNotFoundError(f"{source}: no such file; expected one of safetensors")
        if Path(source).is_file() and not foreign.is_foreign(source):
            safetensors.read_metadata(source)  # says what is wrong with a damaged file
            raise ValueError(
                f"SOURCE: got {source}, a model of fastgrad, which `fastgrad export` writes for"
                " others; expected a file of another library"
            )
        if arguments.activation is None:
            raise ValueError(
                f"activation: got none; expected those of the layers, which {source} does not have"
            )
        return importing.from_safetensors(source, arguments.activation, arguments.cost)
    if arguments.activation is not None:
        received = validation.shown(",".join(arguments.activation))
        raise ValueError(f"activation: got {received}; expected none, since {source} has its own")
    read: Any = importing.from_onnx if suffix == ".onnx" else importing.from_keras
    net: Network = read(source, arguments.cost)
    return net
