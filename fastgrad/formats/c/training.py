"""Training in C, one sample a step: cost, backward pass and update, for learning on a device."""

from typing import TYPE_CHECKING, Any

from ...kernels import equations, regularizers
from ...kernels.costs import Cost
from ...kernels.update_rules import CONSTANTS, HYPERPARAMETERS, RULE_MEMORY
from ..portable import PortableLayer, PortableNetwork
from .literals import array, identifiers
from .network import LANES, SUM_OF_LANES, NetworkSource, at, indices, is_narrow, padded, shape
from .translate import Translator, UntranslatableError

if TYPE_CHECKING:
    from ...optim.base import Optimizer

__all__ = ["TrainingSource", "check_trainable"]


def check_trainable(network: PortableNetwork, optimizer: "Optimizer") -> None:
    """Raise ValueError if a step in C would not be that of `Network.step`."""
    spec = network.spec
    refused = {
        f"layer {l}: {name}": settings[name]
        for l, settings in enumerate(spec.layers, start=1)
        for name in ("dropout", "max_norm")
        if settings[name] not in (0.0, float("inf"))
    }
    refused |= {f"inputs: {n}": spec.inputs[n] for n in ("dropout", "noise") if spec.inputs[n]}
    limits = {"norm": optimizer.clip_norm, "value": optimizer.clip_value}
    refused |= {f"optimizer: clip {n}": x for n, x in limits.items() if x < float("inf")}
    for place, value in refused.items():
        raise ValueError(f"train: got {place} of {value}; expected none, which C does not have")
    if optimizer.rule is None:
        raise ValueError(f"train: got {optimizer!r}; expected an optimizer with an update rule")


class TrainingSource:
    """The C that trains a network.

    Parameters
    ----------
    source : NetworkSource
        The network's forward pass.
    optimizer : Optimizer
        Its update rule and numbers.
    translator : Translator
        That of the header.
    """

    def __init__(
        self, source: NetworkSource, optimizer: "Optimizer", translator: Translator
    ) -> None:
        check_trainable(source.network, optimizer)
        assert optimizer.rule is not None
        self._source, self._optimizer, self._translator = source, optimizer, translator
        self._prefix, self._real = source.prefix, source.real
        self._rule = optimizer.rule
        heads = source.network.spec.heads
        self.takes_class = len(heads) == 1 and heads[0].cost.link == "softmax"

    def definitions(self) -> list[str]:
        """Types and functions, in their order; what they call is told to the translator."""
        step = self._step()
        return [self._network_type(), self._init(), step]

    # --- state -------------------------------------------------------------------------------

    def _network_type(self) -> str:
        weights, L = self._source.weights_type, len(self._source.layers)
        slots = "".join(f", slot_{k}" for k in range(1, self._rule.slots + 1))
        return (
            "/* What training changes; rule[0] is the learning rate. */\n"
            "typedef struct {\n"
            f"    {weights} weights, gradient{slots};\n"
            f"    double rule[{int(HYPERPARAMETERS)}], memory[{L}][{int(RULE_MEMORY)}];\n"
            "    int32_t steps;\n"
            f"}} {self._prefix}_network;"
        )

    def _init(self) -> str:
        prefix, rule = self._prefix, array(self._optimizer.h, "float64")
        n = int(HYPERPARAMETERS)
        return (
            f"/* The network as it was exported, with an optimizer that has made no step. */\n"
            f"static inline void {prefix}_init({prefix}_network *net) {{\n"
            f"    static const double rule[{n}] = {rule};\n"
            f"    memset(net, 0, sizeof *net);\n"
            f"    net->weights = {prefix}_exported;\n"
            f"    memcpy(net->rule, rule, sizeof rule);\n"
            "}"
        )

    # --- one step ----------------------------------------------------------------------------

    def _step(self) -> str:
        source, real, prefix = self._source, self._real, self._prefix
        L, sizes = len(source.layers), source.sizes
        declared, lines = source.forward_lines()
        arrays = ", ".join(f"d{l}[{padded(sizes[l])}] = {{0}}" for l in range(1, L + 1))
        declared += [f"    {real} {arrays};", f"    {real} C = 0;"]
        lines += self._targets()
        for head, first in self._heads():
            lines += self._cost(head.cost, head.nodes, first, head.weight)
        for l in range(L, 0, -1):
            lines += self._backward(l, source.layers[l - 1])
        lines += self._updates()
        target = "int32_t y" if self.takes_class else f"const {real} *y"
        n = sizes[-1]
        what = (
            f"the class, 0 to {n - 1}, else NAN and no step" if self.takes_class else f"{n} targets"
        )
        return (
            f"/* One step on a sample; returns the cost before. y: {what}. */\n"
            f"static inline {real} {prefix}_step({prefix}_network *net, const {real} *x,"
            f" {target}) {{\n"
            f"    {source.weights_type} *weights = &net->weights, *gradient = &net->gradient;\n"
            + "\n".join([*declared, indices(lines)])
            + "".join(lines)
            + "    return C;\n}"
        )

    def _heads(self) -> Any:
        first = 0
        for head in self._source.network.spec.heads:
            yield head, first
            first += head.nodes

    def _targets(self) -> list[str]:
        """The array t that the cost compares with."""
        n, prefix = self._source.sizes[-1], self._prefix
        if self.takes_class:
            return [
                f"    {self._real} t[{n}] = {{0}};\n",
                f"    if (y < 0 || y >= {n}) return NAN;\n    t[y] = 1;\n",
            ]
        value = "y[i]"
        if self._source.network.of_targets is not None:
            of = f"{prefix}_target"
            value = f"({self._real})((y[i] - {of}_mean[i]) / {of}_scale[i])"
        return [f"    {self._real} t[{n}];\n", f"    for (i = 0; i < {n}; ++i) t[i] = {value};\n"]

    def _cost(self, cost: Cost, n: int, first: int, weight: float) -> list[str]:
        """C, and dC/da of the last layer in its d."""
        L, real = len(self._source.layers), self._real
        w = self._source.number(weight / (n if cost.reduction == "mean" else 1))
        a, t, d = (at(name, first) for name in (f"a{L}", "t", f"d{L}"))
        if cost.link == "softmax":
            loop = equations.softmax_loop(cost.label_smoothing)
            types: list[str | int] = [*["real*"] * 7, "int", 1]
            name = self._translator.procedure(loop, types, "softmax_cross_entropy")
            return [
                f"    {{ /* eq. (8): dC/du_i = p_i - y_i */\n"
                f"        {real} w[1] = {{{w}}}, C_head[1], m[1], z[1];\n"
                f"        {name}({a}, {t}, w, {d}, C_head, m, z, {n});\n"
                f"        C += C_head[0];\n    }}\n"
            ]
        assert cost.C is not None
        assert cost.dC_da is not None
        stem = identifiers([cost.name])[0]
        try:
            C = self._translator.scalar(cost.C, f"cost_{stem}")
            dC_da = self._translator.scalar(cost.dC_da, f"cost_derivative_{stem}")
        except UntranslatableError as error:
            raise ValueError(
                f"cost: got {cost.name!r}, which cannot be written in C ({error}); expected"
                " arithmetic, conditions, and functions of fastgrad.kernels.elementary"
            ) from None
        last = first + n
        return [
            f"    for (i = {first}; i < {last}; ++i) {{ /* eq. (12): dC/da_i = w C'(a_i, y_i) */\n"
            f"        C += {w} * {C}(a{L}[i], t[i]);\n"
            f"        d{L}[i] = {w} * {dC_da}(a{L}[i], t[i]);\n    }}\n"
        ]

    def _backward(self, l: int, layer: PortableLayer) -> list[str]:
        """(3), (5), (4) and (10) of a layer."""
        n_out, n_in = layer.W.shape
        lines = []
        if layer.f.name != "identity":
            df = self._source.activation(layer.f, l, derivative=True)
            lines.append(
                f"    for (i = 0; i < {n_out}; ++i) d{l}[i] *= {df}(u{l}[i]);"
                " /* eq. (3): dC/db_i = dC/da_i f'(u_i) */\n"
            )
        if l > 1:
            lines.append(self._backpropagation(l, n_out, n_in))
        if layer.settings["trainable"]:
            lines.append(self._gradient(l, n_out, n_in))
        return [*lines, *self._penalty(l, layer)]

    def _backpropagation(self, l: int, n_out: int, n_in: int) -> str:
        W, tag = f"weights->W{l}", "/* eq. (5): dC/da_j = sum_i dC/db_i W_ij */"
        if is_narrow(n_out):
            return (
                f"    for (i = 0; i < {n_out}; ++i) {tag}\n"
                f"        for (j = 0; j < {padded(n_in)}; ++j)\n"
                f"            d{l - 1}[j] += d{l}[i] * {W}[i * {padded(n_in)} + j];\n"
            )
        return (
            f"    for (j = 0; j < {n_in}; ++j) {{ {tag}\n"
            f"        {self._real} sum[{LANES}] = {{0}};\n"
            f"        for (i = 0; i < {padded(n_out)}; i += {LANES})\n"
            f"            for (k = 0; k < {LANES}; ++k)\n"
            f"                sum[k] += d{l}[i + k] * {W}[j * {padded(n_out)} + i + k];\n"
            f"        d{l - 1}[j] = {SUM_OF_LANES};\n    }}\n"
        )

    def _gradient(self, l: int, n_out: int, n_in: int) -> str:
        rows, columns = shape(n_out, n_in)
        row, column = ("i", "j") if is_narrow(n_out) else ("j", "i")
        return (
            f"    for ({row} = 0; {row} < {rows}; ++{row}) /* eq. (4): dC/dW_ij = dC/db_i a_j */\n"
            f"        for ({column} = 0; {column} < {columns}; ++{column})"
            f" gradient->W{l}[{row} * {columns} + {column}] = d{l}[i] * a{l - 1}[j];\n"
            f"    for (i = 0; i < {padded(n_out)}; ++i) gradient->b{l}[i] = d{l}[i];\n"
        )

    def _penalty(self, l: int, layer: PortableLayer) -> list[str]:
        """The terms of l1 and l2 in C and, by (10), in the gradient."""
        l1, l2 = layer.settings["l1"], layer.settings["l2"]
        if not (l1 or l2):
            return []
        types = ["real*", "real*", "real*", "int"]
        name = self._translator.procedure(equations.penalty, types, "penalty")
        options = [0.0] * 7
        options[regularizers.L1], options[regularizers.L2] = l1, l2
        options[regularizers.SHARE] = 1.0
        values = array(options, self._source.network.spec.dtype)
        first, second = self._source.number(l1), self._source.number(l2 / 2)
        absolute = "fabsf" if self._real == "float" else "fabs"
        lines = []
        if layer.settings["trainable"]:
            lines.append(f"        const {self._real} options[7] = {values};\n")
        penalized = self._parameters(l, layer)[: 1 + bool(layer.settings["penalize_biases"])]
        for parameters, n in penalized:
            w, g = f"weights->{parameters}", f"gradient->{parameters}"
            terms = [f"{first} * {absolute}({w}[i])"] * bool(l1)
            terms += [f"{second} * {w}[i] * {w}[i]"] * bool(l2)
            lines.append(f"        for (i = 0; i < {n}; ++i) C += {' + '.join(terms)};\n")
            if layer.settings["trainable"]:
                lines.append(f"        {name}({w}, {g}, options, {n});\n")
        tag = "/* eq. (10): dC/dW_ij = dC/dW_ij + l1 sign(W_ij) + l2 W_ij */"
        return [f"    {{ {tag}\n", *lines, "    }\n"]

    def _parameters(self, l: int, layer: PortableLayer) -> list[tuple[str, int]]:
        """The arrays of a layer, and how many numbers each has."""
        rows, columns = shape(*layer.W.shape)
        return [(f"W{l}", rows * columns), (f"b{l}", padded(len(layer.W)))]

    def _updates(self) -> list[str]:
        """The step of the optimizer, layer by layer."""
        pointers = ["real*"] * 6
        prepare = self._translator.procedure(
            self._rule.prepare, ["double*", "double*", "real*", "int"], "prepare"
        )
        update = self._translator.procedure(self._rule.update, [*pointers, "int"], "update")
        n = int(HYPERPARAMETERS)
        lines = ["    net->steps += 1;\n"]
        for l, layer in enumerate(self._source.layers, start=1):
            if not layer.settings["trainable"]:
                continue
            scale = float(layer.settings["lr_scale"] or 0)
            lines.append(
                f"    {{ /* the optimizer's step of layer {l} */\n"
                f"        {self._real} c[{int(CONSTANTS)}] = {{0}};\n"
                f"        double rule[{n}];\n"
                f"        memcpy(rule, net->rule, sizeof rule);\n"
                + (f"        rule[0] *= {scale!r};\n" if scale != 1 else "")
                + f"        {prepare}(rule, net->memory[{l - 1}], c, net->steps);\n"
            )
            for parameters, count in self._parameters(l, layer):
                slots = [f"net->slot_{k}" for k in range(1, self._rule.slots + 1)]
                given = [f"{of}->{parameters}" for of in ("weights", "gradient")]
                given += [f"{slot}.{parameters}" for slot in slots] + ["0"] * (3 - len(slots))
                lines.append(f"        {update}({', '.join(given)}, c, {count});\n")
            lines.append("    }\n")
        return lines
