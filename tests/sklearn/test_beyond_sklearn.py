"""What scikit-learn's perceptrons cannot do."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.run_mode import PLAIN
from scipy import special
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import fastgrad as fg
from fastgrad.sklearn import MLPClassifier, MLPRegressor

if PLAIN:
    pytest.skip("whole fits, of which the loops are tested elsewhere", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X = X / 16
X_NUMBERS, NUMBERS = load_diabetes(return_X_y=True)
X_NUMBERS, NUMBERS = X_NUMBERS * 20, (NUMBERS - 150) / 77


def same(one, other):
    pairs = zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_], strict=True)
    return all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in pairs)


# --- weights of classes ---------------------------------------------------------------------------


@pytest.mark.parametrize("class_weight", ["balanced", {"yes": 3.0}, {"yes": 0.5, "no": 2.0}])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weight_is_the_weight_of_its_samples(class_weight, solver):
    y = np.where(Y == 8, "yes", "no")
    of_class = {
        k: len(y) / (2 * (y == k).sum()) if class_weight == "balanced" else class_weight.get(k, 1)
        for k in ("yes", "no")
    }
    own = np.linspace(0.5, 1.5, len(y))
    options = {"solver": solver, "max_iter": 5, "random_state": 0}
    one = MLPClassifier(class_weight=class_weight, **options).fit(X, y, own)
    other = MLPClassifier(**options).fit(
        X, y, [of_class[k] * w for k, w in zip(y, own, strict=True)]
    )
    assert same(one, other)


def test_class_weight_in_partial_fit():
    one, other = MLPClassifier(class_weight={3: 5.0}, random_state=0), MLPClassifier(random_state=0)
    for rows in (slice(0, 900), slice(900, None)):
        one.partial_fit(X[rows], Y[rows], classes=range(10))
        weights = np.where(Y[rows] == 3, 5.0, 1.0)
        other.partial_fit(X[rows], Y[rows], weights, classes=range(10))
    assert same(one, other)
    with pytest.raises(ValueError, match=r"^class_weight: got 'balanced' in partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=range(10))


def test_a_mini_batch_without_weight_is_no_error():
    weights = np.repeat([1.0, 0.0, 1.0], [600, 400, 797])
    options = {"random_state": 0, "shuffle": False, "batch_size": 200, "max_iter": 3}
    options |= {"solver": "sgd", "momentum": 0}
    one = MLPClassifier(**options).fit(X, Y, weights)
    rest = weights > 0
    assert same(one, MLPClassifier(**options).fit(X[rest], Y[rest]))


# --- dropout, activations, costs ------------------------------------------------------------------


def test_dropout():
    options = {"random_state": 0, "max_iter": 20, "hidden_layer_sizes": (50, 50)}
    plain = MLPClassifier(**options).fit(X, Y)
    dropped = [MLPClassifier(dropout=[0.5, 0.1], **options).fit(X, Y) for _ in range(2)]
    assert [layer.dropout for layer in dropped[0].network_.layers] == [0.5, 0.1, 0.0]
    assert same(*dropped)
    assert not same(plain, dropped[0])
    assert dropped[0].loss_ > plain.loss_
    assert dropped[0].score(X, Y) > 0.9
    with pytest.raises(ValueError, match=r"^dropout: got it with solver='lbfgs'; expected"):
        MLPClassifier(dropout=0.1, solver="lbfgs").fit(X, Y)
    with pytest.raises(ValueError, match=r"^dropout: got a list of 1; expected"):
        MLPClassifier(dropout=[0.1], hidden_layer_sizes=(3, 3)).fit(X, Y)


def test_an_activation_per_layer():
    cube = fg.Activation("cube", f=lambda u: u**3 / 9, df=lambda u: u * u / 3)
    classifier = MLPClassifier((8, 8, 8), ["logistic", "gelu", cube], random_state=0, max_iter=5)
    classifier.fit(X, Y)
    assert classifier.network_.activations == ("sigmoid", "gelu", "cube", "identity")
    a = X
    for f, W, b in zip(
        (special.expit, lambda u: u * special.ndtr(u), lambda u: u**3 / 9, lambda u: u),
        classifier.coefs_, classifier.intercepts_, strict=True,
    ):  # fmt: skip
        a = f(a @ W + b)
    np.testing.assert_allclose(classifier.predict_proba(X), special.softmax(a, axis=1), rtol=1e-9)
    with pytest.raises(ValueError, match=r"^activations: got "):
        MLPClassifier((8, 8), ["tanh"]).fit(X, Y)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mae", 0.5), (fg.costs.quantile(0.9), 0.9), (fg.costs.quantile(0.1), 0.1)],
    ids=["mae", "upper", "lower"],
)
def test_costs_of_numbers(loss, expected):
    regressor = MLPRegressor(loss, random_state=0, max_iter=300, learning_rate_init=0.01)
    below = regressor.fit(X_NUMBERS, NUMBERS).predict(X_NUMBERS) > NUMBERS
    assert below.mean() == pytest.approx(expected, abs=0.1)


def test_a_cost_with_an_exponential():
    counts = np.round(np.exp(NUMBERS))
    rate = fg.Cost(
        "rate", lambda a, y: np.exp(a) - y * a, lambda a, y: np.exp(a) - y, link="exp",
        targets="nonnegative",
    )  # fmt: skip
    one = MLPRegressor(rate, random_state=0, max_iter=20).fit(X_NUMBERS, counts)
    other = MLPRegressor("poisson", random_state=0, max_iter=20).fit(X_NUMBERS, counts)
    assert same(one, other)
    assert one.out_activation_ == other.out_activation_ == "exp"


def test_label_smoothing():
    smooth = fg.costs.softmax_cross_entropy(label_smoothing=0.2)
    options = {"solver": "lbfgs", "random_state": 0, "alpha": 0}
    plain, smoothed = (
        MLPClassifier(loss=loss, **options).fit(X, Y).predict_proba(X).max(axis=1)
        for loss in ("log_loss", smooth)
    )
    assert plain.mean() > 0.99
    assert smoothed.mean() == pytest.approx(0.82, abs=0.02)  # 1 - 0.2 + 0.2 / 10
    with pytest.raises(ValueError, match=r"^loss: got 'softmax_cross_entropy\(label_smoothing"):
        MLPClassifier(loss=smooth).fit(X, Y > 4)
    with pytest.raises(ValueError, match=r"^The 'loss' parameter of MLPClassifier must be a"):
        MLPClassifier(loss="mse").fit(X, Y)


# --- training -------------------------------------------------------------------------------------


def test_an_optimizer_with_a_schedule():
    optimizer = fg.AdamW(fg.schedules.Cosine(0.01), weight_decay=0.1)
    options = {"random_state": 0, "max_iter": 12, "shuffle": False, "alpha": 0}
    classifier = MLPClassifier(optimizer=optimizer, **options).fit(X, Y)
    lr = classifier.history_.lr
    assert lr == sorted(lr, reverse=True)
    assert lr[-1] < 0.0003
    assert optimizer.lr == 0.01  # the parameter is not changed
    again = MLPClassifier(optimizer=optimizer, **options).fit(X, Y)
    assert same(classifier, again)
    net = fg.Network([64, 100, 10], cost="softmax_cross_entropy", dtype="float64")
    start = MLPClassifier(**{**options, "max_iter": 1}, learning_rate_init=1e-300).fit(X, Y)
    for layer, W, b in zip(net.layers, start.coefs_, start.intercepts_, strict=True):
        layer.W, layer.b = W.T, b
    net.fit(X, Y, epochs=12, batch_size=200, shuffle=False, optimizer=optimizer)
    np.testing.assert_allclose(net.predict(X), classifier.predict_proba(X), rtol=1e-9, atol=1e-12)
    for wrong in (fg.LBFGS(), "adam"):
        with pytest.raises(ValueError, match=r"optimizer"):
            MLPClassifier(optimizer=wrong).fit(X, Y)


def test_own_validation_samples():
    train, held_out = slice(0, 1200), slice(1200, None)
    labels = np.array(list("abcdefghij"))[Y]
    given = X[held_out], labels[held_out]
    options = {"random_state": 0, "max_iter": 40, "learning_rate_init": 0.01}
    plain = MLPClassifier(**options).fit(X[train], labels[train])
    watched = MLPClassifier(**options).fit(X[train], labels[train], validation=given)
    assert same(plain, watched)
    assert len(watched.history_.val_cost) == watched.n_iter_
    expected = log_loss(given[1], watched.predict_proba(given[0])) + watched.network_.penalty
    assert watched.history_.val_cost[-1] == pytest.approx(expected)

    stopped = MLPClassifier(early_stopping=True, **options)
    stopped.fit(X[train], labels[train], validation=given)
    assert stopped.t_ == 1200 * stopped.n_iter_  # no sample is set aside
    assert stopped.score(*given) == stopped.best_validation_score_
    assert stopped.best_validation_score_ == max(stopped.validation_scores_)
    assert stopped.validation_scores_ == pytest.approx(stopped.history_.metrics["val_accuracy"])


@pytest.mark.parametrize("y", [NUMBERS, np.stack([NUMBERS, NUMBERS**2], axis=1)])
def test_own_validation_samples_of_numbers(y):
    given = X_NUMBERS[300:], y[300:]
    regressor = MLPRegressor(early_stopping=True, random_state=0)
    regressor.fit(X_NUMBERS[:300], y[:300], validation=given)
    assert regressor.score(*given) == pytest.approx(regressor.best_validation_score_)


def test_errors_of_validation_samples():
    for wrong, message in [
        ((X, Y + 5), r"^validation: got classes \[10 11 12 13 14\]; expected those of y"),
        ((X[:, 1:], Y), r"^X has 63 features, but MLPClassifier is expecting 64"),
        ((X, Y[1:]), r"^Found input variables with inconsistent numbers of samples"),
        ((X, Y, Y), r"^validation: got 3 items; expected a pair \(X_val, y_val\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            MLPClassifier().fit(X, Y, validation=wrong)
    with pytest.raises(ValueError, match=r"^validation: got it with solver='lbfgs'"):
        MLPClassifier(solver="lbfgs").fit(X, Y, validation=(X, Y))


def test_callbacks():
    class Stop(fg.Callback):
        def on_epoch_end(self, fit):
            if fit.epoch == 3:
                fit.stop("enough")

    classifier = MLPClassifier(callbacks=[Stop()]).fit(X, Y)
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 4
    assert classifier.history_.stopped == "enough"
    best = fg.EarlyStopping("val_cost", patience=3)
    stopped = MLPClassifier(callbacks=[best], random_state=0, learning_rate_init=0.05)
    stopped.fit(X[:1000], Y[:1000], validation=(X[1000:], Y[1000:]))
    assert stopped.network_.cost(X[1000:], Y[1000:]) == pytest.approx(
        min(stopped.history_.val_cost)
    )


def test_ctrl_c_keeps_what_has_been_learned():
    class Interrupt(fg.Callback):
        def on_epoch_end(self, fit):
            if fit.epoch == 2:
                raise KeyboardInterrupt

    classifier = MLPClassifier(callbacks=[Interrupt()], random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        classifier.fit(X, Y)
    assert classifier.n_iter_ == 3
    assert same(classifier, MLPClassifier(max_iter=3, random_state=0).fit(X, Y))


def test_a_fit_that_diverges_ends_at_once():
    regressor = MLPRegressor(solver="sgd", learning_rate_init=1e3, early_stopping=True)
    with pytest.warns(RuntimeWarning, match="likely cause: the learning rate, 1000") as caught:
        regressor.fit(X_NUMBERS, NUMBERS)
    assert caught[0].filename == __file__
    assert regressor.n_iter_ < 20
    assert np.isnan(regressor.validation_scores_[-1])
    assert np.isfinite(regressor.predict(X_NUMBERS)).all()


# --- inputs that are no numbers -------------------------------------------------------------------


def test_an_encoder_of_text_and_missing_values():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(size=300), "colour": rng.choice(["red", "blue"], 300)})
    y = np.where((table["colour"] == "red") & (table["size"] > 0), "yes", "no")
    table.loc[::10, "size"] = np.nan
    encoder = make_column_transformer(
        (SimpleImputer(), ["size"]), (OneHotEncoder(), ["colour"]), sparse_threshold=0
    )
    classifier = MLPClassifier(encode=encoder, solver="lbfgs", random_state=0).fit(table, y)
    assert classifier.score(table, y) > 0.95
    assert classifier.n_features_in_ == 2
    assert list(classifier.feature_names_in_) == ["size", "colour"]
    assert classifier.coefs_[0].shape[0] == 3
    assert classifier.__sklearn_tags__().input_tags.allow_nan
    assert not MLPClassifier().__sklearn_tags__().input_tags.allow_nan
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(table[["colour", "size"]])

    stochastic = MLPClassifier(encode=encoder, random_state=0, early_stopping=True, warm_start=True)
    for _ in range(2):
        stochastic.fit(table, y, validation=(table[:50], y[:50]))
    assert stochastic.score(table, y) > 0.8
    partial = MLPClassifier(encode=encoder, random_state=0)
    for _ in range(100):
        partial.partial_fit(table, y, classes=["yes", "no"])
    assert partial.score(table, y) > 0.8


# --- the arrays and the network -------------------------------------------------------------------


def test_coefs_are_writable_views():
    regressor = MLPRegressor(random_state=0, max_iter=3).fit(X_NUMBERS, NUMBERS)
    net, W, b = regressor.network_, regressor.coefs_[0], regressor.intercepts_[1]
    assert (W.shape, b.shape) == ((10, 100), (1,))
    before = regressor.predict(X_NUMBERS)
    b += 1
    np.testing.assert_allclose(regressor.predict(X_NUMBERS), before + 1)
    np.testing.assert_allclose(net.predict(X_NUMBERS)[:, 0], before + 1)
    net.layers[0].W[:] = 0
    assert not W.any()
    regressor.coefs_[1] = np.ones((100, 1))  # an array in the place of a view is copied
    regressor.intercepts_ = [np.full(100, 2.0), np.zeros(1)]
    np.testing.assert_allclose(regressor.predict(X_NUMBERS), 200)
    assert np.shares_memory(regressor.coefs_[1], net.layers[1].W)


def test_the_network_is_one_of_fastgrad(tmp_path):
    classifier = MLPClassifier(random_state=0, max_iter=20).fit(X.astype("f"), Y)
    classifier.network_.save(tmp_path / "digits.safetensors")
    loaded = fg.load(tmp_path / "digits.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), classifier.predict_proba(X.astype("f")))


@pytest.mark.parametrize("threads", [1, 2, None])
def test_threads_do_not_change_the_result(threads):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        options = {"random_state": 0, "max_iter": 3, "hidden_layer_sizes": (300,)}
        one = MLPClassifier(threads=1, **options).fit(X, Y)
        other = MLPClassifier(threads=threads, **options).fit(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(one.coefs_, other.coefs_, strict=True))


def test_tables_with_text_and_missing_values():
    penguins = pd.DataFrame(fg.load_penguins())
    X, y = penguins.drop(columns="species"), penguins["species"]
    classifier = MLPClassifier(encode="auto", solver="lbfgs", alpha=1.0, random_state=0)
    search = GridSearchCV(classifier, {"alpha": [0.1, 1.0]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.97
    best = search.best_estimator_
    assert best.feature_names_in_.tolist() == X.columns.tolist()
    assert best.encoder_.input_names[:3] == [
        f"island = {k}" for k in ("Biscoe", "Dream", "Torgersen")
    ]
    assert (best.predict(X[:9]) == y[:9]).all()
    with pytest.raises(ValueError, match="feature names"):
        best.predict(X[X.columns[::-1]])
    regressor = MLPRegressor(encode="auto", solver="lbfgs", alpha=1.0, random_state=0, max_iter=500)
    present = penguins["flipper_length_mm"].notna()
    numbers = penguins[present].drop(columns="flipper_length_mm")
    scaled = (penguins["flipper_length_mm"][present] - 200) / 14
    assert regressor.fit(numbers, scaled).score(numbers, scaled) > 0.8


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_regressor_of_tables_standardises_its_targets(solver):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.uniform(50, 200, 300), "town": rng.choice(["A", "B"], 300)})
    price = 300_000 + 2_000 * frame["size"] + 50_000 * (frame["town"] == "B")
    regressor = MLPRegressor(encode="auto", solver=solver, random_state=0, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert regressor.fit(frame, price).score(frame, price) > 0.99
    assert regressor.predict(frame[:1])[0] == pytest.approx(price[0], rel=0.1)
    copied = pickle.loads(pickle.dumps(regressor))
    assert np.array_equal(copied.predict(frame), regressor.predict(frame))
    assert regressor.loss_ < 0.1  # in squared standard deviations


def test_arrays_are_tables_without_names():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = X[:, 0] > 0
    X[::7, 1] = np.nan
    for given in (X, X.tolist(), pd.DataFrame(X, columns=["x0", "x1", "x2"])):
        classifier = MLPClassifier(encode="auto", random_state=0, solver="lbfgs").fit(given, y)
        assert classifier.encoder_.input_names == ["x0", "x1", "x1 is missing", "x2"]
        assert classifier.score(given, y) > 0.95
    pipeline = make_pipeline(SimpleImputer(), MLPClassifier(encode="auto", solver="lbfgs"))
    assert pipeline.fit(X, y).score(X, y) > 0.95
