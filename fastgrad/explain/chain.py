"""The chain of numbers from a sample to one derivative: equations (1) to (10)."""

from collections.abc import Iterator

import numpy as np

from ..engine.batch import Batch
from ..train.base import TrainableNetwork
from .arrays import GradientArrays
from .costs import output_derivatives
from .formulas import Formatter
from .loops import Loop, loop_of
from .steps import Place, Step

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
        self.arrays, self.write = arrays, write
        self.is_batch = len(batch.X) > 1
        self.s = ",s" if self.is_batch else ""  # the index of the sample, in symbols
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
                symbols = f"a_{j}{self.s} = (x_{j}{self.s} - mean_{j})·scale_{j}"
                yield Step("Forward", "", 0, symbols, numbers, float(self.arrays.a[0][j]))
        loops = self._loop("1"), loop_of("2")
        for l, layer in enumerate(self.net.layers, start=1):
            name, before = self.net.spec.activations[l - 1].name, self.arrays.a[l - 1]
            also = self.place.j if l == self.place.l else None
            for i in self.nodes(l):
                u_i, a_i = float(self.arrays.u[l][i]), float(self.arrays.a[l][i])
                products = self.write.products(layer.W[i], before, also)
                numbers = f"{self.write.number(layer.b[i])} + {products}"
                symbols = f"u_{i}{self.s} = b_{i} + Σ_j W_{i},j·a_j{self.s}"
                yield Step("Forward", loops[0].equation, l, symbols, numbers, u_i, loops[0])
                numbers = f"{name}({self.write.number(u_i)})"
                symbols = f"a_{i}{self.s} = f(u_{i}{self.s})"
                yield Step("Forward", "2", l, symbols, numbers, a_i, loops[1])

    def cost(self) -> Iterator[Step]:
        """The cost of the mini-batch."""
        shown = ", ".join(map(self.write.number, self.arrays.a[-1][:_MOST_NODES]))
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
        yield Step("Cost", "", len(self.net.layers), symbols, numbers, self.arrays.C)

    def backward(self) -> Iterator[Step]:
        """Equations (3) and (5), from the last layer down to that of the parameter."""
        net, L = self.net, len(self.net.layers)
        of_outputs = net.heads, self.arrays.a[L], self.y, self.share, self._followed(L), L
        derivatives = dict(output_derivatives(*of_outputs, self.s, self.write))
        yield from self._through_activations(L, derivatives)
        for l in range(L - 1, self.place.l - 1, -1):
            yield from self._through_activations(l, self._through_weights(l))

    def _followed(self, l: int) -> list[int]:
        """The nodes of a layer that are shown on the way back: at its end the parameter's alone."""
        return [self.place.i] if l == self.place.l else self.nodes(l)

    def _through_weights(self, l: int) -> dict[int, Step]:
        """Equation (5), by node of layer l."""
        loop, W, d = self._loop("5"), self.net.layers[l].W, self.arrays.d[l + 1]
        steps = {}
        for j in self._followed(l):
            numbers = self.write.products(d, W[:, j])
            symbols = f"dC/da_{j}{self.s} = Σ_i {self._d('i')}·W_i,{j}"
            value = float(d.astype(float) @ W[:, j].astype(float))
            steps[j] = Step("Backward", loop.equation, l, symbols, numbers, value, loop)
        return steps

    def _through_activations(self, l: int, before: dict[int, Step]) -> Iterator[Step]:
        """The steps before, and equation (3)."""
        yield from before.values()
        loop = self._loop("3") if l < len(self.net.layers) else loop_of("3")
        name, write = self.net.spec.activations[l - 1].name, self.write
        for i, dC_da in before.items():
            d_i, df_i = float(self.arrays.d[l][i]), float(self.arrays.df[l][i])
            numbers = f"{name}'({write.number(float(self.arrays.u[l][i]))})"
            slope = f"f'(u_{i}{self.s})"
            yield Step("Backward", loop.equation, l, slope, numbers, df_i, loop)
            numbers = f"{write.factor(dC_da.value)}·{write.factor(df_i)}"
            symbols = f"{self._d(i)} = dC/da_{i}{self.s}·{slope}"
            yield Step("Backward", loop.equation, l, symbols, numbers, d_i, loop)

    def _d(self, i: int | str) -> str:
        """dC/db of a node, of one sample d_is: the derivative of the mini-batch is their sum."""
        return f"d_{i},s" if self.is_batch else f"dC/db_{i}"

    def _loop(self, equation: str) -> Loop:
        """That of one sample, or of many."""
        return loop_of(f"{equation}s" if self.is_batch else equation)

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
            symbols = f"dC/d{symbol} = Σ_s d_{i},s" + ("" if j is None else f"·a_{j},s")
            if j is None:
                numbers = self.write.sum(len(d_i), lambda s: self.write.factor(d_i[s]), self.sample)
            else:
                numbers = self.write.products(d_i, a_j, self.sample)
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
