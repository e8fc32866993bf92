"""Each stage of an equation computes what the one before does, and the page shows them."""

import json
import platform
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
from helpers.run_mode import jitted_only

from benches.stages import chart
from benches.stages.__main__ import EQUATIONS, stages
from benches.stages.arrays import Layer, rows_of
from benches.stages.assembly import assembly, innermost_loop

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "stages.md").read_text()
RESULT = ROOT / "docs" / "_static" / "stages.json"
MEASURED = json.loads(RESULT.read_text())
SOURCES = [*(ROOT / "benches" / "stages").glob("*.py"), ROOT / "fastgrad/kernels/equations.py"]


@jitted_only
@pytest.mark.parametrize("equation", EQUATIONS)
def test_each_stage_computes_what_the_one_before_does(equation):
    layer = Layer(n=32, samples=48)
    W, b, a, d = (array.astype(float) for array in (layer.W, layer.b, layer.a, layer.d))
    before = {1: a @ W.T + b, 5: d @ W, 7: d.T @ a}[equation]
    for name, function, in_panels, _ in stages(equation):
        arguments = layer.arguments(equation, in_panels)
        function(*arguments)
        result = rows_of(arguments[-1])
        np.testing.assert_allclose(result, before, rtol=1e-4, atol=1e-4, err_msg=name)
        before = result


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("py"))
def test_the_page_shows_the_code_as_it_is(block):
    code = "\n".join(path.read_text() for path in SOURCES)
    assert any(textwrap.indent(block, " " * depth) in code for depth in (0, 4))


@pytest.mark.parametrize("block", blocks("text"))
def test_the_page_shows_instructions_that_were_seen(block):
    loops = MEASURED["loops of equation 1"].values()
    shown = [line.split() for line in block.splitlines()]
    assert any(all(line in [each.split() for each in loop] for line in shown) for loop in loops)


def test_the_page_shows_the_shares_that_were_measured():
    rows = re.findall(r"^\| \d\. .*? \| (.*?) % \| (.*?) % \| (.*?) % \|$", PAGE, re.MULTILINE)
    shares = [100 * row["share of the peak"] for row in MEASURED["stages"]]
    by_equation = np.reshape(shares, (3, -1)).T
    assert len(rows) == len(by_equation)
    for shown, measured in zip(rows, by_equation, strict=True):
        assert [f"{float(s):.2g}" for s in shown] == [f"{m:.2g}" for m in measured]


def test_the_chart_can_be_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "stages.json"
    path.write_text(RESULT.read_text())
    chart.draw(path)
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@jitted_only
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="instructions of x86")
def test_the_innermost_loop_is_found():
    arguments = Layer(n=32, samples=16).arguments(1, in_panels=False)
    loop = innermost_loop(assembly(EQUATIONS[1].compiled, arguments))
    assert any("mul" in line for line in loop)
    assert "j" in loop[-1].split()[0]
