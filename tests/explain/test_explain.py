"""The numbers behind a derivative: each follows from the others, and they are the engine's."""

import copy
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.explanations import assert_each_number_follows, example, small

import fastgrad as fg

ROOT = Path(__file__).parents[2]
OPTIMIZERS = [
    fg.SGD(0.1), fg.SGD(0.1, momentum=0.9, weight_decay=0.1), fg.SGD(0.1, 0.9, nesterov=True),
    fg.Adagrad(), fg.Adadelta(), fg.RMSprop(), fg.RMSprop(momentum=0.5, centered=True), fg.Adam(),
    fg.Adam(amsgrad=True), fg.AdamW(weight_decay=0.1), fg.NAdam(), fg.RAdam(), fg.Lion(),
    fg.Rprop(), fg.Adam().clip(norm=1e-3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "figures"),
    [
        ((2, 0, 0), "0.3775 0.593269992 0.596884378 1.10590597 0.75136507 0.772928465 0.298371109"
                    " 0.74136507 0.186815602 0.138498562 0.0821670406 0.35891648"),
        ((1, 0, 0), "0.3775 -0.217071535 -0.0380982366 0.0363503064 0.241300709 0.00877135468"
                    " 0.000438567728 0.149780716"),
    ],
)  # fmt: skip
def test_the_published_example_has_its_published_figures(place, figures):
    net, x, y = example()
    text = str(net.explain(x, y, *place, optimizer=fg.SGD(0.5), digits=9))
    found = [float(number) for number in re.findall(r"-?\d+\.\d+(?:e-\d+)?", text)]
    for figure in figures.split():
        assert np.isclose(found, float(figure), rtol=2e-8).any(), figure


def test_the_page_shows_what_is_printed():
    net, x, y = example()
    shown = re.search(r"```text\n(.*?)```", (ROOT / "docs/explain.md").read_text(), re.DOTALL)[1]
    assert str(net.explain(x, y, 2, 0, 0, optimizer=fg.SGD(0.5), digits=9)).endswith(shown[:-1])


@pytest.mark.parametrize("S", [1, 5, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", [(1, 3, 2), (2, 2, 1), (3, 1, 0), (1, 2, None), (3, 1, None)])
def test_the_derivative_is_that_of_gradients_to_the_last_bit(place, dtype, S):
    net, x, y = small(dtype=dtype, S=S)
    w = np.random.default_rng(1).uniform(size=S)
    explanation = net.explain(x, y, *place, sample_weight=w, sample=S - 1)
    g, (l, i, j) = net.gradients(x, y, w), place
    expected = g.dC_db[l - 1][i] if j is None else g.dC_dW[l - 1][i, j]
    assert explanation.value == expected
    assert explanation.steps[-1].value == expected
    assert {step.part for step in explanation.steps} == {"Forward", "Cost", "Backward", "Gradient"}


@pytest.mark.parametrize("S", [1, 5])
@pytest.mark.parametrize(
    ("cost", "activations"),
    [
        ("squared_error", "relu"), ("mse", ["sigmoid", "tanh", "sigmoid"]), ("mae", "tanh"),
        ("huber", "tanh"), ("log_cosh", "tanh"), ("softmax_cross_entropy", "tanh"),
        ("sigmoid_cross_entropy", "relu"), ("poisson", "tanh"), ("quantile(q=0.1)", "tanh"),
        ("softmax_cross_entropy(label_smoothing=0.1)", "relu"),
    ],
)  # fmt: skip
def test_each_number_follows_from_those_in_its_formula(cost, activations, S):
    net, x, y = small(cost, activations, S=S, l1=1e-3, l2=1e-2)
    checked = set()
    for place in ((1, 2, 1), (2, 1, 3), (3, 0, 2), (2, 1, None)):
        checked |= assert_each_number_follows(
            net.explain(x, y, *place, sample=S - 1, digits=17), 1e-11
        )
    equations = {"1", "2", "3", "4", "5"} if S == 1 else {"1s", "2", "3", "3s", "5s", "6", "7"}
    assert checked - {"8", *map(str, range(12, 23))} == equations | {"10"}


def test_numbers_of_float32_follow_too():
    net, x, y = small(dtype="float32", S=30, standardize=False)
    assert_each_number_follows(net.explain(x[:5], y[:5], 1, 0, 0, digits=17), 2e-5)


def test_standardised_inputs_and_targets():
    net, x, y = small(standardize=True, standardize_targets=True, S=6)
    net.fit(x, y, epochs=1)
    explanation = net.explain(x[:2], y[:2], 1, 1, 2, digits=17)
    assert_each_number_follows(explanation, 1e-11)
    assert explanation.steps[0].symbols == "a_0,s = (x_0,s - mean_0)·scale_0"


def test_two_kinds_of_outputs():
    net, x, y = small([("squared_error", 1), ("mae", 1, 0.5)], S=3)
    explanation = net.explain(x, [y[:, :1], y[:, 1:]], 1, 1, 2, digits=17)
    assert_each_number_follows(explanation)
    assert explanation.value == net.gradients(x, [y[:, :1], y[:, 1:]]).dC_dW[0][1, 2]


@pytest.mark.parametrize("S", [1, 5])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_the_next_value_is_that_of_a_step(optimizer, S):
    net, x, y = small(S=S, dropout=0.3, max_norm=0.8)
    optimizer = copy.deepcopy(optimizer)
    for _ in range(3):
        net.step(x, y, optimizer)
    before, state = net.parameters.copy(), copy.deepcopy(optimizer.state(net.engine.key, 0, 3))
    for place in ((1, 1, 2), (3, 1, None)):
        explanation = net.explain(x, y, *place, optimizer=optimizer, digits=17)
        assert_each_number_follows(explanation, 1e-11)
        twin, its = copy.deepcopy((net, optimizer))
        for layer in twin.layers[:-1]:
            layer.dropout = 0
        twin.step(x, y, its)
        layer = twin.layers[place[0] - 1]
        expected = layer.b[place[1]] if place[2] is None else layer.W[place[1], place[2]]
        assert explanation.next_value == expected
    assert np.array_equal(net.parameters, before)
    assert np.array_equal(optimizer.state(net.engine.key, 0, 3).steps, state.steps)


def test_a_frozen_layer_keeps_its_value():
    net, x, y = small()
    net.layers[1].trainable = False
    explanation = net.explain(x, y, 2, 0, 0, optimizer=fg.Adam())
    assert explanation.next_value == net.layers[1].W[0, 0]
    assert "frozen" in str(explanation)


def test_numbers_belong_together_while_another_thread_trains():
    net, x, y = small(S=32)
    optimizer = fg.Adam(0.01)
    fitting = threading.Thread(
        target=lambda: net.fit(x, y, epochs=4000, batch_size=8, optimizer=optimizer)
    )
    fitting.start()
    try:
        for _ in range(60):
            explanation = net.explain(x, y, 1, 1, 2, optimizer=optimizer, digits=17)
            assert_each_number_follows(explanation, 1e-10)
    finally:
        fitting.join()


@pytest.mark.filterwarnings("error")
def test_overflows_are_shown_without_a_warning():
    net = fg.Network([3, 2], "identity", cost="sigmoid_cross_entropy", seed=0)
    net.explain([1e4, -1e4, 1e4], [0, 1], optimizer=fg.Adam())
    net.layers[0].W[...] = 1e30
    net.explain([1e4, -1e4, 1e4], [0, 1], optimizer=fg.Adam())


def test_loops_are_where_they_are_said_to_be():
    net, x, y = small("softmax_cross_entropy", S=4, l2=0.1)
    one, many = (net.explain(x[:S], y[:S], 1, 0, 0, optimizer=fg.Adam()) for S in (1, 4))
    others = net.explain(x, y, 1, 0), small()[0].explain(x[0], y[0])
    loops = {step.loop for of in (one, many, *others) for step in of.steps if step.loop}
    tags = {loop.equation for loop in loops} - {""}
    assert tags == {"1", "1s", "2", "3", "3s", "4", "5", "5s", "6", "7", "8", "10", "13"}
    for loop in loops:
        lines = (ROOT / loop.file).read_text().splitlines()
        shown = loop.text.splitlines()
        found = lines[loop.line - 1 : loop.line - 1 + len(shown)]
        assert [line.strip() for line in found] == [line.strip() for line in shown]
        assert f"# eq. ({loop.equation}): " in loop.text or not loop.equation


@pytest.mark.parametrize(
    ("optimizer", "equations"),
    [
        (fg.SGD(), ["24"]), (fg.SGD(momentum=0.9), ["25", "25"]), (fg.Lion(), ["39"] * 3),
        (fg.Adam().clip(norm=0.1), ["33", "33", "23", "", "31", "32", "", "34"]),
        (fg.Adam(amsgrad=True), ["33", "33", "", "31", "32", "", "35", "34"]),
        (fg.RMSprop(centered=True), ["29", "29", "30", "30", "29", "29"]),
        (fg.RAdam(), ["", "31", "32", "", "34, 38"]),
        (fg.NAdam(), ["", "31", "32", "", "", "34, 37"]),
    ],
)  # fmt: skip
def test_the_lines_of_a_rule_have_the_equations_of_their_tags(optimizer, equations):
    net, x, y = small()
    steps = net.explain(x, y, 1, 0, 0, optimizer=optimizer).steps
    assert [step.equation for step in steps if step.part == "Update"] == equations


def test_a_large_network_is_abbreviated_and_the_parameter_is_shown():
    net = fg.Network([300, 100, 10], cost="softmax_cross_entropy", seed=0)
    x = np.random.default_rng(0).normal(size=300)
    explanation = net.explain(x, 3, 1, 50, 250)
    assert len(str(explanation).splitlines()) < 80
    assert re.search(r"·a_j\n.*more\) ", str(explanation))
    assert f"·{np.float32(x[250]):.6g} + ... (295 more)" in str(explanation)
    assert {step.symbols.split(" = ")[0] for step in explanation.steps} >= {"u_50", "dC/db_50"}


def test_samples_of_two_threads_and_of_large_batches():
    net, x, y = small(dtype="float32", S=500)
    net.fit(x, y, epochs=1, batch_size=500, threads=2)
    explanation = net.explain(x, y, 1, 0, 0, sample=321, digits=17)
    assert_each_number_follows(explanation, 1e-4)
    u = net.layers[0].W.astype(float) @ x[321] + net.layers[0].b
    np.testing.assert_allclose(explanation.steps[0].value, u[0], 1e-5)


def test_latex_is_what_matplotlib_can_set():
    mathtext = pytest.importorskip("matplotlib.mathtext")
    net, x, y = small("softmax_cross_entropy", S=4, l2=0.1)
    parser = mathtext.MathTextParser("path")
    for of in (net.explain(x, y, 1, 0, 0, optimizer=fg.Adam()), net.explain(x[0], y[0], 2, 1)):
        lines = of.to_latex().splitlines()
        assert (lines[0], lines[-1]) == (r"\begin{align*}", r"\end{align*}")
        for line in lines[1:-1]:
            formula = re.sub(r" \\tag\{\w+\}", "", line).removesuffix(" \\\\").replace("&", "")
            parser.parse(f"${formula}$")


def test_latex_and_html_have_the_symbols_of_the_derivation():
    net, x, y = example()
    explanation = net.explain(x, y, 1, 1, 0)
    assert r"u_{1} &= b_{1} + \sum_{j} W_{1,j} \cdot a_{j} \qquad (l = 1) \tag{1}" in (
        explanation.to_latex()
    )
    assert r"\mathrm{squared\_error}(a, y)" in explanation.to_latex()
    assert "u<sub>1</sub> = b<sub>1</sub> + Σ<sub>j</sub> W<sub>1,j</sub>·a<sub>j</sub>" in (
        explanation.to_html()
    )


class Balanced(HTMLParser):
    open: tuple = ()

    def handle_starttag(self, tag, attributes):
        if tag != "br":
            self.open += (tag,)

    def handle_endtag(self, tag):
        assert self.open[-1] == tag
        self.open = self.open[:-1]


def test_html_is_balanced():
    net, x, y = example()
    html = Balanced()
    html.feed(net.explain(x, y, optimizer=fg.Adam())._repr_html_())
    assert html.open == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 0}, "layer: got 0; expected an integer of at least 1"),
        ({"layer": 4}, "layer: got 4; expected an integer of at most 3"),
        ({"layer": 2, "i": 3}, "i: got 3; expected an integer of at most 2"),
        ({"j": -1}, "j: got -1; expected an integer of at least 0"),
        ({"sample": 2}, "sample: got 2; expected an integer of at most 1"),
        ({"digits": 18}, "digits: got 18; expected an integer of at most 17"),
        ({"optimizer": "adam"}, "optimizer: got 'adam'; expected one such as fg.Adam(1e-3)"),
        ({"optimizer": fg.LBFGS()}, "optimizer: got LBFGS for a mini-batch"),
    ],
)
def test_errors_are_one_line(arguments, message):
    net, x, y = small(S=2)
    with pytest.raises((ValueError, TypeError)) as error:
        net.explain(x, y, **arguments)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_what_explains_and_draws_is_not_imported_with_fastgrad():
    code = (
        "import re, sys, fastgrad as fg;"
        "print([m for m in sys.modules if re.match('fastgrad.(explain|play|plot)', m)]);"
        "print('plot' in dir(fg), fg.plot.history.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True", "history"]
