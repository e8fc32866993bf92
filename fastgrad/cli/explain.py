"""`fastgrad explain`: the numbers of one derivative of a saved model."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..explain.explanation import Explanation
from ..explain.formulas import shown_terms
from ..optim import adam, first_order
from ..tables.model import TableModel
from ..validation import choice, integer
from . import output_files, report
from .predict import read_compared

__all__ = ["FORMATS", "OPTIMIZERS", "explain"]

#: What the option --optimizer takes.
OPTIMIZERS: dict[str, Any] = {
    name.lower(): getattr(room, name) for room in (first_order, adam) for name in room.__all__
}

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
    optimizer, rate = None, arguments.learning_rate
    if arguments.optimizer:
        kind = OPTIMIZERS[arguments.optimizer]
        optimizer = kind() if rate is None else kind(rate)
    elif rate is not None:
        raise ValueError(f"learning_rate: got {rate} without an optimizer; expected both")
    j = _input_number(model, arguments)
    explanation = net.explain(
        X, Y, arguments.layer, arguments.node, j, optimizer=optimizer, digits=arguments.digits
    )
    unit = " in standard deviations from its mean" if net.targets.standardize else ""
    named = _named_inputs(model, explanation, j)
    named += f"\ny: {samples.target}{unit}" if samples.target else ""
    explanation = replace(explanation, of=f"{explanation.of}{named}")
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
    names = _input_names(model)
    if arguments.layer != 1 or not names:
        expected = "the number of a node, from 0; only layer 1 has inputs with names"
        raise ValueError(f"input: got {given!r}; expected {expected}")
    return names.index(choice("input", given, names))


def _input_names(model: TableModel) -> list[str]:
    return model.encoder.input_names if model.encoder else list(model.column_names or ())


def _named_inputs(model: TableModel, explanation: Explanation, j: int | None) -> str:
    """What the inputs of the sums that are shown are called in the table."""
    names = _input_names(model)
    nodes = shown_terms(len(names), j if explanation.layer == 1 else None)
    shown = ", ".join(f"a_{n} {names[n]}" for n in nodes)
    return f"\ninputs, as the model encodes them: {shown}" if shown else ""
