"""TargetEncoder: from labels and numbers to what a cost compares with, and back."""

import datetime
import json

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.data.targets import TargetEncoder
from fastgrad.kernels.costs import COSTS

NUMBERS = np.array([3.0, 5.5, 4.25, 100.0])


# --- fit and transform ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "task", "classes", "ids"),
    [
        (["no", "yes", " no "], None, ["no", "yes"], [0, 1, 0]),
        (["1.0", "10", "2.0", "1"], None, ["1.0", "2.0", "10"], [0, 2, 1, 0]),
        (["042", "42", "V27", "7", "007"], None, ["007", "7", "042", "42", "V27"], [2, 3, 4, 1, 0]),
        ([3, 1, 3], None, [1, 3], [1, 0, 1]),
        ([True, False], None, [False, True], [1, 0]),
        (["4", "f", "r", "4"], None, ["4", "f", "r"], [0, 1, 2, 0]),
        ([f"{2**53}", f"{2**53 + 1}"], None, [f"{2**53}", f"{2**53 + 1}"], [0, 1]),
        (["0.5", "1.5", "x"], "classification", ["0.5", "1.5", "x"], [0, 1, 2]),
        (np.array(["b", "a"]), None, ["a", "b"], [1, 0]),
        (np.array([7, 3, 7]), None, [3, 7], [1, 0, 1]),
        (np.array([-1.0, 1.0]), None, [-1.0, 1.0], [0, 1]),
        (np.array([0.5, 2.0, 0.5], np.float32), "classification", [0.5, 2.0], [0, 1, 0]),
        (np.array([True, False]), None, [False, True], [1, 0]),
        (np.arange(30), "classification", list(range(30)), list(range(30))),
        (np.array([2**60, 2**60 + 1]), None, [2**60, 2**60 + 1], [0, 1]),
        ([f"{2**60 + 1}", f"{2**60}"], None, [f"{2**60}", f"{2**60 + 1}"], [1, 0]),
        (np.array([0.0, -0.0, 0.5]), "classification", [0.0, 0.5], [0, 0, 1]),
    ],
)
def test_labels_stay_as_they_are_given(y, task, classes, ids):
    encoder = TargetEncoder.fit(y, task)
    assert encoder.task == "classification"
    assert encoder.classes == classes
    assert [type(label) for label in encoder.classes] == [type(label) for label in classes]
    encoded = encoder.transform(y)
    assert encoded.dtype == np.int64
    assert encoded.tolist() == ids


@pytest.mark.parametrize("y", [NUMBERS, [str(number) for number in NUMBERS], np.arange(21)])
def test_numbers_of_many_values_or_not_whole_are_no_classes(y):
    encoder = TargetEncoder.fit(y)
    assert (encoder.task, encoder.classes) == ("regression", None)
    assert encoder.transform(y).tolist() == [float(number) for number in y]


def test_whole_numbers_are_classes_with_and_without_a_decimal_point():
    encoder = TargetEncoder.fit(np.array([0.5, 1.0, 2.0]), "classification")
    assert encoder.transform(np.array([1.0, 1.0])).tolist() == [1, 1]
    assert encoder.transform(["1", "2.00", "0.5"]).tolist() == [1, 2, 0]
    assert TargetEncoder.fit([3, 4]).transform(np.array([4.0, 3.0])).tolist() == [1, 0]


def test_codes_are_compared_as_they_are_written():
    encoder = TargetEncoder.fit(["042", "42", "V27"])
    assert encoder.transform(["042", "042"]).tolist() == [0, 0]
    assert encoder.transform(["42", "V27"]).tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"y\[0\]: unknown class '0042'.* \(and 1 more\)"):
        encoder.transform(["0042", "42", "43"])


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        ([], None, r"y: got shape \(0,\); expected at least one target, \(S,\)"),
        (np.zeros((3, 2)), None, r"y: got shape \(3, 2\); expected at least one target, \(S,\)"),
        (np.array([1.0, np.nan]), None, r"y\[1\]: missing value"),
        (np.array([1.0, np.inf]), "regression", r"y\[1\]: got 'inf'; expected a finite number"),
        (["1_0", "2"], "regression", r"y\[0\]: got '1_0'; expected a number"),
        (["٣", "2"], "regression", r"y\[0\]: got '٣'; expected a number"),
        (["1", "x", "y"], "regression", r"y\[1\]: got 'x'; expected a number \(and 1 more\)"),
        ([*map(str, range(30)), "unknown"], None, r"y\[30\]: got 'unknown'; expected a number"),
        (["$1", "$2", "$2"], None, r"y\[0\]: got '\$1'; expected a number written plainly"),
        (
            [f"name {k}" for k in range(30)],
            None,
            r"y\[0\]: .* different values, some of them repea",
        ),
        ([None, "a"], None, r"y\[0\]: missing value"),
        (["a", "b"], "regression", r"y\[0\]: got 'a'; expected a number"),
        (["a", ""], None, r"y\[1\]: missing value; fill it in or leave the row or the column out"),
        ([3, 3], None, r"y\[0\]: every target is '3'; expected two classes or more \("),
    ],
)
def test_targets_that_cannot_be_encoded(y, task, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        TargetEncoder.fit(y, task)


def test_an_unknown_class_is_named_with_its_place():
    encoder = TargetEncoder("classification", ["setosa", "virginica"])
    message = (
        r"^row 1: unknown class 'virginca'; did you mean 'virginica'\? "
        "expected one of setosa, virginica$"
    )
    with pytest.raises(ValueError, match=message):
        encoder.transform(["setosa", "virginca"], lambda s: f"row {s}")


# --- what a cost compares with -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cost", "n_outputs", "expected"),
    [
        ("softmax_cross_entropy", 2, [0, 1]),
        ("sigmoid_cross_entropy", 1, [0, 1]),
        ("sigmoid_cross_entropy", 2, [[1, 0], [0, 1]]),
        ("mse", 2, [[1, 0], [0, 1]]),
        ("hinge", 1, [-1, 1]),
        ("hinge", 2, [[1, -1], [-1, 1]]),
    ],
)
def test_a_network_takes_what_is_encoded_for_its_cost(cost, n_outputs, expected):
    encoder = TargetEncoder("classification", ["no", "yes"])
    net = fg.Network([1, n_outputs], cost=cost, seed=0)
    Y = encoder.encode(encoder.transform(["no", "yes"]), net.cost_function, net.n_outputs)
    assert Y.tolist() == expected
    assert np.isfinite(net.cost(np.ones((2, 1)), Y))


# --- outputs -------------------------------------------------------------------------------------


def test_probabilities_of_one_logistic_output():
    encoder, p = TargetEncoder("classification", ["no", "yes"]), np.array([[0.25], [0.75]])
    assert encoder.probabilities(p).tolist() == [[0.75, 0.25], [0.25, 0.75]]
    labels = encoder.decode(p, COSTS["sigmoid_cross_entropy"])
    assert labels.tolist() == ["no", "yes"]
    both = np.array([[0.75, 0.25], [0.25, 0.75]])
    assert encoder.probabilities(both) is both
    assert encoder.decode(both, COSTS["softmax_cross_entropy"]).tolist() == ["no", "yes"]


def test_one_output_of_the_hinge_cost_is_decided_by_its_sign():
    encoder = TargetEncoder("classification", [-1, 1])
    a = np.array([[-0.1], [0.1], [2.0]])
    assert encoder.decode(a, COSTS["hinge"]).tolist() == [-1, 1, 1]


# --- metadata of a model -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoder",
    [
        TargetEncoder("classification", ["no", "yes"], "answer"),
        TargetEncoder("classification", [3, 7]),
        TargetEncoder("regression", None, "price"),
    ],
)
def test_metadata_describes_the_encoder(encoder):
    metadata = json.loads(json.dumps(encoder.metadata))
    assert metadata.keys() == {"task", "classes", "target"}
    assert TargetEncoder.from_metadata({**metadata, "n_inputs": 3}) == encoder


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "task: got None; expected one of classification, regression"),
        ({"task": "ranking"}, "task: got 'ranking'; expected one of classification, regression"),
        ({"task": "classification"}, "classes: got None; expected a list of two or more"),
        (
            {"task": "classification", "classes": ["no"]},
            r"classes: got \['no'\]; expected a list of two or more",
        ),
    ],
)
def test_metadata_that_describes_no_encoder(metadata, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        TargetEncoder.from_metadata(metadata)


def test_the_outputs_must_be_as_many_as_the_classes():
    encoder = TargetEncoder("classification", ["no", "yes"])
    message = "^classes: got 2; expected one per output, 3$"
    with pytest.raises(ValueError, match=message):
        encoder.encode(np.array([0, 1]), COSTS["mse"], 3)
    with pytest.raises(ValueError, match=message):
        encoder.decode(np.zeros((2, 3)), COSTS["mse"])


@pytest.mark.parametrize(
    ("cost", "n_outputs", "classes"),
    [
        ("softmax_cross_entropy", 3, ["0", "1", "2"]),
        ("sigmoid_cross_entropy", 1, ["0", "1"]),
        ("mse", 3, None),
    ],
)
def test_the_cost_decides_where_there_is_no_metadata(cost, n_outputs, classes):
    encoder = TargetEncoder.from_cost(COSTS[cost], n_outputs)
    assert encoder.classes == classes
    assert encoder.task == ("classification" if classes else "regression")


def test_dates_are_no_targets():
    days = np.array(["2020-01-01", "2021-05-03"], dtype="M8[us]")
    message = r"y\[0\]: got 2020-01-01.*; expected numbers or classes; the number of days since"
    for y in (days, [datetime.date(2020, 1, 1), 3.5]):
        for task in (None, "classification", "regression"):
            with pytest.raises(ValueError, match=message):
                TargetEncoder.fit_transform(y, task, lambda s: f"y[{s}]")
