"""The command line: what `fastgrad` takes, and how it ends."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .. import __version__
from . import commands

__all__ = ["main"]

_DATA = "a .csv, .npz, .npy or idx file"

#: Options that are not called like the library's arguments.
_OPTIONS = {"lr": "learning_rate", "sizes": "layers", "activations": "activation"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; those of the process unless given.

    Returns
    -------
    int
        The exit code: 0, 1 where a check failed, 2 for an error, 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            # Costs and outputs that are not finite end a command with a line of their own.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.filterwarnings("always", "standardize: ", RuntimeWarning)
            warnings.showwarning = _warned
            code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left, as `| head` does. Python must not try to flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("fastgrad: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _failed(reason, arguments)
    except (ValueError, TypeError, ImportError, MemoryError) as error:
        return _failed(str(error) or "out of memory", arguments)
    return code


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    told = str(message).replace("dtype='float64'", "--dtype float64")
    print(f"fastgrad: warning: {told}", file=sys.stderr)


def _failed(reason: str, arguments: argparse.Namespace) -> int:
    argument, _, fault = reason.partition(": ")
    option = _OPTIONS.get(argument.partition("[")[0], argument)
    if option in arguments and option not in ("data", "model", "run"):
        reason = f"--{option.replace('_', '-')}: {fault}"
    print(f"fastgrad: error: {' '.join(reason.split())}", file=sys.stderr)
    return 2


class _Help(argparse.HelpFormatter):
    """Adds to each help text the default, where there is one to name."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if default is None or default is False or default in ((), argparse.SUPPRESS):
            return action.help
        return f"{action.help} (default: {_shown(default)})"


def _shown(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _layers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(",") if text)
    except ValueError:
        message = f"got '{text}'; expected sizes like 64,32"
        raise argparse.ArgumentTypeError(message) from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastgrad",
        description="Train feed-forward networks on CPUs.",
        epilog="fastgrad COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"fastgrad {__version__}")
    added = parser.add_subparsers(metavar="COMMAND", required=True)
    _train_arguments(
        _command(added, "train", commands.train, "train a network, test it and save it")
    )

    predict = _command(added, "predict", commands.predict, "predict the target of each row, as csv")
    _model_arguments(predict)
    predict.add_argument("--output", "-o", metavar="FILE", help="write here, not to the terminal")
    predict.add_argument("--proba", action="store_true", help="add the probability of each class")

    _model_arguments(
        _command(added, "evaluate", commands.evaluate, "compare predictions and targets")
    )

    about = "compare the gradients with central differences; exit code 1 if they differ"
    check = _command(added, "check", commands.check, about)
    check.add_argument(
        "model", metavar="MODEL", nargs="?", help="a saved model; else a new network"
    )
    _network_arguments(check)

    about = "describe a saved model, or else the versions, the processor and the threads"
    info = _command(added, "info", commands.info, about)
    info.add_argument("model", metavar="MODEL", nargs="?", help="a saved model")

    about = "compile everything now, so that no later process waits for it"
    _command(added, "warmup", commands.warmup, about)
    return parser


def _command(added: Any, name: str, run: Callable[..., int], about: str) -> Any:
    description = f"{about[0].upper()}{about[1:]}."
    parser = added.add_parser(name, help=about, description=description, formatter_class=_Help)
    parser.set_defaults(run=run)
    return parser


def _train_arguments(train: Any) -> None:
    train.add_argument("data", metavar="DATA", nargs="?", help=f"{_DATA}; else handwritten digits")
    table = train.add_argument_group("data")
    _target_arguments(table)
    table.add_argument(
        "--task", choices=("classification", "regression"), help="otherwise seen from the target"
    )
    table.add_argument(
        "--ignore", metavar="COLUMNS", type=_names, default=(), help="columns to leave out: id,3"
    )
    table.add_argument(
        "--test-size", metavar="SHARE", type=float, default=0.2, help="share held out for the test"
    )
    _network_arguments(train)
    training = train.add_argument_group("training")
    training.add_argument(
        "--optimizer", choices=tuple(commands.LEARNING_RATES), default="adam", help="rule"
    )
    rates = ", ".join(f"{name} {rate:g}" for name, rate in commands.LEARNING_RATES.items())
    about = f"step size (default: {rates})"
    training.add_argument("--learning-rate", "--lr", metavar="RATE", type=float, help=about)
    training.add_argument(
        "--epochs", metavar="N", type=int, default=50, help="passes over the data"
    )
    training.add_argument(
        "--batch-size", metavar="N", type=int, default=32, help="samples a mini-batch"
    )
    training.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="precision"
    )
    training.add_argument(
        "--threads", metavar="N", type=int, help="threads to use (default: what is fastest)"
    )
    output = train.add_argument_group("output")
    about = "the model (default: the data's name + .safetensors)"
    output.add_argument("--output", "-o", metavar="FILE", help=about)
    about = "replace files that are there, also those of other data or another target"
    output.add_argument("--overwrite", action="store_true", help=about)
    output.add_argument("--no-plot", action="store_true", help="do not draw the training curve")
    output.add_argument("--quiet", action="store_true", help="only the results, no progress")


def _network_arguments(parser: Any) -> None:
    network = parser.add_argument_group("network")
    network.add_argument(
        "--layers", metavar="SIZES", type=_layers, default=(256, 128), help="hidden layers: 64,32"
    )
    network.add_argument(
        "--activation", metavar="NAME", default="relu", help="activation of the hidden layers"
    )
    costs = ", ".join(f"{task} {cost}" for task, cost in commands.COSTS.items())
    network.add_argument("--cost", metavar="NAME", help=f"cost (default: {costs})")
    network.add_argument(
        "--seed", metavar="N", type=int, default=0, help="for everything that is random"
    )


def _model_arguments(parser: Any) -> None:
    parser.add_argument("model", metavar="MODEL", help="a saved model")
    about = f"{_DATA}; may be left out for a model of the digits: those held out from training"
    parser.add_argument("data", metavar="DATA", nargs="?", help=about)
    _target_arguments(parser)


def _target_arguments(parser: Any) -> None:
    about = "target: name or number of a column (default: the last), or name of an .npz array"
    parser.add_argument("--target", metavar="COLUMN", help=about)
    about = "targets for .npy or idx (default: y or labels beside X or images)"
    parser.add_argument("--target-file", metavar="FILE", help=about)
