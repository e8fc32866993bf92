"""The header: all parts of a model in the order in which C needs them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import validation
from ...atomic_write import atomic_write
from ...version import __version__
from ..example_rows import example_inputs, example_rows
from ..portable import PortableModel
from ..safetensors import check_path
from .literals import C_TYPES, array, comment, identifiers, number, text
from .network import NetworkSource
from .table import TableSource
from .training import TrainingSource
from .translate import Translator

if TYPE_CHECKING:
    from ...optim.base import Optimizer

__all__ = ["write"]

_VECTORS = 8
#: Of the self-test, relative to the largest number. The sums are rounded in another order.
_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def write(path: Any, model: PortableModel, name: str | None, optimizer: "Optimizer | None") -> None:
    """Write a model as a header of C.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced.
    model : PortableModel
        The model.
    name : str or None
        What all names in C begin with; None: that of the file.
    optimizer : Optimizer or None
        With which the header can train; None: it only predicts.

    Raises
    ------
    ValueError
        If the name is none of C, a function cannot be translated, or a step in C would not be that
        of `Network.step`.
    """
    path = Path(validation.path("path", path))
    check_path("path", path)
    if name is not None and identifiers([name]) != [name]:
        raise ValueError(f"name: got {validation.shown(name)}; expected an identifier of C")
    content = _Header(name or identifiers([path.stem])[0], model, optimizer).text()
    with atomic_write(path) as temporary:
        temporary.write_text(content, encoding="ascii")


class _Header:
    """The text of a header."""

    def __init__(self, prefix: str, model: PortableModel, optimizer: "Optimizer | None") -> None:
        model.check_finite()
        model.check_one_dtype("to_c")
        if optimizer is not None and len(model.networks) > 1:
            received = f"{len(model.networks)} networks"
            raise ValueError(f"train: got {received}; expected a single one, as of members=1")
        self._prefix, self._model, self._dtype = prefix, model, model.dtype
        self._real = C_TYPES[self._dtype.name]
        self._translator = Translator(prefix, self._dtype)
        self._networks = [
            NetworkSource(prefix, network, self._translator, k)
            for k, network in enumerate(model.networks, start=1)
        ]
        self._table = None
        if model.encoder is not None:
            self._table = TableSource(prefix, model.encoder, self._dtype, self._translator)
        self._training = None
        if optimizer is not None:
            self._training = TrainingSource(self._networks[0], optimizer, self._translator)

    def text(self) -> str:
        """All of it."""
        forward = [network.forward() for network in self._networks]
        training = self._training.definitions() if self._training else []
        affine = dict(pair for n in self._networks for pair in n.definitions_of_affine().items())
        parts = [self._about(), self._begin(), *self._translator.functions, *affine.values()]
        for network, function in zip(self._networks, forward, strict=True):
            parts += [network.type_of_weights(), *network.constants()]
            parts += [network.weights(f"{self._prefix}_exported{network.suffix}"), function]
        parts += training
        parts.append(self._predict())
        if self._model.targets.classes:
            parts += self._classes()
        if self._table:
            parts += [*self._table.definitions(), self._predict_row()]
        parts.append(self._self_test())
        return "\n\n".join([*parts, "#endif"]) + "\n"

    # --- the beginning -----------------------------------------------------------------------

    def _about(self) -> str:
        p, real, model = self._prefix, self._real, self._model
        kinds = dict.fromkeys(_layout(network) for network in self._networks)
        n_in, n_out = self._networks[0].sizes[0], self._networks[0].sizes[-1]
        names: Any = model.networks[0].spec.inputs["names"]
        net = f"const {p}_network *net, " if self._training else ""
        lines = [
            f"{p}: {len(model.networks)} network{'s' * (len(model.networks) > 1)}, made by fastgrad"
            f" {__version__}",
            "",
            *kinds,
            "",
            f"    void {p}_predict({net}const {real} x[{n_in}], {real} p[{n_out}]);",
        ]
        if self._table:
            lines.append(f"    void {p}_predict_row({net}const {p}_row *row, {real} p[{n_out}]);")
        if self._training:
            y = "int32_t y" if self._training.takes_class else f"const {real} y[{n_out}]"
            lines += [
                f"    void {p}_init({p}_network *net);",
                f"    {real} {p}_step({p}_network *net, const {real} x[{n_in}], {y});",
            ]
        if model.targets.classes:
            lines += [
                f"    int {p}_class(const {real} *p);",
                f"    const char *const {p}_labels[{len(model.targets.classes)}];",
            ]
        lines += [f"    int {p}_self_test({net.removesuffix(', ') or 'void'});", ""]
        lines += [f"x: {', '.join(map(str, names))}", ""] if names else []
        accuracy = "4 units in the last place" if real == "float" else "1e-15 relative"
        lines += [
            "C99 and C++: no allocation, no global state; of the standard library memcpy, memset",
            "and strcmp, and in training pow and sqrt (link with -lm). Compile with -O3 and for",
            "the processor, as with -march=native, never with -ffast-math. Numbers must be finite.",
            "exp, tanh and the like have an error",
            f"below {accuracy}. {p}_self_test returns how",
            f"many of {_VECTORS} predictions differ from those of fastgrad by more than"
            f" {_TOLERANCE[self._dtype.name]:g} of the largest.",
            "",
            "Equations are numbered as in fastgrad's derivation. Weights of a layer of up to 16",
            "nodes are stored by rows, W[i][j], of larger ones by columns, W[j][i], so that loops",
            "over the last index become vectors. Zeros fill rows to multiples of 8.",
        ]
        return "/* " + "\n".join(f"   {comment(line)}".rstrip() for line in lines).strip() + " */"

    def _begin(self) -> str:
        p, real = self._prefix, self._real
        bits = "int32_t" if real == "float" else "int64_t"
        return f"""#ifndef FASTGRAD_{p}_H
#define FASTGRAD_{p}_H

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "compile without -ffast-math, which changes what exp, missing cells and NAN are"
#endif

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline {bits} {p}_bits({real} u) {{
    {bits} n;
    memcpy(&n, &u, sizeof n);
    return n;
}}

static inline {real} {p}_from_bits({bits} n) {{
    {real} u;
    memcpy(&u, &n, sizeof u);
    return u;
}}

/* a where the condition is 1, b where it is 0: without a branch, so that loops become vectors. */
static inline {real} {p}_select(int condition, {real} a, {real} b) {{
    {bits} mask = -({bits})condition;
    return {p}_from_bits(({p}_bits(a) & mask) | ({p}_bits(b) & ~mask));
}}"""

    # --- predictions -------------------------------------------------------------------------

    def _predict(self) -> str:
        """The weighted mean of the networks' predictions, within the limits."""
        p, real, n = self._prefix, self._real, self._networks[0].sizes[-1]
        if self._training:
            return (
                f"/* The prediction p for the inputs x. */\n"
                f"static inline void {p}_predict(const {p}_network *net, const {real} *x,"
                f" {real} *p) {{\n    {p}_forward(&net->weights, x, p);\n}}"
            )
        lines, several = [], len(self._networks) > 1
        for k, (network, weight) in enumerate(
            zip(self._networks, self._model.weights, strict=True)
        ):
            into = "one" if several else "p"
            name = f"{p}_forward{network.suffix}(&{p}_exported{network.suffix}, x, {into});"
            lines.append(f"    {name}")
            if several:
                w = number(weight, self._dtype)
                sum_ = "p[i] + " if k else ""
                lines.append(f"    for (i = 0; i < {n}; ++i) p[i] = {sum_}{w} * one[i];")
        if self._model.limits:
            low, high = (number(x, self._dtype) for x in self._model.limits)
            lines.append(
                f"    for (i = 0; i < {n}; ++i)"
                f" p[i] = p[i] < {low} ? {low} : (p[i] > {high} ? {high} : p[i]);"
            )
        if several:
            lines.insert(0, f"    {real} one[{n}];")
        if several or self._model.limits:
            lines.insert(0, "    int i;")
        what = "mean prediction of the networks" if several else "prediction"
        return "\n".join([
            f"/* The {what} p for the inputs x. */",
            f"static inline void {p}_predict(const {real} *x, {real} *p) {{", *lines, "}",
        ])  # fmt: skip

    def _classes(self) -> list[str]:
        p, classes = self._prefix, self._model.targets.classes or []
        n = self._networks[0].sizes[-1]
        labels = ",\n    ".join(text(str(label)) for label in classes)
        border = "0" if self._model.heads[0].cost.targets == "sign" else "0.5"
        one = f"    return p[0] > ({self._real}){border};"
        many = (
            f"    int i, best = 0;\n    for (i = 1; i < {n}; ++i)\n"
            "        if (p[i] > p[best]) best = i;\n    return best;"
        )
        return [
            f"static const char *const {p}_labels[{len(classes)}] = {{{labels}}};",
            f"/* The class of a prediction p: its label is {p}_labels[{p}_class(p)]. */\n"
            f"static inline int {p}_class(const {self._real} *p) {{\n{one if n == 1 else many}\n}}",
        ]

    def _predict_row(self) -> str:
        p, real, n = self._prefix, self._real, self._networks[0].sizes[0]
        net, given = (f"const {p}_network *net, ", "net, ") if self._training else ("", "")
        return (
            f"/* The prediction p for a row of the table. */\n"
            f"static inline void {p}_predict_row({net}const {p}_row *row, {real} *p) {{\n"
            f"    {real} x[{n}];\n    {p}_encode(row, x);\n    {p}_predict({given}x, p);\n}}"
        )

    # --- the self-test -----------------------------------------------------------------------

    def _self_test(self) -> str:
        p, real, model = self._prefix, self._real, self._model
        n_in, n_out = self._networks[0].sizes[0], self._networks[0].sizes[-1]
        if self._table and model.encoder:
            X, cells = example_rows(model.encoder, _VECTORS, as_codes=True)
            rows = [{name: values[s] for name, values in cells.items()} for s in range(_VECTORS)]
            shown = ",\n        ".join(map(self._table.row, rows))
            given = f"    static const {p}_row rows[{_VECTORS}] = {{\n        {shown}}};\n"
            call = f"{p}_predict_row({{net}}rows + s, p);"
        else:
            X = example_inputs(model, _VECTORS)
            given = (
                f"    static const {real} X[{_VECTORS} * {n_in}] = {array(X.ravel(), X.dtype)};\n"
            )
            call = f"{p}_predict({{net}}X + s * {n_in}, p);"
        with np.errstate(over="ignore"):  # of an untrained network's exponentials
            expected = np.asarray(model.predict(X))
        most = float(np.abs(expected[np.isfinite(expected)]).max(initial=0)) or 1.0
        within = number(_TOLERANCE[self._dtype.name] * most, "float64")
        net = f"const {p}_network *net" if self._training else "void"
        of = ", of a network as it was exported" if self._training else ""
        return (
            f"/* How many of {_VECTORS} predictions are not as expected{of}: 0. */\n"
            f"static inline int {p}_self_test({net}) {{\n{given}"
            f"    static const {real} expected[{_VECTORS} * {n_out}] ="
            f" {array(expected.ravel(), self._dtype)};\n"
            f"    {real} p[{n_out}];\n    int s, i, is_wrong, n_wrong = 0;\n"
            f"    for (s = 0; s < {_VECTORS}; ++s) {{\n"
            f"        {call.format(net='net, ' if self._training else '')}\n"
            f"        is_wrong = 0;\n"
            f"        for (i = 0; i < {n_out}; ++i) {{\n"
            f"            double difference = (double)p[i] - (double)expected[s * {n_out} + i];\n"
            f"            int is_near = difference <= {within} && difference >= -{within};\n"
            f"            is_wrong |= !is_near && p[i] != expected[s * {n_out} + i];\n"
            f"        }}\n        n_wrong += is_wrong;\n    }}\n    return n_wrong;\n}}"
        )


def _layout(network: NetworkSource) -> str:
    """Sizes, activations and costs of a network."""
    spec = network.network.spec
    sizes, functions = "-".join(map(str, spec.sizes)), ", ".join(f.name for f in spec.activations)
    costs = ", ".join(head.cost.name for head in spec.heads)
    return f"{sizes}: {functions}; {costs}; {network.real}"
