"""The command line: arguments, error messages and exit codes of `fastgrad`."""

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

#: Options that are named differently from the library's arguments.
_OPTIONS = {"lr": "learning_rate", "sizes": "layers", "activations": "activation"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code: 0, 1 if a check failed, 2 for an error, 130 after Ctrl-C, 141 if standard
        output was closed.
    """
    arguments = _parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            # Costs and outputs that are not finite have error messages of their own.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.filterwarnings("always", "standardize: ", RuntimeWarning)
            warnings.showwarning = _print_warning
            code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe, as `| head` does: Python must not flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("fastgrad: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _print_error(reason, arguments)
    except (ValueError, TypeError, ImportError, MemoryError) as error:
        return _print_error(str(error) or "out of memory", arguments)
    return code


def _print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    text = str(message).replace("dtype='float64'", "--dtype float64")
    print(f"fastgrad: warning: {text}", file=sys.stderr)


def _print_error(reason: str, arguments: argparse.Namespace) -> int:
    """Print one line, in which the option replaces the library's argument; return the exit code."""
    argument, _, fault = reason.partition(": ")
    option = _OPTIONS.get(argument.partition("[")[0], argument)
    if option in arguments and option not in ("data", "model", "run"):
        reason = f"--{option.replace('_', '-')}: {fault}"
    print(f"fastgrad: error: {' '.join(reason.split())}", file=sys.stderr)
    return 2


class _HelpFormatter(argparse.HelpFormatter):
    """Appends the default to the help of an option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if default is None or default is False or default in ((), argparse.SUPPRESS):
            return action.help
        text = ",".join(map(str, default)) if isinstance(default, tuple) else default
        return f"{action.help} (default: {text})"


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
        epilog="`fastgrad COMMAND --help` describes the arguments of a command.",
    )
    parser.add_argument("--version", action="version", version=f"fastgrad {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    about = "train a network, test it on held-out samples and save it"
    _train_arguments(_command(subparsers, "train", commands.train, about))

    about = "predict the target of each row, in csv format"
    predict = _command(subparsers, "predict", commands.predict, about)
    _model_arguments(predict)
    about = "file to write to (default: standard output)"
    predict.add_argument("--output", "-o", metavar="FILE", help=about)
    about = "also write the probability of each class"
    predict.add_argument("--proba", action="store_true", help=about)

    about = "compare the predictions with the targets"
    _model_arguments(_command(subparsers, "evaluate", commands.evaluate, about))

    about = "compare the gradients with central differences of the cost; exit code 1 if they differ"
    check = _command(subparsers, "check", commands.check, about)
    about = "a saved model (default: a new network)"
    check.add_argument("model", metavar="MODEL", nargs="?", help=about)
    _network_arguments(check)

    about = "describe a saved model, or the versions, the processor and the threads"
    info = _command(subparsers, "info", commands.info, about)
    about = "a saved model (default: describe the environment)"
    info.add_argument("model", metavar="MODEL", nargs="?", help=about)

    about = "compile all functions into the cache on disk, so that no later process waits for it"
    _command(subparsers, "warmup", commands.warmup, about)
    return parser


def _command(subparsers: Any, name: str, run: Callable[..., int], about: str) -> Any:
    description = f"{about[0].upper()}{about[1:]}."
    parser = subparsers.add_parser(
        name, help=about, description=description, formatter_class=_HelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def _train_arguments(train: Any) -> None:
    about = f"{_DATA} (default: the handwritten digits of the package)"
    train.add_argument("data", metavar="DATA", nargs="?", help=about)
    data = train.add_argument_group("data")
    _target_arguments(data)
    about = "what the target is (default: text and few whole numbers are classes)"
    data.add_argument("--task", choices=("classification", "regression"), help=about)
    about = "columns to leave out, separated by commas: names or numbers"
    data.add_argument("--ignore", metavar="COLUMNS", type=_names, default=(), help=about)
    about = "fraction of the samples that is held out for the test"
    data.add_argument("--test-size", metavar="FRACTION", type=float, default=0.2, help=about)
    _network_arguments(train)

    training = train.add_argument_group("training")
    about = "update rule; sgd has momentum 0.9"
    rules = tuple(commands.LEARNING_RATES)
    training.add_argument("--optimizer", choices=rules, default="adam", help=about)
    rates = ", ".join(f"{rate:g} for {name}" for name, rate in commands.LEARNING_RATES.items())
    about = f"learning rate (default: {rates})"
    training.add_argument("--learning-rate", "--lr", metavar="RATE", type=float, help=about)
    about = "passes over the training samples"
    training.add_argument("--epochs", metavar="N", type=int, default=50, help=about)
    about = "samples per mini-batch"
    training.add_argument("--batch-size", metavar="N", type=int, default=32, help=about)
    about = "floating-point type of weights and computations"
    dtypes = ("float32", "float64")
    training.add_argument("--dtype", choices=dtypes, default="float32", help=about)
    about = "number of threads (default: the fastest, found by measurement)"
    training.add_argument("--threads", metavar="N", type=int, help=about)

    output = train.add_argument_group("output")
    about = "file of the model (default: the name of DATA with .safetensors)"
    output.add_argument("--output", "-o", metavar="FILE", help=about)
    about = "replace existing files, even a model of other data or of another target"
    output.add_argument("--overwrite", action="store_true", help=about)
    output.add_argument("--no-plot", action="store_true", help="do not draw the training curve")
    output.add_argument("--quiet", action="store_true", help="print the results only, no progress")


def _network_arguments(parser: Any) -> None:
    network = parser.add_argument_group("network")
    about = "sizes of the hidden layers, separated by commas"
    network.add_argument("--layers", metavar="SIZES", type=_layers, default=(256, 128), help=about)
    about = "activation of the hidden layers"
    network.add_argument("--activation", metavar="NAME", default="relu", help=about)
    costs = ", ".join(f"{cost} for {task}" for task, cost in commands.COSTS.items())
    network.add_argument("--cost", metavar="NAME", help=f"cost function (default: {costs})")
    about = "seed of all random numbers"
    network.add_argument("--seed", metavar="N", type=int, default=0, help=about)


def _model_arguments(parser: Any) -> None:
    parser.add_argument("model", metavar="MODEL", help="a saved model")
    about = f"{_DATA} (default, for a model of the digits: those that were held out)"
    parser.add_argument("data", metavar="DATA", nargs="?", help=about)
    _target_arguments(parser)


def _target_arguments(parser: Any) -> None:
    about = "the target: name or number of a column (default: the last), or name of an .npz array"
    parser.add_argument("--target", metavar="COLUMN", help=about)
    about = "file of the targets, for .npy and idx (default: y beside X, labels beside images)"
    parser.add_argument("--target-file", metavar="FILE", help=about)
