"""Lookup by name and parameters, and checks of definitions, for activations, costs and the like."""

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any, TypeVar

import numpy as np

from . import validation

__all__ = [
    "SAMPLE_POINTS", "check_definition", "check_derivative", "check_number", "from_name",
    "full_name",
]  # fmt: skip

Function = Callable[..., Any]
Named = TypeVar("Named")

_PARAMETER = re.compile(
    r"\s*(\w+)\s*=\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII
)

#: 100 points between -4 and 4; irrational, since functions tend to have kinks at round numbers.
SAMPLE_POINTS = [-4 + 0.08 * (k + 1 / np.pi) for k in range(100)]


def check_definition(kind: str, name: object, **functions: object) -> None:
    """Raise unless `name` is a non-empty string and each of the functions is callable."""
    if not isinstance(name, str):
        raise TypeError(f"{kind}: name is {name!r}, expected a string")
    if not name:
        raise ValueError(f"{kind}: name is empty")
    for argument, function in functions.items():
        if not callable(function):
            raise TypeError(f"{kind} {name!r}: {argument} is {function!r}, expected a function")


def check_number(kind: str, argument: str, value: Any) -> float:
    """Return the value as a float, or raise unless it is a finite number."""
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    if not is_number or isinstance(value, bool) or not np.isfinite(value):
        raise ValueError(
            f"{kind}: {argument} is {validation.shown(value)}, expected a finite number"
        )
    return float(value)


def check_derivative(
    what: str, functions: Mapping[str, Any], points: Iterable[tuple[float, ...]]
) -> None:
    """Compare a derivative with the difference quotient of its function at each of the points.

    Parameters
    ----------
    what : str
        The name in error messages.
    functions : mapping of two names to functions
        First the function, then its derivative with respect to the first argument.
    points : iterable of tuples
        Arguments of both. Points where the function is not finite or has a kink are skipped.

    Raises
    ------
    ValueError
        If they differ, or the function is finite at none of the points.
    """
    (f_name, f), (df_name, df) = functions.items()
    has_value = False
    for point in points:
        u, others = point[0], point[1:]
        step = 1e-4
        at = {k: _value(f"{what}: {f_name}", f, u + k * step, *others) for k in (-2, -1, 0, 1, 2)}
        if not np.isfinite(list(at.values())).all():
            continue
        has_value = True
        slope = (at[1] - at[-1]) / (2 * step)
        slope_2 = (at[2] - at[-2]) / (4 * step)  # over twice the step
        quotient = slope + (slope - slope_2) / 3  # Richardson: the error's terms in step^2 cancel
        # Both differences are large at a kink, or where f curves too sharply for the step: for a
        # smooth f neither slope nor curvature depends on the step.
        curvature = at[1] - 2 * at[0] + at[-1]
        curvature_2 = (at[2] - 2 * at[0] + at[-2]) / 4
        uncertainty = abs(slope - slope_2) + abs(curvature - curvature_2) / step
        tolerance = 1e-5 * abs(quotient) + 1e-9 * (1 + abs(at[0])) + 10 * uncertainty
        derivative = _value(f"{what}: {df_name}", df, *point)
        if not abs(derivative - quotient) <= tolerance:
            place = ", ".join(f"{x:.6g}" for x in point)
            raise ValueError(
                f"{what}: {df_name}({place}) is {derivative:.9g}, but the difference quotient of "
                f"{f_name} there is {quotient:.9g}"
            )
    if not has_value:
        raise ValueError(f"{what}: {f_name} is finite at none of the points where it was tested")


def _value(name: str, function: Function, *arguments: float) -> float:
    """Call with float64 numbers; NaN outside the function's domain."""
    try:
        with np.errstate(all="ignore"):
            value = function(*map(np.float64, arguments))
    except (ArithmeticError, ValueError):  # 1 / 0, math.log(-1)
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} gives {validation.shown(value)}, expected a number") from None


def full_name(name: str, parameter: str, value: float, default: float) -> str:
    """Return "leaky_relu(slope=0.2)", or the bare name where the value is the default."""
    return name if value == default else f"{name}({parameter}={value!r})"


def split_name(name: str) -> tuple[str, float | None]:
    """The bare name and the number in what `full_name` returned; None for the default."""
    numbers = [*_parameters(name).values()] if "(" in name else []
    return name.partition("(")[0], float(numbers[0]) if numbers else None


_SOFTMAX, _SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"

#: Names in Keras, PyTorch and scikit-learn, as `validation.did_you_mean` takes them.
_ALIASES: dict[str, dict[str, str]] = {
    "activation": {"linear": "identity", "logistic": "sigmoid", "sine": "sin", "swish": "silu"},
    "cost": {
        **dict.fromkeys(("l1", "absoluteerror", "meanabsoluteerror"), "mae"),
        **dict.fromkeys(("l2", "meansquarederror"), "mse"),
        **dict.fromkeys(("crossentropy", "nll", "log"), _SOFTMAX),
        **dict.fromkeys(("categoricalcrossentropy", "sparsecategoricalcrossentropy"), _SOFTMAX),
        **dict.fromkeys(("bce", "bcewithlogits", "logistic"), _SIGMOID),
        **dict.fromkeys(("binarycrossentropy", "binarycrossentropywithlogits"), _SIGMOID),
        **dict.fromkeys(("mape", "msle", "squaredhinge"), ""),  # similar names, other functions
        "pinball": "quantile",
        "poissonnll": "poisson",
        "smoothl1": "huber",
    },
    "init": {
        **dict.fromkeys(("kaiming", "kaimingnormal"), "he_normal"),
        **dict.fromkeys(("xavier", "xavieruniform"), "glorot_uniform"),
        "kaiminguniform": "he_uniform",
        "xaviernormal": "glorot_normal",
        "ones": "constant(value=1)",
        "randomnormal": "normal",
        "randomuniform": "uniform",
        "truncnormal": "truncated_normal",
    },
}


def from_name(
    kind: str,
    spec: object,
    instances: Mapping[str, Named],
    factories: Mapping[str, Callable[..., Named]],
) -> Named:
    """Return what a name such as "relu" or "leaky_relu(slope=0.2)" stands for.

    Parameters
    ----------
    kind : str
        "activation", "cost", "init" or "metrics", for error messages.
    spec : object
        The name, optionally with parameters.
    instances : mapping
        What names without parameters stand for.
    factories : mapping
        Functions of the parameters; called without any for a name that is not among `instances`.

    Raises
    ------
    TypeError
        If `spec` is not a string.
    ValueError
        If the name is unknown (the message gives the most similar one) or its parameters are wrong.
    """
    if not isinstance(spec, str):
        raise TypeError(
            f"{kind}: got {validation.shown(spec)}, expected a name or a fg.{kind.title()}"
        )
    name, has_parameters, _ = spec.partition("(")
    names = {**instances, **factories}
    name = validation.choice(kind, name.strip(), names, _ALIASES.get(kind, {}))
    if name in instances and not has_parameters:
        return instances[name]
    if name not in factories:
        raise ValueError(f"{kind}: {name!r} takes no parameters, got {validation.shown(spec)}")
    try:
        return factories[name](**_parameters(spec) if has_parameters else {})
    except (SyntaxError, TypeError):
        received = validation.shown(spec)
        usage = ", ".join(f"{p}=number" for p in signature(factories[name]).parameters)
        raise ValueError(f"{kind}: got {received}, expected '{name}({usage})'") from None


def _parameters(spec: str) -> dict[str, float]:
    """Parse {"slope": 0.2} out of "leaky_relu(slope=0.2)", or raise SyntaxError.

    Not by Python's own parser, which warns of odd numbers and fails at deep nesting.
    """
    inner = spec.partition("(")[2].rstrip()
    parts = inner[:-1].split(",") if inner[:-1].strip() else []
    found = [match for match in map(_PARAMETER.fullmatch, parts) if match]
    numbers = {match[1]: float(match[2]) for match in found}
    if len(numbers) < len(parts) or not inner.endswith(")"):
        raise SyntaxError
    return {k: int(v) if v.is_integer() and abs(v) < 2**53 else v for k, v in numbers.items()}
