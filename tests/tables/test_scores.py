"""Scores: equal to scikit-learn's metrics, with intervals that cover."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from fastgrad.tables.scores import classification_scores, regression_scores


@pytest.fixture
def classes(rng):
    p = rng.dirichlet([1, 1, 1], size=300)
    ids = np.array([rng.choice(3, p=row) for row in p])
    return ids, p


def test_classification_scores_are_scikit_learns(classes):
    ids, p = classes
    frequencies = np.bincount(ids) / len(ids)
    scores = {score.name: score for score in classification_scores(ids, p, frequencies)}
    predicted = p.argmax(axis=1)
    expected = {
        "accuracy": theirs.accuracy_score(ids, predicted),
        "balanced accuracy": theirs.balanced_accuracy_score(ids, predicted),
        "log-loss": theirs.log_loss(ids, p),
        "ROC AUC": theirs.roc_auc_score(ids, p, multi_class="ovr"),
    }
    assert scores.keys() == expected.keys()
    for name, value in expected.items():
        assert scores[name].value == pytest.approx(value, rel=1e-9)
        assert scores[name].low < value < scores[name].high
    assert scores["accuracy"].baseline == pytest.approx(frequencies.max())
    assert scores["log-loss"].baseline == pytest.approx(-(frequencies * np.log(frequencies)).sum())
    assert scores["ROC AUC"].baseline == pytest.approx(0.5)


def test_regression_scores_are_scikit_learns(rng):
    y = rng.normal(size=200)
    prediction = y + 0.3 * rng.normal(size=200)
    scores = {score.name: score for score in regression_scores(y, prediction, 0.1)}
    expected = {
        "R2": theirs.r2_score(y, prediction),
        "RMSE": theirs.root_mean_squared_error(y, prediction),
        "MAE": theirs.mean_absolute_error(y, prediction),
    }
    assert scores.keys() == expected.keys()
    for name, value in expected.items():
        assert scores[name].value == pytest.approx(value, rel=1e-9)
        assert scores[name].low < value < scores[name].high
    assert scores["MAE"].baseline == pytest.approx(np.abs(y - 0.1).mean())


def test_the_interval_covers_the_true_accuracy(rng):
    covered = 0
    for _ in range(60):
        ids = rng.integers(2, size=150)
        right = rng.random(150) < 0.8
        p = np.eye(2)[np.where(right, ids, 1 - ids)]
        accuracy = classification_scores(ids, p, np.full(2, 0.5))[0]
        covered += accuracy.low <= 0.8 <= accuracy.high
    assert covered >= 50  # of 60, about 57 expected


def test_one_row_has_no_interval():
    scores = regression_scores(np.array([1.0]), np.array([2.0]), 0.0)
    assert scores[1].value == 1.0
    assert np.isnan(scores[1].low)


def test_the_intervals_of_many_rows_are_those_of_all(rng):
    S = 80_000
    right = rng.random(S) < 0.8
    p = np.eye(2)[right.astype(int)]
    accuracy = classification_scores(np.ones(S, np.int64), p, np.full(2, 0.5))[0]
    error = 1.96 * (0.8 * 0.2 / S) ** 0.5
    assert accuracy.high - accuracy.low == pytest.approx(2 * error, rel=0.25)
    assert accuracy.low < accuracy.value < accuracy.high
