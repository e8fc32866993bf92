"""`fastgrad explain`: the numbers of one derivative of a saved model."""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from ..explain.explanation import Explanation
from ..optim.adam import Adam
from ..optim.first_order import SGD
from ..tables.model import TableModel
from ..validation import choice, integer
from . import output_files, report
from .predict import read_compared

__all__ = ["FORMATS", "OPTIMIZERS", "explain"]

#: What the option --optimizer takes.
OPTIMIZERS = {"sgd": SGD, "adam": Adam}

#: What the option --format takes.
FORMATS: dict[str, Callable[[Explanation], str]] = {
    "text": str,
    "html": Explanation.to_html,
    "latex": Explanation.to_latex,
}


def explain(arguments: argparse.Namespace) -> int:
    """Print how the derivative with respect to one weight or bias comes about.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad explain --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    model = TableModel.load(arguments.model)
    samples = read_compared(model, arguments)
    first, last = arguments.rows
    integer("rows", last - 1, least=0, most=len(samples) - 1)
    samples = samples.take(np.arange(first, last))
    k = integer("member", arguments.member, least=1, most=len(model.networks))
    net, X = model.networks[k - 1], model.encoded(samples.inputs)
    y = model.targets.transform(samples.labels, samples.place)
    Y = model.targets.encode(y, net.cost_function, net.n_outputs)
    optimizer = None
    if arguments.optimizer:
        rate = arguments.learning_rate
        kind: Any = OPTIMIZERS[arguments.optimizer]
        optimizer = kind() if rate is None else kind(rate)
    j = _input_number(model, arguments)
    explanation = net.explain(
        X, Y, arguments.layer, arguments.node, j, optimizer=optimizer, digits=arguments.digits
    )
    with output_files.text(arguments.output) as file:
        if arguments.json:
            steps = [{**step._asdict(), "loop": str(step.loop or "")} for step in explanation.steps]
            content = {"parameter": explanation.symbol, "layer": explanation.layer}
            content |= {"value": explanation.value, "next value": explanation.next_value}
            file.write(report.as_json(content | {"steps": steps}) + "\n")
        else:
            file.write(FORMATS[arguments.format](explanation) + "\n")
    return 0


def _input_number(model: TableModel, arguments: argparse.Namespace) -> int | None:
    """j: a number, or in layer 1 the name of an input; None for the bias."""
    given = arguments.input
    if given is None or given.lstrip("-").isdecimal():
        return None if given is None else int(given)
    names = model.encoder.input_names if model.encoder else list(model.column_names or ())
    if arguments.layer != 1 or not names:
        raise ValueError(f"input: got {given!r}; expected the number of a node, from 0")
    return names.index(choice("input", given, names))
