"""An explanation, and how it is shown: as text, HTML and LaTeX."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from .formulas import Formatter, html, latex
from .steps import Step

__all__ = ["Explanation"]


@dataclass(frozen=True, repr=False)
class Explanation:
    """How the derivative of the cost with respect to one parameter comes about.

    Printed, it is text; a notebook shows it as a table.

    Attributes
    ----------
    symbol : str
        The parameter: "W_0,1" is W[0, 1], "b_0" is b[0].
    layer : int
        l, from 1 to L.
    of : str
        The network and the samples.
    value : float
        The derivative, as in `Network.gradients`.
    next_value : float or None
        The parameter after one step of the optimizer, if there was one.
    steps : tuple of Step
        The numbers from the inputs to the derivative and the next value, in the order in which they
        are computed.
    digits : int
        Significant digits that are shown.
    """

    symbol: str
    layer: int
    of: str
    value: float
    next_value: float | None
    steps: tuple[Step, ...]
    digits: int

    @property
    def title(self) -> str:
        """The derivative and its value."""
        number = Formatter(self.digits).number(self.value)
        return f"dC/d{self.symbol} of layer {self.layer} = {number}"

    def __str__(self) -> str:
        """Text, with the file and line of each loop."""
        lines = [self.title, self.of]
        for part, steps in self._parts():
            lines += ["", part]
            for step, value in steps:
                number = f"({step.equation})" if step.equation else ""
                lines.append(f"  {number:5s} layer {step.layer}  {step.symbols}")
                of = f"  [{step.loop}]" if step.loop else ""
                same = step.numbers == value
                shown = f"= {value}" if same else f"= {step.numbers} = {value}"
                lines.append(f"{'':17s}{shown}{of}")
        return "\n".join(lines)

    __repr__ = __str__

    def _parts(self) -> Iterator[tuple[str, Iterator[tuple[Step, str]]]]:
        """The steps of each part, with their values as text."""
        write = Formatter(self.digits)
        for part, group in groupby(self.steps, key=lambda step: step.part):
            yield part, ((step, write.number(step.value)) for step in group)

    def to_latex(self) -> str:
        """The formulas, with symbols and with numbers, as an `align*` environment."""
        lines = []
        for _, steps in self._parts():
            for step, value in steps:
                left, _, right = step.symbols.partition(" = ")
                tag = f" \\tag{{{step.equation}}}" if step.equation else ""
                layer = f" \\qquad (l = {step.layer})"
                lines.append(f"{latex(left)} &= {latex(right or step.numbers)}{layer}{tag} \\\\")
                lines.append(f"&= {latex(step.numbers)} = {latex(value)} \\\\")
        body = "\n".join(lines).removesuffix(" \\\\")
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"

    def to_html(self) -> str:
        """A table, whose rows open to show the loops; without scripts, styles or outside links."""
        rows = []
        for part, steps in self._parts():
            rows.append(f'<tr><th colspan="4" scope="rowgroup">{escape(part)}</th></tr>')
            for step, value in steps:
                number = f"({step.equation})" if step.equation else ""
                shown = f"{html(step.symbols)}<br>= {escape(step.numbers)} = <b>{value}</b>"
                loop = step.loop and (
                    f"<details><summary>{escape(str(step.loop))}</summary>"
                    f"<pre>{escape(step.loop.text)}</pre></details>"
                )
                cells = (number, f"layer&nbsp;{step.layer}", shown, loop or "")
                rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        left = ' style="text-align: left; vertical-align: top"'
        caption = f"<caption{left}><b>{escape(self.title)}</b><br>{escape(self.of)}</caption>"
        table = "\n".join([caption, *rows]).replace("<td>", f"<td{left}>")
        return f"<table>{table.replace('<th ', f'<th{left} ')}</table>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_latex_(self) -> None:
        """HTML says more."""
