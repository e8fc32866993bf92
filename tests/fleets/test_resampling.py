"""`fg.cross_validate` and `fg.bag`: the same as fits by hand on the rows of each network."""

import numpy as np
import pytest
from helpers.run_mode import PLAIN, jitted_only

import fastgrad as fg
from fastgrad.train import fleet

S = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(S, 2)) * [1, 100]
y = X[:, 0] + 0.01 * X[:, 1]
IDS = np.digitize(y, [-1.5, 0.5])
OPTIONS = {"epochs": 4 if PLAIN else 20, "batch_size": 8, "optimizer": fg.Adam(0.01)}


def regressor(seed):
    return fg.Network([2, 4, 1], "tanh", seed=seed, standardize=True, standardize_targets=True)


def classifier(seed):
    return fg.Network([2, 4, 3], "tanh", cost="softmax_cross_entropy", seed=seed, standardize=True)


def by_hand(make, seed, rows, Y):
    net = make(seed)
    net.fit(X[rows], Y[rows], **OPTIONS | {"optimizer": fg.Adam(0.01)})
    return net


def r2(y, p):
    return 1 - np.square(y - p).sum() / np.square(y - y.mean()).sum()


@pytest.mark.parametrize("threads", [1, 3])
def test_cross_validation_is_fits_on_folds(threads):
    cv = fg.cross_validate(regressor, X, y, folds=4, seed=7, threads=threads, **OPTIONS)
    assert sorted(np.concatenate(cv.held_out)) == [*range(S)]
    for k, test in enumerate(cv.held_out):
        rest = np.concatenate(cv.held_out[:k] + cv.held_out[k + 1 :])
        net = by_hand(regressor, 7 + k, rest, y)
        assert net.parameters.tobytes() == cv.ensemble.networks[k].parameters.tobytes()
        assert np.array_equal(cv.predictions[test], net.predict(X[test]))
        assert cv.scores[k] == pytest.approx(r2(y[test], net.predict(X[test])[:, 0]))
        assert len(cv.histories[k].cost) == OPTIONS["epochs"]
    assert cv.mean == pytest.approx(np.mean(cv.scores))
    assert cv.standard_error == pytest.approx(np.std(cv.scores, ddof=1) / 2)
    assert repr(cv) == f"<CrossValidation r2 {cv.mean:.4g} +- {cv.standard_error:.2g}, 4 folds>"


def test_folds_have_all_classes_in_proportion():
    counts = np.bincount(IDS)
    for Y in (IDS, np.eye(3)[IDS]):
        cv = fg.cross_validate(classifier, X, Y, folds=3, epochs=1)
        assert cv.metric == "accuracy"
        for test, score in zip(cv.held_out, cv.scores, strict=True):
            assert np.abs(np.bincount(IDS[test], minlength=3) - counts / 3).max() < 1.5
            assert score == np.mean(cv.predictions[test].argmax(axis=1) == IDS[test])
    shuffled = fg.cross_validate(classifier, X, IDS, folds=3, epochs=1, stratify=False)
    assert not all(map(np.array_equal, shuffled.held_out, cv.held_out))


def test_yes_and_no_are_classes():
    def make(seed):
        return fg.Network([2, 1], cost="sigmoid_cross_entropy", seed=seed)

    labels = np.arange(S) < 6
    for Y in (labels, labels[:, None]):
        cv = fg.cross_validate(make, X, Y, folds=3, epochs=1)
        assert [labels[test].sum() for test in cv.held_out] == [2, 2, 2]


def test_folds_of_the_user_and_a_score_of_the_user():
    folds = [(np.arange(20), np.arange(20, 30)), ([50, 51, 52], [53])]

    def worst(Y, prediction):
        assert Y.shape == prediction.shape == (len(Y),)
        return np.abs(Y - prediction).max()

    cv = fg.cross_validate(regressor, X, y, folds=folds, score=worst, **OPTIONS)
    assert cv.metric == "worst"
    missing = np.isnan(cv.predictions[:, 0])
    assert np.flatnonzero(~missing).tolist() == [*range(20, 30), 53]
    assert cv.scores[0] == np.abs(cv.predictions[20:30, 0] - y[20:30]).max()
    net = by_hand(regressor, 1, [50, 51, 52], y)
    assert np.array_equal(cv.predictions[53], net.predict(X[53:54])[0])


def test_several_costs_need_a_score():
    def make(seed):
        return fg.Network([2, 4], cost=[("softmax_cross_entropy", 3), ("mse", 1)])

    with pytest.raises(ValueError, match="score: got None with several costs"):
        fg.cross_validate(make, X, [IDS, y])

    def error(Y, prediction):
        return np.abs(Y[:, 3] - prediction[:, 3]).mean()

    cv = fg.cross_validate(make, X, [IDS, y], score=error, epochs=1)
    test = cv.held_out[0]
    assert cv.scores[0] == pytest.approx(np.abs(y[test] - cv.predictions[test, 3]).mean())


def test_columns_by_name():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b"])
    cv = fg.cross_validate(regressor, table, pandas.Series(y), **OPTIONS)
    same = fg.cross_validate(regressor, X, y, **OPTIONS)
    assert np.array_equal(cv.predictions, same.predictions)
    assert cv.ensemble.networks[0].inputs.names == ["a", "b"]


def test_a_bag_is_fits_on_bootstrap_samples(monkeypatch):
    drawn = []
    fit_many = fleet.fit_many
    monkeypatch.setattr(
        "fastgrad.fleets.bagging.fit_many",
        lambda *given, subsets, **options: (
            drawn.extend(subsets) or fit_many(*given, subsets=subsets, **options)
        ),
    )
    bagging = fg.bag(regressor, X, y, n=6, seed=3, **OPTIONS)
    assert [len(rows) for rows in drawn] == [S] * 6
    predictions = [[] for _ in range(S)]
    for k, rows in enumerate(drawn):
        assert 0.4 < len({*rows.tolist()}) / S < 0.85
        net = by_hand(regressor, 3 + k, rows, y)
        assert net.parameters.tobytes() == bagging.ensemble.networks[k].parameters.tobytes()
        for s in {*range(S)} - {*rows.tolist()}:
            predictions[s].append(net.predict(X[s : s + 1])[0, 0])
    known = [s for s in range(S) if predictions[s]]
    means = np.array([np.mean(predictions[s]) for s in known])
    np.testing.assert_allclose(bagging.predictions[known, 0], means, rtol=1e-6)
    assert np.isnan(np.delete(bagging.predictions, known, axis=0)).all()
    assert bagging.score == pytest.approx(r2(y[known], means))
    assert not np.array_equal(drawn[0], drawn[1])
    assert repr(bagging) == f"<Bagging of 6 networks, out-of-bag r2 {bagging.score:.4g}>"


def test_the_same_seed_gives_the_same_bag():
    one, two = (fg.bag(classifier, X, IDS, n=3, threads=n, **OPTIONS) for n in (1, 2))
    other = fg.bag(classifier, X, IDS, n=3, seed=1, **OPTIONS)
    assert np.array_equal(one.ensemble.predict(X), two.ensemble.predict(X))
    assert one.score == two.score
    assert not np.array_equal(one.ensemble.predict(X), other.ensemble.predict(X))


@jitted_only  # NumPy warns of what overflows
def test_networks_that_cannot_be_trained_are_left_out():
    class Fails(fg.Callback):
        def on_epoch_begin(self, fit):
            raise RuntimeError("of a callback")

    def fails(k):
        return [Fails()] if k == 1 else []

    with pytest.warns(RuntimeWarning, match="network 1: RuntimeError"):
        bagging = fg.bag(regressor, X, y, n=3, callbacks=fails, **OPTIONS)
    assert len(bagging.ensemble) == 2
    assert bagging.histories[1].stopped == "RuntimeError: of a callback"
    with pytest.warns(RuntimeWarning, match="network 1: RuntimeError"):
        cv = fg.cross_validate(regressor, X, y, folds=3, callbacks=fails, **OPTIONS)
    assert np.isnan(cv.scores).tolist() == [False, True, False]
    assert np.isnan(cv.predictions[cv.held_out[1]]).all()
    assert cv.mean == pytest.approx((cv.scores[0] + cv.scores[2]) / 2)
    assert len(cv.ensemble) == 2
    for function in (fg.bag, fg.cross_validate):
        with (
            pytest.warns(RuntimeWarning),
            pytest.raises(ValueError, match="fit: RuntimeError: of a callback"),
        ):
            function(regressor, X, y, callbacks=lambda k: [Fails()], epochs=1)


class Halves:
    """A splitter, as scikit-learn has them."""

    def split(self, X, Y):
        assert len(X) == len(Y) == S
        yield np.arange(30), np.arange(30, S)
        yield np.arange(S) >= 30, np.arange(S) < 30


def test_folds_of_a_splitter():
    cv = fg.cross_validate(regressor, X, y, folds=Halves(), **OPTIONS)
    assert [rows.tolist() for rows in cv.held_out] == [[*range(30, S)], [*range(30)]]
    net = by_hand(regressor, 1, np.arange(30, S), y)
    assert np.array_equal(cv.predictions[:30], net.predict(X[:30]))


def test_early_stopping_by_the_cost_of_training_needs_no_validation_samples():
    stopping = fg.EarlyStopping("cost", patience=1, min_delta=1e9)
    bagging = fg.bag(regressor, X, y, n=2, early_stopping=stopping, **OPTIONS)
    assert all(len(history.cost) == 2 for history in bagging.histories)


@pytest.mark.parametrize("function", [fg.cross_validate, fg.bag])
def test_an_interrupt_is_not_lost(function, monkeypatch):
    interrupted = [fg.History(0, stopped="interrupted")]
    for module in ("bagging", "cross_validation"):
        monkeypatch.setattr(f"fastgrad.fleets.{module}.fit_many", lambda *_, **__: interrupted * 5)
    with pytest.raises(KeyboardInterrupt):
        function(regressor, X, y)


def test_a_bag_keeps_what_was_finished_before_an_interrupt(monkeypatch):
    fit_many = fleet.fit_many

    def interrupted(networks, *given, subsets, **options):
        done = fit_many(networks[:2], *given, subsets=subsets[:2], **options)
        return [*done, fg.History(0, stopped="interrupted")]

    monkeypatch.setattr("fastgrad.fleets.bagging.fit_many", interrupted)
    with pytest.warns(
        RuntimeWarning, match="^bag: interrupted: 2 of 3 networks are finished$"
    ) as w:
        bagging = fg.bag(regressor, X, y, n=3, **OPTIONS)
    assert w[0].filename == __file__
    assert len(bagging.ensemble) == 2
    assert repr(bagging).endswith("; interrupted: 2 of 3 networks are finished>")
    monkeypatch.setattr("fastgrad.fleets.cross_validation.fit_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fg.cross_validate(regressor, X, y, folds=3, **OPTIONS)


@pytest.fixture
def fleets(monkeypatch):
    """The options of each call of `fit_many`."""
    calls, fit_many = [], fleet.fit_many

    def noted(*given, **options):
        calls.append(options)
        return fit_many(*given, **options)

    for module in ("bagging", "cross_validation"):
        monkeypatch.setattr(f"fastgrad.fleets.{module}.fit_many", noted)
    return calls


def test_networks_stop_early_on_rows_that_are_set_aside(fleets):
    options = OPTIONS | {"epochs": 300, "optimizer": fg.Adam(0.1)}
    given = options | {"validation_size": 0.25, "early_stopping": 3}
    cv = fg.cross_validate(classifier, X, IDS, folds=3, **given)
    bagging = fg.bag(classifier, X, IDS, n=3, **given)
    of_folds, of_bag = ([*zip(c["subsets"], c["validation_subsets"], strict=True)] for c in fleets)
    for (rows, validation), test in zip(of_folds, cv.held_out, strict=True):
        assert sorted([*rows, *validation, *test]) == [*range(S)]
        assert len(validation) == 10
        counts = np.bincount(IDS) * 10 / S
        assert np.abs(np.bincount(IDS[validation], minlength=3) - counts).max() < 1.5
    for rows, validation in of_bag:
        assert not {*rows} & {*validation}
        assert (len(rows), len(validation)) == (45, 15)
    for parts, found in ((of_folds, cv), (of_bag, bagging)):
        for k, (rows, validation) in enumerate(parts):
            net, stopping = classifier(k), fg.EarlyStopping(patience=3)
            samples = X[validation], IDS[validation]
            given = options | {"optimizer": fg.Adam(0.1), "callbacks": [stopping]}
            history = net.fit(X[rows], IDS[rows], validation=samples, **given)
            assert net.parameters.tobytes() == found.ensemble.networks[k].parameters.tobytes()
            assert found.histories[k].stopped == history.stopped is not None
    inside = {*of_bag[0][0], *of_bag[0][1]} & {*of_bag[1][0], *of_bag[1][1]}
    inside &= {*of_bag[2][0], *of_bag[2][1]}
    assert {*np.flatnonzero(np.isnan(bagging.predictions[:, 0]))} == inside


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (fg.cross_validate, {"folds": 1}, ValueError, "folds: got 1; expected an integer of at le"),
        (fg.cross_validate, {"folds": 61}, ValueError, "folds: got 61; expected an integer of at"),
        (fg.cross_validate, {"folds": 2.5}, TypeError, "folds: got 2.5"),
        (fg.cross_validate, {"folds": []}, ValueError, "folds: got 0"),
        (fg.cross_validate, {"folds": [([0], [60])]}, ValueError, r"folds\[0\]: got row 60"),
        (fg.cross_validate, {"folds": [([0], [-1])]}, ValueError, r"folds\[0\]: got row"),
        (fg.cross_validate, {"folds": [([0], [])]}, ValueError, r"folds\[0\]: got no rows"),
        (fg.cross_validate, {"folds": [0, 1]}, TypeError, r"folds\[0\]: got int; expected a pair"),
        (fg.cross_validate, {"folds": Halves}, TypeError, "folds: got <class"),
        (fg.cross_validate, {"folds": "5"}, TypeError, r"folds\[0\]: got str; expected a pair"),
        (
            fg.cross_validate,
            {"folds": [([0, 1], [2]), ([0, 3, 4], [1, 3])]},
            ValueError,
            r"folds\[1\]: got row 3 in train and test",
        ),
        (fg.cross_validate, {"stratify": True}, ValueError, "stratify: got True without classes"),
        (fg.cross_validate, {"stratify": "x"}, TypeError, "stratify: got 'x'"),
        (fg.bag, {"n": 0}, ValueError, "n: got 0"),
        *(
            (function, options, error, message)
            for function in (fg.cross_validate, fg.bag)
            for options, error, message in [
                ({"seed": -1}, ValueError, "seed: got -1"),
                ({"score": "r3"}, ValueError, "score: got 'r3'; did you mean 'r2'"),
                ({"score": 3}, TypeError, "score: got 3; expected a name or a function"),
                ({"score": "f1"}, ValueError, "score: got 'f1'; expected one that suits"),
                ({"epochs": -1}, ValueError, "epochs: got -1"),
                ({"validation_size": 1}, ValueError, "validation_size: got 1; expected a finite"),
                ({"validation_size": 1e-3}, ValueError, "validation_size: got 0.001, of .. sam"),
                ({"make_network": regressor(0)}, TypeError, "make_network: got <Network 2-4-1"),
                ({"make_network": lambda seed: seed}, TypeError, "make_network: got int from it"),
                ({"X": X[:3]}, ValueError, "Y: got"),
                (
                    {"make_network": lambda k: fg.Network([2, 1], seed=k)},
                    TypeError,
                    r"make_network: got a function of \(k\); expected a function of seed, such as",
                ),
                (
                    {"epoch": 3, "make_network": None},
                    TypeError,
                    f"^{function.__name__}: got an option 'epoch'; did you mean 'epochs'. expected",
                ),
                ({"subsets": [[0]]}, TypeError, f"subsets: got it in {function.__name__}, which c"),
                (
                    {"early_stopping": 5, "make_network": None},
                    ValueError,
                    "early_stopping: got 5 without validation samples; expected validation_size=",
                ),
                (
                    {"metrics": ["f1"], "make_network": None},
                    ValueError,
                    r"metrics: got \['f1'\] without validation samples; expected .* or score= for",
                ),
                (
                    {"validation_size": 0.2, "validation": (X, y)},
                    ValueError,
                    "validation: got samples beside validation_size; expected one of the two",
                ),
                ({"score": lambda Y, a: "good"}, TypeError, "score: got 'good' from '<lambda>'; e"),
                ({"score": lambda Y, a: Y - a}, TypeError, r"score: got array.* from .*; expected"),
            ]
        ),
    ],
)  # fmt: skip
def test_wrong_arguments(function, options, error, message):
    given = {"make_network": regressor, "X": X, "Y": y} | options
    with pytest.raises(error, match=message) as raised:
        function(**given)
    assert "\n" not in str(raised.value)
