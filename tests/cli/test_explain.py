"""The command line: `fastgrad explain`."""

import json
from pathlib import Path

import pytest

import fastgrad as fg
from fastgrad.cli.main import main


def test_the_value_is_the_derivative_of_the_network(run, model, flowers):
    out = run("explain", model, "flowers.csv", "--node", "2", "--input", "length", "--digits", "9")
    table = fg.TableModel.load(model)
    samples = table.read_like("flowers.csv", target="species")
    X, net = table.encoded(samples.inputs)[:1], table.networks[0]
    y = table.targets.transform(samples.labels)[:1]
    expected = net.gradients(X, y).dC_dW[0][2, 0]
    assert out.startswith(f"dC/dW_2,0 of layer 1 = {expected:.9g}\n")
    assert "[fastgrad/kernels/equations.py:" in out
    assert "\ninputs, as the model encodes them: a_0 length, a_1 " in out
    assert "\ny: species\n" in out


def test_rows_optimizer_and_json(run, model, flowers):
    of = ("explain", model, "flowers.csv", "--rows", "3:9", "--layer", "2", "--input", "1")
    found = json.loads(run(*of, "--optimizer", "sgd", "--learning-rate", "0.5", "--json"))
    net = fg.TableModel.load(model).networks[0]
    assert found["parameter"] == "W_0,1"
    assert found["next value"] == pytest.approx(net.layers[1].W[0, 1] - 0.5 * found["value"])
    assert {step["equation"] for step in found["steps"]} >= {"1s", "2", "8", "7"}


@pytest.mark.parametrize(("name", "begin"), [("html", "<table>"), ("latex", r"\begin{align*}")])
def test_other_formats_into_a_file(run, model, flowers, name, begin):
    assert run("explain", model, "flowers.csv", "--format", name, "-o", "out.txt") == ""
    assert Path("out.txt").read_text().startswith(begin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--node", "8"], "--node: got 8; expected an integer of at most 7"),
        (["--input", "lenght"], "--input: got 'lenght'; did you mean 'length'"),
        (["--layer", "2", "--input", "length"], "--input: got 'length'; expected the number of a"),
        (["--rows", "60"], "--rows: got 60; expected an integer of at most 59"),
        (["--learning-rate", "0.1"], "--learning-rate: got 0.1 without an optimizer; expected bo"),
        (["--optimizer", "momentum"], "--optimizer: got 'momentum'; expected one of adadelta, ad"),
        (["--rows", "5:5"], "--rows: got '5:5'; expected the first row below the last"),
        (["--rows", "x"], "--rows: got 'x'; expected a row such as 3, or rows 0:32"),
        (["--member", "2"], "--member: got 2; expected an integer of at most 1"),
        (["--digits", "99"], "--digits: got 99; expected an integer of at most 17"),
    ],
)
def test_errors(capsys, model, flowers, arguments, message):
    assert main(["explain", model, "flowers.csv", *arguments]) == 2
    assert message in capsys.readouterr().err
