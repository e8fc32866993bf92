"""A comparison of what onnxruntime computes with what fastgrad does, on rows made for it."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from ...extras import import_extra
from ..example_rows import example_inputs, example_rows
from ..portable import PortableModel
from .answers import Names, labels_of

__all__ = ["check_by_onnxruntime"]

Array = np.ndarray[Any, Any]

_BATCHES = (1, 2, 257)
#: Largest difference, relative to the largest output (of probabilities: to 1), and in addition as
#: a multiple of what the outputs change if the inputs do in their last digit: each layer of the two
#: programs rounds its sums differently, which in float32 can be more than 1e-6.
_TOLERANCE, _ROUNDINGS = 1e-6, 16


def check_by_onnxruntime(
    content: bytes, model: PortableModel, inputs: dict[str, str], names: Names, outputs: str
) -> None:
    """Raise unless onnxruntime computes the same; without onnxruntime do nothing.

    Parameters
    ----------
    content : bytes
        Of the file.
    model : PortableModel
        What it was made of.
    inputs : dict of str to str
        The names of its inputs by their columns.
    names : Names
        Of its outputs.
    outputs : str
        As for `write`.

    Raises
    ------
    ValueError
        If it does not load, or a prediction differs.
    """
    if find_spec("onnxruntime") is None:
        return
    session = _Session(content)
    if model.encoder is None:
        X = example_inputs(model, sum(_BATCHES))
        given = {"X": X}
    else:
        X, cells = example_rows(model.encoder, sum(_BATCHES), as_codes=outputs == "scores")
        given = {name: values[:, None] for name, values in cells.items()}
    eps = max(np.finfo(network.spec.dtype).eps for network in model.networks)
    with np.errstate(over="ignore", invalid="ignore"):  # of an untrained network's exponentials
        p = model.predict(X)
        rounded = np.abs(model.predict(X + X * X.dtype.type(eps)) - p)
    scale = 1.0 if model.heads.classifies else np.abs(p[np.isfinite(p)]).max(initial=0.0)
    within = _TOLERANCE * scale + _ROUNDINGS * rounded[np.isfinite(rounded)].max(initial=0.0)
    first = 0
    for n in _BATCHES:
        rows = slice(first, first + n)
        fed = {inputs[column]: values[rows] for column, values in given.items()}
        _compare(session.run(list(filter(None, names)), fed), p[rows], model, names, within)
        first += n


class _Session:
    """A file in onnxruntime, on one thread, without messages."""

    def __init__(self, content: bytes) -> None:
        runtime = import_extra("onnxruntime", "onnx", "the check of an ONNX file")
        errors = import_extra("onnxruntime.capi.onnxruntime_pybind11_state", "onnx", "the check")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        kinds = (errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.NotImplemented)
        try:
            session = runtime.InferenceSession(content, options, ["CPUExecutionProvider"])
        except kinds as error:
            raise ValueError(
                f"to_onnx: onnxruntime {runtime.__version__} does not take the file"
                f" ({' '.join(str(error).split())[:300]}); expected an opset that it knows, or"
                " check=False"
            ) from None
        self.run = session.run


def _compare(
    received: list[Array], p: Array, model: PortableModel, names: Names, within: float
) -> None:
    """Raise unless the outputs are those of the prediction p, (n, n_L), within a difference."""
    targets, cost = model.targets, model.heads[0].cost
    values = received[-1]
    is_two = names.label is not None and p.shape[1] == 1 and cost.classifies
    expected = targets.probabilities(p) if is_two else p
    differ = ~np.isclose(values, expected, rtol=0, atol=within, equal_nan=True)
    if differ.any():
        difference = np.abs(values - expected)[differ].max()
        raise ValueError(
            f"to_onnx: got {names.values!r} of onnxruntime that differ by {difference:.2g};"
            f" expected at most {within:.2g}"
        )
    if names.label is None:
        return
    border = 0.0 if cost.targets == "sign" else 0.5
    ordered = np.sort(p, axis=1)
    lead = np.abs(p[:, 0] - border) if p.shape[1] == 1 else ordered[:, -1] - ordered[:, -2]
    wrong = (received[0] != labels_of(model)[targets.class_ids(p, cost)]) & (lead > 2 * within)
    if wrong.any():
        raise ValueError(
            f"to_onnx: got other labels of onnxruntime in {wrong.sum()} of {len(p)} rows;"
            " expected the same"
        )
