"""Beside other estimators: copies, pipelines, searches, workers, files."""

import inspect
import pickle
import subprocess
import sys
import warnings

import joblib
import numba
import numpy as np
import pandas as pd
import pytest
from helpers.run_mode import PLAIN
from helpers.workers import fit_in_worker
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastgrad as fg
from fastgrad import sklearn as ours
from fastgrad.sklearn import MLPClassifier, MLPRegressor

if PLAIN:
    pytest.skip("whole fits, of which the loops are tested elsewhere", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FRAME, Y = load_iris(return_X_y=True, as_frame=True)
X = FRAME.to_numpy()
NAMES = Y.map(dict(enumerate(["setosa", "versicolor", "virginica"])))
QUICK = {"max_iter": 30, "random_state": 0, "hidden_layer_sizes": (20,)}


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_parameters_are_sklearns_and_more(name):
    theirs, mine = (
        inspect.signature(getattr(module, name)).parameters for module in (neural_network, ours)
    )
    for parameter in theirs.values():
        assert mine[parameter.name].kind == parameter.kind
        assert mine[parameter.name].default == parameter.default
    added = [mine[k] for k in mine if k not in theirs]
    assert [p.name for p in added if p.kind is not p.KEYWORD_ONLY] == []
    positional = [
        [k for k, p in of.items() if p.kind is not p.KEYWORD_ONLY] for of in (theirs, mine)
    ]
    assert positional[0] == positional[1]
    fit = [inspect.signature(getattr(m, name).fit).parameters for m in (neural_network, ours)]
    assert [*fit[1]][: len(fit[0])] == [*fit[0]]


def test_a_clone_has_the_parameters_alone():
    optimizer = fg.AdamW(fg.schedules.Cosine(0.01))
    classifier = MLPClassifier(optimizer=optimizer, callbacks=[fg.EarlyStopping("cost")], **QUICK)
    copied = clone(classifier.fit(X, Y))
    assert not hasattr(copied, "coefs_")
    assert copied.get_params()["optimizer"].schedule == optimizer.schedule
    np.testing.assert_array_equal(copied.fit(X, Y).coefs_[0], classifier.coefs_[0])


def test_pipelines_and_meta_estimators():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(solver="lbfgs", **QUICK))
    assert cross_val_score(pipeline, X, NAMES, cv=3).mean() > 0.9
    stack = StackingClassifier([("network", pipeline)], LogisticRegression()).fit(X, NAMES)
    assert stack.score(X, NAMES) > 0.9
    found = permutation_importance(pipeline.fit(FRAME, NAMES), FRAME, NAMES, random_state=0)
    assert found.importances_mean.argmax() in {2, 3}


def test_names_of_features():
    classifier = MLPClassifier(**QUICK).fit(FRAME, NAMES)
    assert list(classifier.feature_names_in_) == list(FRAME.columns)
    assert list(classifier.classes_) == ["setosa", "versicolor", "virginica"]
    with pytest.raises(ValueError, match=r"^The feature names should match"):
        classifier.predict(FRAME.rename(columns={"sepal length (cm)": "length"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        classifier.predict(X)


def test_the_output_as_a_frame():
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(**QUICK)).set_output(transform="pandas")
    pipeline.fit(FRAME, Y)
    assert isinstance(pipeline[:-1].transform(FRAME), pd.DataFrame)
    assert list(pipeline[-1].feature_names_in_) == list(FRAME.columns)


def test_html():
    html = MLPClassifier(alpha=0.5, dropout=0.1)._repr_html_()
    for text in ("MLPClassifier", "alpha", "dropout"):
        assert text in html
    assert repr(MLPClassifier(alpha=0.5, dropout=0.1)) == "MLPClassifier(alpha=0.5, dropout=0.1)"


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_pickle(solver):
    classifier = MLPClassifier(solver=solver, warm_start=True, **QUICK).fit(X, NAMES)
    classifier.coefs_[0] = classifier.coefs_[0] * 1.5  # an array of the user is pickled, too
    data = pickle.dumps(classifier)
    copied = pickle.loads(data)
    np.testing.assert_array_equal(copied.predict_proba(X), classifier.predict_proba(X))
    copied.intercepts_[-1][:] = [1e6, 0, 0]
    assert (copied.predict(X) == "setosa").all()  # views of the copy's own network
    assert (classifier.predict(X) != "setosa").any()
    again = pickle.loads(data)
    for _ in range(2):
        for one in (classifier, again):
            one.fit(X, NAMES) if solver == "lbfgs" else one.partial_fit(X, NAMES)
    np.testing.assert_array_equal(again.coefs_[0], classifier.coefs_[0])


@pytest.fixture(params=["loky", "threading", "multiprocessing", "dask"])
def backend(request):
    """A backend of joblib; Dask's with a cluster."""
    if request.param != "dask":
        yield request.param
        return
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.Client(silence_logs=50, **options):
        yield request.param


def test_one_thread_in_a_worker(backend):
    estimator = MLPClassifier(**QUICK)
    most, expected = fit_in_worker(estimator, X, Y)
    assert most == {numba.get_num_threads()}
    with warnings.catch_warnings(), joblib.parallel_config(backend):
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork where threads run
        results = joblib.Parallel(2)(
            joblib.delayed(fit_in_worker)(estimator, X, Y) for _ in range(4)
        )
    for threads, W in results:
        assert threads == {1}
        np.testing.assert_array_equal(W, expected)


def test_a_search(backend):
    search = GridSearchCV(
        MLPClassifier(solver="lbfgs", **QUICK), {"alpha": [1e-4, 1e3]}, cv=3, n_jobs=2
    )
    with joblib.parallel_config(backend):
        search.fit(X, NAMES)
    assert search.best_params_ == {"alpha": 1e-4}
    assert search.score(X, NAMES) > 0.95


def test_a_fitted_estimator_in_threads():
    classifier = MLPClassifier(**QUICK).fit(X, Y)
    expected = classifier.predict_proba(X)
    results = joblib.Parallel(4, backend="threading")(
        joblib.delayed(classifier.predict_proba)(X) for _ in range(50)
    )
    assert all(np.array_equal(result, expected) for result in results)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_sklearn_is_imported_only_when_asked_for():
    done = run("import sys, fastgrad; print('sklearn' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def test_the_error_without_sklearn_names_a_command():
    done = run("import sys; sys.modules['sklearn'] = None; import fastgrad.sklearn")
    assert "fastgrad.sklearn needs scikit-learn: pip install scikit-learn" in done.stderr


def test_it_is_an_estimator_of_sklearn():
    """For tools that ask, such as converters to ONNX."""
    assert isinstance(MLPClassifier(), neural_network.MLPClassifier)
    assert isinstance(MLPRegressor(), neural_network.MLPRegressor)
