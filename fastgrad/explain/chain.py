"""The chain of numbers from a sample to one derivative: equations (1) to (10)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.batch import Batch
from ..kernels.costs import linked
from ..train.base import TrainableNetwork
from .arrays import GradientArrays
from .formulas import Formatter
from .loops import loop_of
from .steps import Place, Step
from .tracing import trace

__all__ = ["Chain"]

_MOST_NODES = 4  # of a layer that are shown


class Chain:
    """The steps of each part.

    Parameters
    ----------
    net : Network
        The network.
    batch : Batch
        The mini-batch.
    sample : int
        The sample whose numbers are followed.
    place : Place
        The parameter.
    arrays : GradientArrays
        What the passes have computed.
    write : Formatter
        Of the numbers.
    """

    def __init__(
        self, net: TrainableNetwork, batch: Batch, sample: int, place: Place,
        arrays: GradientArrays, write: Formatter,
    ) -> None:  # fmt: skip
        self.net, self.batch, self.sample, self.place = net, batch, sample, place
        self.arrays, self.write, self.L = arrays, write, len(net.layers)
        self.is_batch = len(batch.X) > 1
        weight = batch.weights[sample] if len(batch.weights) else 1.0
        self.share = float(weight) / len(batch.X)  # w_s / S
        identity = np.eye(net.n_outputs, dtype=net.dtype)
        self.y = identity[batch.ids[sample]] if len(batch.ids) else batch.Y[sample]

    def nodes(self, l: int) -> list[int]:
        """Those of a layer that are shown: the first ones, and those of the parameter."""
        place = self.place
        also = {place.l: [place.i], place.l - 1: [] if place.j is None else [place.j]}.get(l, [])
        n = self.net.sizes[l]
        first = range(min(n, _MOST_NODES if n <= _MOST_NODES else _MOST_NODES - 1))
        return sorted({*first, *also})

    def forward(self) -> Iterator[Step]:
        """Equations (1) and (2)."""
        inputs, x = self.net.inputs, self.batch.X[self.sample]
        if inputs.standardize:
            for j in self.nodes(0):
                given = (x[j], inputs.mean[j], inputs.scale[j])
                of, mean, scale = (self.write.factor(value) for value in given)
                numbers = f"({of} - {mean})·{scale}"
                symbols = f"a_{j} = (x_{j} - mean_{j})·scale_{j}"
                yield Step("Forward", "", 0, symbols, numbers, float(self.arrays.a[0][j]))
        loops = loop_of("1s" if self.is_batch else "1"), loop_of("2")
        for l, layer in enumerate(self.net.layers, start=1):
            name, before = self.net.spec.activations[l - 1].name, self.arrays.a[l - 1]
            also = self.place.j if l == self.place.l else None
            for i in self.nodes(l):
                u_i, a_i = float(self.arrays.u[l][i]), float(self.arrays.a[l][i])
                products = self.write.products(layer.W[i], before, also)
                numbers = f"{self.write.number(layer.b[i])} + {products}"
                symbols = f"u_{i} = b_{i} + Σ_j W_{i},j·a_j"
                yield Step("Forward", loops[0].equation, l, symbols, numbers, u_i, loops[0])
                numbers = f"{name}({self.write.number(u_i)})"
                yield Step("Forward", "2", l, f"a_{i} = f(u_{i})", numbers, a_i, loops[1])

    def cost(self) -> Iterator[Step]:
        """The cost of the mini-batch."""
        shown = ", ".join(map(self.write.number, self.arrays.a[self.L][:_MOST_NODES]))
        names = " + ".join(head.cost.name for head in self.net.heads)
        targets = ", ".join(map(self.write.number, self.y[:_MOST_NODES]))
        dots = ", ..." * (len(self.y) > _MOST_NODES)
        symbols, numbers = f"{names}(a, y)", f"{names}(({shown}{dots}), ({targets}{dots}))"
        if self.is_batch:
            symbols, numbers = f"Σ_s w_s/S·{symbols}", f"mean(..., {numbers}, ...)"
        if penalty := self.net.penalty:
            symbols += " + penalty"
            numbers += f" + {self.write.number(penalty)}"
        symbols = f"C = {symbols}"
        yield Step("Cost", "", self.L, symbols, numbers, self.arrays.C)

    def _output_derivatives(self) -> Iterator[tuple[int, Step]]:
        """Nodes of the last layer and their dC/da, by the cost of each head: (8) for softmax."""
        L, first = self.L, 0
        a = self.arrays.a[L]
        for head in self.net.heads:
            of = slice(first, first + head.nodes)
            cost, factor = head.cost, self.share * head.weight
            factor /= head.nodes if cost.reduction == "mean" else 1
            scale = "" if factor == 1 else f"{self.write.number(factor)}·"
            shown = [i for i in self.nodes(L) if i in range(of.start, of.stop)]
            if cost.link == "softmax":
                p = linked(a[of][None].copy(), "softmax")[0]
                keep = 1 - cost.label_smoothing
                y = keep * self.y[of] + cost.label_smoothing / head.nodes
                for i in shown:
                    p_i, y_i = float(p[i - first]), float(y[i - first])
                    numbers = f"{self.write.number(p_i)} - {self.write.factor(y_i)}"
                    numbers = f"{scale}({numbers})" if scale else numbers
                    symbols = f"dC/da_{i} = {'w_s/S·(' if scale else ''}p_{i} - y_{i}"
                    symbols += ")" * bool(scale)
                    value = factor * (p_i - y_i)
                    yield i, Step("Backward", "8", L, symbols, numbers, value, loop_of("8"))
            else:
                for i in shown:
                    yield i, self._derivative_of(cost, i, float(a[i]), float(self.y[i]), factor)
            first = of.stop

    def _derivative_of(self, cost: Any, i: int, a_i: float, y_i: float, factor: float) -> Step:
        """dC/da_i of a cost that is a sum over nodes, by the lines of its function."""
        scale = "" if factor == 1 else f"{self.write.number(factor)}·"
        try:
            names = dict(zip(("a", "y"), (a_i, y_i), strict=True))
            *_, line = trace(cost.dC_da, names, self.write)
            symbols, numbers, value = line.symbols, line.numbers, line.value
        except (OSError, TypeError, SyntaxError, NotImplementedError, NameError):
            value = float(cost.dC_da(a_i, y_i))
            symbols, numbers = f"{cost.name}'(a, y)", self.write.number(value)
        shown = f"dC/da_{i} = {'factor·(' if scale else ''}{symbols}{')' * bool(scale)}"
        numbers = f"{scale}({numbers})" if scale else numbers
        return Step("Backward", "", self.L, shown, numbers, factor * value)

    def backward(self) -> Iterator[Step]:
        """Equations (3) and (5), from the last layer down to that of the parameter."""
        before = {}  # dC/da of each node shown
        for i, step in self._output_derivatives():
            before[i] = step.value
            yield step
        yield from self._bias_derivatives(self.L, before)
        loop = loop_of("5s" if self.is_batch else "5")
        for l in range(self.L - 1, self.place.l - 1, -1):
            W, d = self.net.layers[l].W, self.arrays.d[l + 1]
            before = {}
            for j in [self.place.i] if l == self.place.l else self.nodes(l):
                numbers = self.write.products(d, W[:, j])
                value = float(d.astype(float) @ W[:, j].astype(float))
                symbols = f"dC/da_{j} = Σ_i dC/db_i·W_i,{j}"
                before[j] = value
                yield Step("Backward", loop.equation, l, symbols, numbers, value, loop)
            yield from self._bias_derivatives(l, before)

    def _bias_derivatives(self, l: int, before: dict[int, float]) -> Iterator[Step]:
        """Equation (3)."""
        loop = loop_of("3s" if self.is_batch and l < self.L else "3")
        for i in [self.place.i] if l == self.place.l else self.nodes(l):
            d_i, df_i = float(self.arrays.d[l][i]), float(self.arrays.df[l][i])
            numbers = f"{self.write.factor(before[i])}·{self.write.factor(df_i)}"
            symbols = f"dC/db_{i} = dC/da_{i}·f'(u_{i})"
            yield Step("Backward", loop.equation, l, symbols, numbers, d_i, loop)

    def gradient(self, value: float) -> Iterator[Step]:
        """Equations (4), or (6) and (7), and (10)."""
        l, i, j = self.place
        layer, symbol, d_i, a_j = (
            self.net.layers[l - 1], self.place.symbol, self.arrays.d_i, self.arrays.a_j,
        )  # fmt: skip
        is_penalized = (layer.l1 or layer.l2) and (j is not None or layer.penalize_biases)
        of_cost = float(d_i.astype(float) @ a_j) if is_penalized else value
        if self.is_batch:
            loop = loop_of("6" if j is None else "7")
            symbols = f"dC/d{symbol} = Σ_s dC/db_s,{i}" + ("" if j is None else f"·a_s,{j}")
            numbers = self.write.products(d_i, a_j, self.sample)
            if j is None:
                numbers = self.write.sum([self.write.factor(d) for d in d_i], self.sample)
            yield Step("Gradient", loop.equation, l, symbols, numbers, of_cost, loop)
        elif j is None:
            numbers = self.write.number(d_i[0])
            yield Step("Gradient", "3", l, f"dC/d{symbol}", numbers, of_cost, loop_of("3"))
        else:
            numbers = self.write.products(d_i, a_j)
            symbols = f"dC/d{symbol} = dC/db_{i}·a_{j}"
            yield Step("Gradient", "4", l, symbols, numbers, of_cost, loop_of("4"))
        if is_penalized:
            w = self.place.of([(each.W, each.b) for each in self.net.layers])
            write = self.write
            numbers = (
                f"{write.number(of_cost)} + {write.number(layer.l1)}·{write.factor(np.sign(w))}"
                f" + {write.number(layer.l2)}·{write.factor(w)}"
            )
            symbols = f"dC/d{symbol} = dC/d{symbol} + l1·sign({symbol}) + l2·{symbol}"
            yield Step("Gradient", "10", l, symbols, numbers, value, loop_of("10"))
