"""The command line: arguments, error messages and exit codes of `fastgrad`."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from .. import __version__, validation
from ..data.cells import escaped
from ..kernels.activations import ACTIVATIONS
from ..kernels.costs import COSTS as ALL_COSTS
from ..tables.recipe import COSTS, SCHEDULES, Recipe, default_recipe
from . import commands, convert, explain, export, play, predict, train
from .interrupts import between_imports
from .options import (
    activation,
    activations,
    choice,
    cost,
    integer,
    names,
    number,
    rows,
    sizes,
    words,
    yes_or_no,
)
from .parser import Parser

__all__ = ["main"]

_DATA = "a table (.csv, .tsv, .parquet, .jsonl, ...; - for standard input), or .npz, .npy, idx"
_BY_SIZE = "Where no default is named, it follows from the number of rows and the target."

#: Options that are named differently from the library's arguments.
_OPTIONS = {
    "lr": "learning_rate", "sizes": "layers", "activations": "activation", "members": "ensemble",
    "n_folds": "cv", "Y": "target", "i": "node", "j": "input",
}  # fmt: skip

#: What other tools call the commands.
_ALIASES = {"fit": "train", "test": "evaluate", "score": "evaluate", "describe": "info"}


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

    Raises
    ------
    SystemExit
        With the exit code 143, after SIGTERM during a training with checkpoints.
    """
    arguments = argparse.Namespace()
    try:
        arguments = _parsed(list(sys.argv[1:] if argv is None else argv))
        with between_imports(), warnings.catch_warnings():
            # Costs and outputs that are not finite have error messages of their own.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.filterwarnings("always", "standardize: ", RuntimeWarning)
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _print_warning
            code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe, as `| head` does: Python must not flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("fastgrad: interrupted; no model is saved", file=sys.stderr)
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
    print(f"fastgrad: error: {escaped(' '.join(reason.split()))}", file=sys.stderr)
    return 2


# --- arguments -----------------------------------------------------------------------------------


def _parsed(argv: list[str]) -> argparse.Namespace:
    """The arguments of a command, and those given as `given`, for the model's file."""
    if argv[:1] == ["help"]:
        argv = [*argv[1:2], "--help"]
    if not argv or argv[0] in ("-h", "--help", "--version"):
        _overview().parse_args(argv or ["--help"])
    name, rest = argv[0], argv[1:]
    run, about, add = _COMMANDS[validation.choice("command", name, _COMMANDS, _ALIASES)]
    parser = Parser(f"fastgrad {name}", f"{about[0].upper()}{about[1:]}.")
    add(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parsed = parser.parse_with_config(rest)
    parsed.run, parsed.command = run, name
    return parsed


def _overview() -> argparse.ArgumentParser:
    """The parser of `fastgrad --help` and `fastgrad --version`."""
    width = max(map(len, _COMMANDS)) + 2
    lines = [f"  {name:<{width}}{about}" for name, (_, about, _) in _COMMANDS.items()]
    parser = argparse.ArgumentParser(
        "fastgrad",
        usage="fastgrad COMMAND ...",
        description="Train feed-forward networks on CPUs.\n\ncommands:\n" + "\n".join(lines),
        epilog="`fastgrad help COMMAND` describes the arguments of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastgrad {__version__}")
    return parser


def _train_arguments(parser: Parser) -> None:
    about = f"{_DATA} (default: the handwritten digits of the package)"
    parser.add_argument("data", metavar="DATA", nargs="?", help=about)
    data = parser.add_argument_group("data")
    about = "the target: name or number of a column (default: the last), or name of an .npz array"
    data.add_argument("--target", metavar="COLUMN", help=about)
    _target_file_argument(data)
    about = "what the target is: classification or regression (default: found from its values)"
    tasks = choice("classification", "regression")
    data.add_argument("--task", metavar="TASK", type=tasks, help=about)
    about = "columns to leave out, separated by commas: names or numbers"
    data.add_argument("--ignore", metavar="COLUMNS", type=names, default=(), help=about)
    about = "columns that are categories, although they are numbers or text of many values"
    data.add_argument("--categorical", metavar="COLUMNS", type=names, default=(), help=about)
    about = "words for a missing value, separated by commas (default: NA, NaN, null, None, ?, ...)"
    data.add_argument("--missing", metavar="WORDS", type=words, help=about)
    about = "whether the file has a header, yes or no (default: found from the first rows)"
    data.add_argument("--header", metavar="YES", type=yes_or_no, help=about)
    about = "fraction of the rows that is held out for the test"
    data.add_argument(
        "--test-size", metavar="FRACTION", type=number(least=0, below=1), default=0.2, help=about
    )
    about = "test on each of K folds instead, and train the model on all rows"
    data.add_argument("--cv", metavar="K", type=integer(least=2), help=about)
    _network_arguments(parser.add_argument_group("network", _BY_SIZE))
    _training_arguments(parser.add_argument_group("training", _BY_SIZE))

    output = parser.add_argument_group("output")
    about = "file of the model (default: the name of DATA with .safetensors)"
    output.add_argument("--output", "-o", metavar="FILE", help=about)
    about = "replace existing files, even a model of other data or of another target"
    output.add_argument("--overwrite", action="store_true", help=about)
    about = "folder for checkpoints: of each network every 10 seconds, and on SIGTERM"
    output.add_argument("--checkpoint", metavar="DIR", help=about)
    about = "resume the training whose checkpoints are there; begin it if there are none"
    output.add_argument("--resume", action="store_true", help=about)
    output.add_argument("--no-plot", action="store_true", help="draw no pictures")
    output.add_argument("--quiet", action="store_true", help="print the results only, no progress")
    about = "TOML file of options, by their names here; those of the command line come first"
    output.add_argument("--config", metavar="FILE", help=about)


def _training_arguments(training: Any) -> None:
    natural, positive, share = integer(least=1), number(least=0), number(least=0, below=1)
    about = "networks whose predictions are averaged, each stopped on a fold of its own"
    training.add_argument("--ensemble", metavar="K", type=natural, help=about)
    about = (
        f"probability that training sets an activation of a hidden layer to 0{_usual('dropout')}"
    )
    training.add_argument("--dropout", metavar="P", type=share, help=about)
    about = f"penalty: the cost has l2/2 times the sum of the squares of the weights{_usual('l2')}"
    training.add_argument("--l2", metavar="L2", type=positive, help=about)
    about = f"decay of the weights in each step, as in AdamW{_usual('weight_decay')}"
    training.add_argument("--weight-decay", metavar="D", type=positive, help=about)
    about = f"learning rate{_usual('learning_rate')}"
    training.add_argument("--learning-rate", "--lr", metavar="RATE", type=positive, help=about)
    about = f"how the rate changes over the epochs: {', '.join(SCHEDULES)}{_usual('schedule')}"
    training.add_argument("--schedule", metavar="NAME", type=choice(*SCHEDULES), help=about)
    about = "most passes over the training rows"
    training.add_argument("--epochs", metavar="N", type=natural, help=about)
    about = f"epochs without improvement after which a network stops{_usual('patience')}"
    training.add_argument("--patience", metavar="N", type=natural, help=about)
    about = "rows per mini-batch"
    training.add_argument("--batch-size", metavar="N", type=natural, help=about)
    about = "floating-point type of weights and computations"
    dtypes = choice("float32", "float64")
    training.add_argument("--dtype", metavar="NAME", type=dtypes, default="float32", help=about)
    about = "number of threads (default: as many as are of use)"
    training.add_argument("--threads", metavar="N", type=natural, help=about)


@cache
def _recipes() -> list[Recipe]:
    """The recipes of the smallest and the largest tables."""
    return [default_recipe(n, n_classes) for n in (1, 10**9) for n_classes in (None, 2)]


def _usual(field: str) -> str:
    """The default of a field of the recipe, if it is the same for every table."""
    values = {getattr(recipe, field) for recipe in _recipes()}
    value = values.pop()
    shown = value if isinstance(value, str) else f"{value:g}"
    return "" if values else f" (default: {shown})"


def _network_arguments(
    network: Any, layers: tuple[int, ...] | None = None, of_layers: str | None = None
) -> None:
    about = "sizes of the hidden layers, separated by commas; none for a linear model"
    network.add_argument("--layers", metavar="SIZES", type=sizes, default=layers, help=about)
    about = f"activation of the hidden layers: {', '.join(ACTIVATIONS)}"
    about += "" if of_layers else _usual("activation")
    network.add_argument(
        "--activation", metavar="NAME", type=activation, default=of_layers, help=about
    )
    costs = ", ".join(f"{name} for {task}" for task, name in COSTS.items())
    about = f"cost function: {', '.join(ALL_COSTS)} (default: {costs})"
    network.add_argument("--cost", metavar="NAME", type=cost, help=about)
    about = "seed of all random numbers"
    network.add_argument("--seed", metavar="N", type=integer(least=0), default=0, help=about)


def _predict_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    _output_argument(parser)
    about = "also write the probability of each class"
    parser.add_argument("--proba", action="store_true", help=about)
    about = "columns of DATA to write before the predictions, separated by commas"
    parser.add_argument("--keep", metavar="COLUMNS", type=names, default=(), help=about)


def _evaluate_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    about = "all rows, also those of the training file that the model was trained on"
    parser.add_argument("--all-rows", action="store_true", help=about)
    _target_argument(parser)


def _explain_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    _target_argument(parser)
    about = "a row of DATA, or a mini-batch such as 0:32, of which the first row is shown"
    parser.add_argument("--rows", metavar="ROWS", type=rows, default=(0, 1), help=about)
    about = "the layer of the weight, from 1"
    parser.add_argument("--layer", metavar="L", type=integer(least=1), default=1, help=about)
    about = "its node in that layer, from 0"
    parser.add_argument("--node", metavar="I", type=integer(least=0), default=0, help=about)
    about = "its node in the layer before, from 0, or the name of an input (default: the bias)"
    parser.add_argument("--input", metavar="J", help=about)
    about = "the network, where the model has several, from 1"
    parser.add_argument("--member", metavar="K", type=integer(least=1), default=1, help=about)
    about = f"the optimizer whose first step follows: {', '.join(explain.OPTIMIZERS)}"
    parser.add_argument("--optimizer", metavar="NAME", type=choice(*explain.OPTIMIZERS), help=about)
    about = "its learning rate (default: that of the library)"
    parser.add_argument("--learning-rate", metavar="RATE", type=number(least=0), help=about)
    about = "significant digits"
    parser.add_argument("--digits", metavar="N", type=integer(least=1), default=6, help=about)
    about = f"what to write: {', '.join(explain.FORMATS)}"
    formats = choice(*explain.FORMATS)
    parser.add_argument("--format", metavar="NAME", type=formats, default="text", help=about)
    _output_argument(parser)


def _export_arguments(parser: Parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a saved model")
    known = ", ".join(f"{name} ({f.suffix})" for name, f in export.FORMATS.items())
    about = f"the format: {known} (default: by the name of the file)"
    parser.add_argument("--to", metavar="FORMAT", type=choice(*export.FORMATS), help=about)
    about = "file to write (default: the name of MODEL with the suffix of the format)"
    parser.add_argument("--output", "-o", metavar="FILE", help=about)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    onnx = parser.add_argument_group("ONNX")
    about = "labels with probabilities, or scores of plain operators (default: labels)"
    onnx.add_argument("--outputs", metavar="KIND", type=choice("labels", "scores"), help=about)
    about = "version of the operators (default: 17)"
    onnx.add_argument("--opset", metavar="N", type=integer(least=1), help=about)
    about = "do not compare the file with the model in onnxruntime"
    onnx.add_argument("--no-check", action="store_true", help=about)
    c = parser.add_argument_group("C")
    about = "what all names in C begin with (default: the name of the file)"
    c.add_argument("--name", metavar="NAME", help=about)
    about = "also write the functions that train, by Adam, on one sample a step"
    c.add_argument("--train", action="store_true", help=about)


def _convert_arguments(parser: Parser) -> None:
    about = "a network in another format: .onnx, .keras, or .safetensors with PyTorch's names"
    parser.add_argument("source", metavar="SOURCE", help=about)
    about = "file to write: .safetensors, or a format of `fastgrad export`"
    parser.add_argument("--output", "-o", metavar="FILE", required=True, help=about)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    about = "of a .safetensors: activation of all hidden layers, or of each, separated by commas"
    parser.add_argument("--activation", metavar="NAMES", type=activations, help=about)
    about = "cost function of the network (default: by its last layer)"
    parser.add_argument("--cost", metavar="NAME", type=cost, help=about)


def _check_arguments(parser: Parser) -> None:
    about = "a saved model (default: a new network)"
    parser.add_argument("model", metavar="MODEL", nargs="?", help=about)
    _network_arguments(parser.add_argument_group("network"), (256, 128), "relu")


def _play_arguments(parser: Parser) -> None:
    about = "a table (.csv, .tsv, .parquet, ...) to begin with (default: points of two spirals)"
    parser.add_argument("data", metavar="DATA", nargs="?", help=about)
    about = "port of the page on 127.0.0.1; 0: any that is free"
    parser.add_argument(
        "--port", metavar="N", type=integer(least=0), default=play.DEFAULT_PORT, help=about
    )
    about = "only print the address of the page"
    parser.add_argument("--no-browser", action="store_true", help=about)


def _info_arguments(parser: Parser) -> None:
    about = "a saved model, an .onnx or .keras file (default: describe the environment)"
    parser.add_argument("model", metavar="MODEL", nargs="?", help=about)
    about = "print the options of its training, for `fastgrad train --config`"
    parser.add_argument("--toml", action="store_true", help=about)


def _model_arguments(parser: Parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a saved model")
    about = f"{_DATA} (default, for a model of the digits: those that were held out)"
    parser.add_argument("data", metavar="DATA", nargs="?", help=about)
    _target_file_argument(parser)


def _output_argument(parser: Parser) -> None:
    about = "file to write to (default: standard output)"
    parser.add_argument("--output", "-o", metavar="FILE", help=about)


def _target_argument(parser: Parser) -> None:
    about = (
        "column with the true values (default: that of the training, or the one beside the inputs)"
    )
    parser.add_argument("--target", metavar="COLUMN", help=about)


def _target_file_argument(parser: Any) -> None:
    about = "file of the targets, for .npy and idx (default: y beside X, labels beside images)"
    parser.add_argument("--target-file", metavar="FILE", help=about)


def _no_arguments(parser: Parser) -> None:
    pass


#: Of each command: what runs it, what it does, and its arguments.
_COMMANDS: dict[str, tuple[Callable[..., int], str, Callable[[Parser], None]]] = {
    "train": (train.train, "train networks, test them on held-out rows and save them",
              _train_arguments),
    "predict": (predict.predict, "predict the target of each row, in csv format",
                _predict_arguments),
    "evaluate": (predict.evaluate, "compare the predictions with the targets",
                 _evaluate_arguments),
    "explain": (explain.explain, "show the numbers of one derivative, equation by equation",
                _explain_arguments),
    "export": (export.export, "write a saved model for another library: ONNX, PyTorch, Keras, C",
               _export_arguments),
    "convert": (convert.convert, "read a network from a file of another library",
                _convert_arguments),
    "play": (play.play, "build and train a network in a page of the browser", _play_arguments),
    "check": (commands.check, "compare the gradients with central differences of the cost; exit "
              "code 1 if they differ", _check_arguments),
    "info": (commands.info, "describe a saved model, or the versions, the processor and the "
             "threads", _info_arguments),
    "warmup": (commands.warmup, "compile all functions into the cache on disk, so that no later "
               "process waits for it", _no_arguments),
}  # fmt: skip
