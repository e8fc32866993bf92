"""Cost functions C and their derivatives dC/da, side by side.

The cost of one sample adds up C(a_i, y_i) over the nodes i of the last layer, or averages it
(`reduction`). As with activations, C and dC/da are plain Python functions that numba compiles.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..registry import (
    SAMPLE_POINTS,
    check_definition,
    check_derivative,
    check_number,
    from_name,
    full_name,
)
from .elementary import clamp, exp, expm1, log1p, real, sigmoid, tanh

__all__ = [
    "COSTS",
    "Cost",
    "cost",
    "huber",
    "linked",
    "quantile",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]

Function = Callable[..., Any]

#: How the outputs of a sample are combined.
REDUCTIONS = ("sum", "mean")

#: What turns the last layer's value into a prediction.
LINKS = ("identity", "sigmoid", "softmax", "exp")

#: Which targets a cost takes, with some of them for the check of the derivative. A distribution
#: is not negative and adds up to 1 over the outputs.
TARGETS: dict[str, tuple[float, ...]] = {
    "real": (-1.31, 0.42, 2.07),
    "nonnegative": (0.0, 0.42, 2.07),
    "unit": (0.0, 0.42, 1.0),  # from 0 to 1
    "sign": (-1.0, 1.0),  # -1 or +1
    "distribution": (),
}


@dataclass(frozen=True, eq=False)
class Cost:
    """A cost function with its derivative.

    Parameters
    ----------
    name : str
        What to call it.
    C : callable
        (a, y) -> C: the cost of one output a with the target y, numbers in, a number out. Written
        in the Python that numba compiles.
    dC_da : callable
        (a, y) -> dC/da, likewise.
    reduction : {"sum", "mean"}, default "sum"
        Whether a sample's cost is the sum or the mean of C over its outputs.
    link : {"identity", "sigmoid", "exp"}, default "identity"
        What `predict` applies to a: "sigmoid" where a is a log-odds, "exp" where a is a log-rate.
        Any but "identity" needs the activation "identity" at the output. (The built-in
        softmax_cross_entropy has the link "softmax", and None for C and dC_da: it is a function
        of all outputs at once.)
    targets : {"real", "nonnegative", "unit", "sign"}, default "real"
        Which y are right: any number, y >= 0, 0 <= y <= 1, or -1 and +1.
    label_smoothing : float, default 0.0
        Of softmax_cross_entropy only.
    builtin : bool, default False
        For fastgrad's own, which are checked by its tests and kept compiled on disk.

    Raises
    ------
    TypeError
        A name that is not a string, a C or dC_da that cannot be called.
    ValueError
        An unknown reduction, link or targets, or a dC_da that is not the derivative of C: the two
        are compared at 100 points, a between -4 and 4.

    Examples
    --------
    >>> quartic = Cost("quartic", C=lambda a, y: (a - y) ** 4, dC_da=lambda a, y: 4 * (a - y) ** 3)
    """

    name: str
    C: Function | None
    dC_da: Function | None
    reduction: str = "sum"
    link: str = "identity"
    targets: str = field(default="real", kw_only=True)
    label_smoothing: float = field(default=0.0, kw_only=True, repr=False)
    builtin: bool = field(default=False, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        """Check the arguments; the built-in ones are checked by the tests."""
        if self.builtin:
            return
        check_definition("Cost", self.name, C=self.C, dC_da=self.dC_da)
        for argument, known in (("reduction", REDUCTIONS), ("link", LINKS), ("targets", TARGETS)):
            allowed = [k for k in known if k not in {"softmax", "distribution"}]
            value = getattr(self, argument)
            if value not in allowed:
                raise ValueError(
                    f"Cost {self.name!r}: {argument} is {value!r}, expected one of {allowed}"
                )
        some = TARGETS[self.targets]
        points = [(a, some[k % len(some)]) for k, a in enumerate(SAMPLE_POINTS)]
        check_derivative(f"cost {self.name!r}", {"C": self.C, "dC_da": self.dC_da}, points)

    @property
    def classifies(self) -> bool:
        """Whether the outputs stand for classes."""
        return self.link in {"softmax", "sigmoid"}

    def __reduce__(self) -> Any:
        """Pickle a built-in one by its name."""
        return (cost, (self.name,)) if self.builtin else super().__reduce__()


def _builtin(name: str, C: Function, dC_da: Function, reduction: str, **traits: str) -> Cost:
    return Cost(name, C, dC_da, reduction, builtin=True, **traits)  # type: ignore[arg-type]


# --- C and dC/da of the built-in costs ----------------------------------------------------------
# At a kink dC/da is 0 between two slopes of opposite sign, else the slope of the flat side.


def _squared_error(a: Any, y: Any) -> Any:
    """Return 1/2 (a - y)^2."""
    return real(a, 0.5) * (a - y) * (a - y)


def _squared_error_da(a: Any, y: Any) -> Any:
    return a - y  # eq. (13): dC/da = a - y


def _mse(a: Any, y: Any) -> Any:
    """Return (a - y)^2."""
    return (a - y) * (a - y)


def _mse_da(a: Any, y: Any) -> Any:
    return real(a, 2) * (a - y)  # eq. (14): dC/da = 2 (a - y)


def _mae(a: Any, y: Any) -> Any:
    """Return |a - y|; dC/da = 0 where a = y."""
    return abs(a - y)


def _mae_da(a: Any, y: Any) -> Any:
    # eq. (15): dC/da = sign(a - y)
    return real(a, 1) if a > y else (real(a, -1) if a < y else real(a, 0))


def huber(delta: float = 1.0) -> Cost:
    """Return 1/2 d^2 for |d| <= delta, else delta (|d| - delta/2), with d = a - y (Huber 1964).

    Parameters
    ----------
    delta : float, default 1.0
        Where the parabola turns into a line, above 0.
    """
    delta = check_number("huber", "delta", delta)
    if delta <= 0:
        raise ValueError(f"huber: delta is {delta!r}, expected a number above 0")

    def C(a: Any, y: Any) -> Any:
        d = abs(a - y)
        near = clamp(d, 0.0, delta)
        return near * (d - real(a, 0.5) * near)  # both cases in one

    def dC_da(a: Any, y: Any) -> Any:
        return clamp(a - y, -delta, delta)  # eq. (16): dC/da = a - y, within -delta and delta

    return _builtin(full_name("huber", "delta", delta, 1.0), C, dC_da, "mean")


def _log_cosh(a: Any, y: Any) -> Any:
    """Return log cosh(a - y), as log(1 + e^2 / (2 (1 + e))) with e = e^|a - y| - 1."""
    d = abs(a - y)
    near = clamp(d, 0.0, 20.0)  # beyond, log cosh grows as d does
    e = expm1(near)
    return log1p(real(a, 0.5) * e * (e / (e + real(a, 1)))) + (d - near)


def _log_cosh_da(a: Any, y: Any) -> Any:
    return tanh(a - y)  # eq. (17): dC/da = tanh(a - y)


def quantile(q: float = 0.5) -> Cost:
    """Return q (y - a) where a < y, else (1 - q) (a - y) (Koenker and Bassett 1978).

    Its mean is least where a is the quantile q of y: the fraction q of the y lies below a.

    Parameters
    ----------
    q : float, default 0.5
        Between 0 and 1.
    """
    q = check_number("quantile", "q", q)
    if not 0 < q < 1:
        raise ValueError(f"quantile: q is {q!r}, expected a number between 0 and 1")

    def C(a: Any, y: Any) -> Any:
        return real(a, q) * (y - a) if a < y else real(a, 1 - q) * (a - y)

    def dC_da(a: Any, y: Any) -> Any:
        # eq. (18): dC/da = [a > y] - q
        return real(a, -q) if a < y else (real(a, 1 - q) if a > y else real(a, 0))

    return _builtin(full_name("quantile", "q", q, 0.5), C, dC_da, "mean")


def _poisson(a: Any, y: Any) -> Any:
    """Return e^a - y a, a the logarithm of the rate: -log of its probability but for log y!."""
    return exp(a) - y * a


def _poisson_da(a: Any, y: Any) -> Any:
    return exp(a) - y  # eq. (19): dC/da = exp(a) - y


def _hinge(a: Any, y: Any) -> Any:
    """Return max(0, 1 - y a), y being -1 or +1; dC/da = 0 where y a = 1."""
    gap = real(a, 1) - y * a
    return real(a, 0) if gap <= 0 else gap


def _hinge_da(a: Any, y: Any) -> Any:
    return -y if y * a < 1 else real(a, 0)  # eq. (20): dC/da = -y [y a < 1]


def _share(cost: str, label_smoothing: Any) -> float:
    share = check_number(cost, "label_smoothing", label_smoothing)
    if not 0 <= share < 1:
        raise ValueError(f"{cost}: label_smoothing is {share!r}, expected 0 or more and below 1")
    return share


def sigmoid_cross_entropy(label_smoothing: float = 0.0) -> Cost:
    """Return -y log p - (1 - y) log(1 - p) with p = sigmoid(a): log(1 + e^a) - y a.

    Parameters
    ----------
    label_smoothing : float, default 0
        Share e of the target that is moved to the middle: y (1 - e) + e / 2.

    Raises
    ------
    ValueError
        A share below 0, or 1 and above.
    """
    share = _share("sigmoid_cross_entropy", label_smoothing)

    def C(a: Any, y: Any) -> Any:
        # The large terms max(0, a) - y a as one product: they cancel exactly where they should.
        y_e = real(a, 1 - share) * y + real(a, share / 2)
        return ((real(a, 1) - y_e) * a if a > 0 else -y_e * a) + log1p(exp(-abs(a)))

    def dC_da(a: Any, y: Any) -> Any:
        # eq. (21): dC/da = p - y
        return sigmoid(a) - (real(a, 1 - share) * y + real(a, share / 2))

    name = full_name("sigmoid_cross_entropy", "label_smoothing", share, 0.0)
    return _builtin(name, C, dC_da, "sum", link="sigmoid", targets="unit")


def softmax_cross_entropy(label_smoothing: float = 0.0) -> Cost:
    """Return -sum_i y_i log p_i with p = softmax(a) and a target distribution y (equation 8).

    Parameters
    ----------
    label_smoothing : float, default 0
        Share e of the target that is spread evenly: y_i (1 - e) + e / n_L (Szegedy et al. 2016).

    Raises
    ------
    ValueError
        A share below 0, or 1 and above.
    """
    share = _share("softmax_cross_entropy", label_smoothing)
    return Cost(
        full_name("softmax_cross_entropy", "label_smoothing", share, 0.0),
        C=None,  # a function of all outputs at once: its loop is in equations.py
        dC_da=None,
        link="softmax",
        targets="distribution",
        label_smoothing=share,
        builtin=True,
    )


# --- by name ------------------------------------------------------------------------------------

#: The built-in costs by name.
COSTS: dict[str, Cost] = {
    known.name: known
    for known in (
        _builtin("squared_error", _squared_error, _squared_error_da, "sum"),
        _builtin("mse", _mse, _mse_da, "mean"),
        _builtin("mae", _mae, _mae_da, "mean"),
        huber(),
        _builtin("log_cosh", _log_cosh, _log_cosh_da, "mean"),
        quantile(),
        _builtin("poisson", _poisson, _poisson_da, "mean", link="exp", targets="nonnegative"),
        _builtin("hinge", _hinge, _hinge_da, "mean", targets="sign"),
        softmax_cross_entropy(),
        sigmoid_cross_entropy(),
    )
}

_FACTORIES = {
    "huber": huber,
    "quantile": quantile,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
}


def cost(spec: str | Cost, last: str = "identity") -> Cost:
    """Return the cost that a name stands for.

    Parameters
    ----------
    spec : str or Cost
        A name such as "mse", with parameters "huber(delta=0.5)", or a Cost, which is returned as
        it is.
    last : str, default "identity"
        Name of the activation at the output.

    Raises
    ------
    TypeError, ValueError
        Something else, or an unknown name; the message gives the nearest known one. Or a cost that
        applies softmax or the like itself, after another activation than the identity.
    """
    found = spec if isinstance(spec, Cost) else from_name("cost", spec, COSTS, _FACTORIES)
    if found.link != "identity" and last != "identity":
        raise ValueError(
            f"activations: got {last!r} at the output; expected 'identity', since the cost"
            f" {found.name!r} applies {found.link} itself"
        )
    return found


def linked(a: Any, link: str) -> Any:
    """Return the prediction that the outputs of the last layer stand for.

    Parameters
    ----------
    a : ndarray
        (S, n_L): a^L.
    link : str
        "identity", "sigmoid", "softmax" or "exp".
    """
    if link == "softmax":
        p = np.exp(a - a.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)
    if link == "sigmoid":  # p = 1 / (1 + e^-a), with no exponential that overflows
        e = np.exp(-np.abs(a))
        return np.where(a >= 0, a.dtype.type(1), e) / (1 + e)
    return np.exp(a) if link == "exp" else a
