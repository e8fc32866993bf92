"""What a notebook shows of a network and of a history: well-formed, escaped, fast, and true."""

import math
import subprocess
import sys
import timeit
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import fastgrad as fg

SVG = "{http://www.w3.org/2000/svg}"
X = np.linspace(-1, 1, 60).reshape(20, 3)
Y = X[:, :2]


def parsed(shown):
    """The HTML as a tree: unescaped names or open elements would not be XML."""
    html = shown._repr_html_()
    assert not any(word in html for word in ("<script", "href", "url(", "@import", "src="))
    assert html.count("http") == html.count('xmlns="http://www.w3.org/2000/svg"')
    return ET.fromstring(f"<body>{html}</body>")


def title(tree):
    return tree.find("div").text


def cells(tree):
    """The rows of the table by their first cell."""
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]
    return {row[0]: row[1:] for row in rows}


def drawn(tree):
    """The paths of the drawing by their colour, as lists of points."""
    return {
        path.get("stroke"): [
            tuple(map(float, point.split()))
            for point in path.get("d").replace("h0", "").replace("M", "L").split("L")[1:]
        ]
        for path in tree.iter(f"{SVG}path")
        if path.get("stroke")
    }


def test_a_network():
    net = fg.Network(
        [3, 1200, 2], "tanh", cost="mse", dtype="float64", seed=0, dropout=0.5, standardize=True
    )
    net.layers[1].trainable = False
    tree = parsed(net)
    assert title(tree) == "Network, 7,202 parameters; cost mse; float64; " + (
        "biases are 0, as before training"
    )
    assert cells(tree) == {
        "": ["nodes", "activation", "W", "parameters", "settings"],
        "inputs": ["3", "", "", "", "standardize True"],
        "layer 1": ["1,200", "tanh", "1,200 x 3", "4,800", "dropout 0.5"],
        "layer 2": ["2", "identity", "2 x 1,200", "2,402", "trainable False"],
    }
    assert [text.text for text in tree.iter(f"{SVG}text")] == ["3", "1,200", "2"]
    assert len(list(tree.iter(f"{SVG}circle"))) == 3 + 6 + 2
    assert len(list(tree.iter(f"{SVG}path"))) == 3 * 6 + 6 * 2
    assert sum(layer.W.size + layer.b.size for layer in net.layers) == 7202


def test_a_trained_network_and_its_names():
    net = fg.Network([3, 4, 2], seed=0, standardize=True, standardize_targets=True)
    net.fit(X, Y, epochs=2)
    net.inputs.names = ["<b>width", "a & b", "</table>"]
    tree = parsed(net)
    assert "before training" not in title(tree)
    expected = "standardize True, standardized True; names <b>width, a & b, </table>"
    assert cells(tree)["inputs"][-1] == expected
    assert cells(tree)["targets"][-1] == "standardize True, standardized True"


def test_several_costs_and_functions_of_ones_own():
    cube = fg.Activation("<cube>", lambda u: u**3, lambda u: 3 * u * u)
    cost = [("softmax_cross_entropy", 3), ("mse", 1, 0.5)]
    tree = parsed(fg.Network([3, 5, 4], [cube, "identity"], cost=cost))
    assert "cost softmax_cross_entropy (3) + mse (1)" in title(tree)
    assert cells(tree)["layer 1"][1] == "<cube>"


def test_a_network_that_waits_is_not_made():
    net = fg.Network([3, 5, 2])
    parsed(net)
    assert not net.is_built
    assert "_parameters" not in vars(net)
    net.parameters[:] = 1
    assert "before training" not in title(parsed(net))


def test_a_deep_network_has_no_drawing():
    tree = parsed(fg.Network([2] * 40))
    assert tree.find(f"{SVG}svg") is None
    assert len(cells(tree)) == 41


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_of_weights_that_are_not_finite(value):
    net = fg.Network([3, 2])
    net.parameters[:] = value
    assert "6 parameters" not in title(parsed(net))
    assert "8 parameters" in title(parsed(net))


def history(cost, val_cost=(), stopped=None, **metrics):
    return fg.History(
        100, cost=list(cost), val_cost=list(val_cost), metrics=metrics, stopped=stopped
    )


def test_a_history():
    tree = parsed(
        history([3, 1, 2], [4, 3, 2.5], val_f1=[0.25, 0.75, 0.5], own=[1, 2, 3], stopped="<why>")
    )
    assert title(tree) == "History, 3 epochs; stopped: <why>"
    assert cells(tree) == {
        "": ["first", "best", "in epoch", "last"],
        "cost": ["3", "1", "2", "2"],
        "val_cost": ["4", "2.5", "3", "2.5"],
        "val_f1": ["0.25", "0.75", "2", "0.5"],
        "own": ["1", "", "", "3"],
    }
    cost, val_cost = (curve for color, curve in drawn(tree).items() if color != "currentColor")
    top, bottom = 6, 102
    height = (bottom - top) / (4 - 1)
    for curve, values in ((cost, [3, 1, 2]), (val_cost, [4, 3, 2.5])):
        expected = [(6 + 160 * k, bottom - height * (v - 1)) for k, v in enumerate(values)]
        np.testing.assert_allclose(curve, expected, atol=0.051)


def test_a_logarithmic_scale_where_it_helps():
    (curve,) = drawn(parsed(history([100, 10, 1]))).values()
    np.testing.assert_allclose(np.diff(curve, axis=0), [[160, 48]] * 2, atol=0.11)


def test_gaps_where_the_cost_is_not_finite():
    tree = parsed(history([3, math.nan, 2, 1, math.inf], [math.nan] * 5))
    assert [len(curve) for curve in drawn(tree).values()] == [3, 0]
    paths = [path.get("d") for path in tree.iter(f"{SVG}path")]
    assert paths[0].count("M") == 2
    assert cells(tree)["cost"] == ["3", "1", "4", "inf"]
    assert cells(tree)["val_cost"] == ["nan", "", "", "nan"]


@pytest.mark.parametrize(
    "shown",
    [
        history([]),
        history([1]),
        history([math.nan]),
        history([math.nan] * 3),
        history([0, 0, 0]),
        history([-1e308, 1e308]),
        history([1, 2], [1]),
        history([], [1, 2]),
        history([5e-324, 1.0]),
        fg.Network([1, 1]),
    ],
    ids=repr,
)
def test_whatever_it_holds(shown):
    assert title(parsed(shown))


@pytest.mark.parametrize(
    "shown",
    [history(1 / np.arange(1, 10_001)), fg.Network([8] * 12), fg.Network([2000, 2000, 2000])],
    ids=["history", "deep", "wide"],
)
def test_it_is_fast(shown):
    shown._repr_html_()
    assert min(timeit.repeat(shown._repr_html_, number=1, repeat=20)) < 0.02


def test_import_does_not_need_it():
    code = (
        "import sys, fastgrad; late = {'fastgrad.markup', 'matplotlib'};"
        "assert not late & set(sys.modules), late & set(sys.modules);"
        "fastgrad.Network([2, 1])._repr_html_(); fastgrad.History(1)._repr_html_();"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
