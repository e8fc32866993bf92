"""TableModel: from tables as people have them to answers in their own words."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

import fastgrad as fg
from fastgrad.data.samples import Samples
from fastgrad.data.splitting import folds
from fastgrad.tables.model import TableModel
from fastgrad.train import fleet

QUICK = {"layers": (8,), "epochs": 30, "patience": 30, "batch_size": 16, "learning_rate": 0.02}


def rows(n=120, seed=0):
    """A table of animals: the kind follows from the weight and the food, with gaps."""
    rng = np.random.default_rng(seed)
    table = []
    for k in range(n):
        kind = ["cat", "dog", "cow"][k % 3]
        weight = {"cat": 4, "dog": 20, "cow": 500}[kind] * rng.uniform(0.8, 1.2)
        food = {"cat": "fish", "dog": "meat", "cow": "grass"}[kind] if k % 7 else None
        table.append(
            {"weight": weight if k % 5 else None, "food": food, "tame": k % 2 == 0, "kind": kind}
        )
    return table


@pytest.fixture(scope="module")
def model():
    return TableModel(seed=0, members=3, **QUICK).fit(rows(), target="kind")


def test_labels_come_back_as_they_were(model):
    predicted = model.predict(rows(30, seed=1))
    assert (predicted == [row["kind"] for row in rows(30, seed=1)]).mean() > 0.9
    p = model.predict_proba(rows(30, seed=1))
    assert model.classes == ["cat", "cow", "dog"]
    assert p.shape == (30, 3)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (np.array(model.classes)[p.argmax(axis=1)] == predicted).all()


def test_a_row_is_predicted_like_the_table(model):
    table = rows(10, seed=2)
    p = model.predict_proba(table)
    for row, expected in zip(table, p, strict=True):
        assert np.allclose(model.predict_proba(row)[0], expected, atol=1e-6)
    assert model.predict({"weight": 4.1, "food": "fish", "tame": True}).tolist() == ["cat"]


def test_columns_by_name_unseen_and_missing_ones(model):
    table = rows(20, seed=3)
    shuffled = [dict(reversed(row.items())) | {"extra": 1} for row in table]
    assert (model.predict(shuffled) == model.predict(table)).all()
    with pytest.warns(UserWarning, match="food.*plankton"):
        model.predict([{"weight": 3.0, "food": "plankton", "tame": False}])
    with pytest.raises(ValueError, match="weight"):
        model.predict([{"wieght": 3.0, "food": "fish", "tame": False}])


def test_numbers_are_predicted_in_their_unit():
    table = [
        {"size": k % 25, "colour": "red", "price": 50_000 + 3_000 * (k % 25)} for k in range(100)
    ]
    model = TableModel(seed=0, members=2, **QUICK).fit(table, target="price")
    predicted = model.predict([{"size": 10, "colour": "red"}])
    assert predicted == pytest.approx([80_000], rel=0.05)
    with pytest.raises(ValueError, match="no probabilities"):
        model.predict_proba(table)
    r2, rmse, mae = model.scores(table)
    assert (r2.name, rmse.name, mae.name) == ("R2", "RMSE", "MAE")
    assert r2.value > 0.95
    assert r2.baseline < 0.1


def test_rows_without_a_target_are_left_out():
    table = [{"x": float(k), "y": None if k % 4 == 0 else k * 1.5} for k in range(80)]
    model = TableModel(seed=0, members=1, **QUICK)
    assert model.read(table, target="y").n_unlabelled == 20
    model.fit(table, target="y")
    assert np.isfinite(model.predict([{"x": 3.0}])).all()


@pytest.mark.parametrize("members", [1, 3])
def test_a_saved_model_predicts_the_same_bits(members, tmp_path):
    model = TableModel(seed=0, members=members, **QUICK).fit(rows(60), target="kind")
    model.metadata["note"] = "test"
    model.save(tmp_path / "m.safetensors")
    loaded = TableModel.load(tmp_path / "m.safetensors")
    assert np.array_equal(loaded.predict_proba(rows(20)), model.predict_proba(rows(20)))
    assert loaded.classes == model.classes
    assert loaded.metadata == {"note": "test"}
    assert str(loaded.encoder) == str(model.encoder)
    assert loaded.scores(rows(20)) == model.scores(rows(20))
    if members == 1:
        net = fg.load(tmp_path / "m.safetensors")
        assert np.array_equal(net.parameters, model.networks[0].parameters)
    else:
        with pytest.raises(ValueError, match=r"networks of an ensemble; .*TableModel\.load"):
            fg.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("members", [0, "3", 10**9, -1])
def test_a_file_with_another_number_of_networks(members, model, tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    monkeypatch.setattr(model, "metadata", {})
    networks = model.networks
    monkeypatch.setattr(type(model), "_described", lambda self: {"members": members}, raising=False)
    spec = networks[0].spec
    spec = type(spec)(**{**vars(spec), "metadata": {"members": members}})
    from fastgrad.formats import safetensors  # noqa: PLC0415

    safetensors.write(path, spec, networks[0].arrays)
    with pytest.raises(ValueError, match="members"):
        TableModel.load(path)


def test_an_unknown_option_is_named_with_the_nearest():
    with pytest.raises(TypeError, match="got an argument 'layer'; did you mean 'layers'"):
        TableModel(layer=(3,))


@pytest.mark.parametrize("of_columns", [list, np.array, pd.Series])
def test_a_mapping_of_columns_is_no_row(of_columns):
    table = rows()
    model = TableModel(seed=0, members=2, **QUICK).fit(table)
    columns = {name: of_columns([row[name] for row in table[:3]]) for name in ("food", "tame")}
    columns["weight"] = of_columns([4.0, 20.0, 500.0])
    assert model.predict(columns).tolist() == ["cat", "dog", "cow"]
    alone = {name: column[:1] for name, column in columns.items()}
    assert model.predict(alone).tolist() == ["cat"]


def test_arrays_are_tables_without_names(rng):
    X = rng.normal(size=(120, 3)) * [1, 100, 0.01]
    y = (X[:, 0] > 0).astype(int)
    samples = Samples(X, y, "y", str)
    model = TableModel(seed=0, members=2, **QUICK).fit_samples(samples)
    assert model.encoder is None
    assert model.networks[0].inputs.standardized
    assert model.scores_of(*model.compared(samples))[0].value > 0.9


# --- ensembles -----------------------------------------------------------------------------------


def test_the_result_does_not_depend_on_the_threads():
    parameters = []
    for threads in (1, 2, 3):
        model = TableModel(seed=0, members=3, threads=threads, **QUICK).fit(rows(60), target="kind")
        parameters.append(np.concatenate([net.parameters for net in model.networks]))
    assert np.array_equal(parameters[0], parameters[1])
    assert np.array_equal(parameters[0], parameters[2])


def test_each_network_is_stopped_on_a_fold_of_its_own():
    model = TableModel(seed=0, members=3, **QUICK)
    finished = []
    model.fit(rows(), target="kind", on_finished=lambda k, member: finished.append(k))
    assert sorted(finished) == [0, 1, 2]
    for member in model.members:
        values = member.history.val_cost
        assert member.best_epoch == 1 + int(np.argmin(values))


def test_the_mean_of_the_networks_is_predicted(model):
    X = model.encoder.transform(rows(10))
    mean = np.mean([net.predict(X) for net in model.networks], axis=0)
    assert np.allclose(model.outputs(X), mean, atol=1e-6)


def test_an_interrupt_keeps_the_best_so_far(monkeypatch):
    options = QUICK | {"epochs": 10**6, "patience": 10**6}
    model = TableModel(seed=0, members=4, threads=2, **options)
    real_wait, calls = fleet.wait, []

    def interrupted_once(futures):
        calls.append(1)
        if len(calls) == 1:
            time.sleep(0.3)
            raise KeyboardInterrupt
        return real_wait(futures)

    monkeypatch.setattr(fleet, "wait", interrupted_once)
    model.fit(rows(), target="kind")
    assert model.was_interrupted
    assert 1 <= len(model.networks) <= 2  # those that had begun
    assert (model.predict(rows(9)) == [row["kind"] for row in rows(9)]).mean() > 0.5
    assert threading.active_count() < 10


def test_folds_hold_out_each_row_once_and_keep_the_classes():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    parts = folds(y, 5, seed=1, stratify=True)
    assert sorted(np.concatenate([test for _, test in parts])) == [*range(100)]
    for train, test in parts:
        assert np.bincount(y[test]).tolist() == [10, 6, 4]
        assert not {*train} & {*test}
    assert [len(test) for _, test in folds(np.zeros(11), 3)] == [4, 4, 3]
    with pytest.raises(ValueError, match="n_folds"):
        folds(y, 1)


# --- what is asked of it in other words ----------------------------------------------------------


def quick_model(**options):
    return TableModel(seed=0, members=1, **(QUICK | options))


def test_a_number_that_is_a_column_names_it():
    X = np.random.default_rng(0).normal(size=(60, 3))
    frame = pd.DataFrame(X)
    assert quick_model().fit(frame, target=1).targets.target == "1"
    assert quick_model().fit(frame).targets.target == "2"
    assert fg.data.read(frame, target=0, ignore=[1]).features == ["2"]
    assert quick_model().fit(frame.add_prefix("x"), target=1).targets.target == "x0"


@pytest.mark.parametrize("kind", ["int64", "float64", str, bool])
def test_classes_come_back_as_they_were(kind, tmp_path):
    x = np.arange(60) % 2
    frame = pd.DataFrame({"x": x + 0.25, "y": (x * 4).astype(kind)})
    model = quick_model().fit(frame)
    expected = np.unique(frame["y"]).tolist()
    assert model.classes == expected
    assert [type(label) for label in model.classes] == [type(label) for label in expected]
    model.save(tmp_path / "m.safetensors")
    assert TableModel.load(tmp_path / "m.safetensors").predict(frame[:2]).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pd.Categorical([3, 4] * 30), [3, 4]),
        (pd.Categorical(["Good", "Fair"] * 30, ["Good", "Fair"], ordered=True), ["Good", "Fair"]),
        (pd.Categorical([4, 3] * 30, [4, 3], ordered=True), [4, 3]),
        ([3, 4] * 30, [3, 4]),
        (["3", "4"] * 30, ["3", "4"]),
    ],
    ids=["integers", "ordered", "ordered integers", "list", "text"],
)
def test_labels_of_any_source_come_back_as_they_were(labels, expected):
    x = (np.arange(60) % 2 + 0.25).tolist()
    table = (
        {"x": x, "y": labels} if isinstance(labels, list) else pd.DataFrame({"x": x, "y": labels})
    )
    model = quick_model().fit(table)
    assert model.classes == expected
    assert model.predict(table).tolist() == list(labels)
    rows = [{"x": a, "y": b} for a, b in zip(x, labels, strict=True)]
    assert sorted(quick_model().fit(rows).classes) == sorted(expected)


def test_a_row_is_a_series_too():
    frame = pd.DataFrame(rows())
    model = quick_model().fit(frame)
    assert model.predict(frame.iloc[0]).tolist() == model.predict(frame[:1]).tolist()


def test_layers_may_be_a_number():
    assert quick_model(layers=16).fit(rows()).recipe.layers == (16,)
    for layers, received in (("16", "'16'"), ((8, 0), "got 0")):
        with pytest.raises((TypeError, ValueError), match=rf"^layers.*{received}"):
            quick_model(layers=layers).fit(rows())


def test_targets_apart_and_an_untrained_model_are_refused():
    frame = pd.DataFrame(rows())
    with pytest.raises(
        TypeError, match=r"^target: got .*; expected the name or the number of a column"
    ):
        quick_model().fit(frame.drop(columns="kind"), frame["kind"])
    for call in (quick_model().predict, quick_model().predict_proba, quick_model().scores):
        with pytest.raises(AttributeError, match=r"^TableModel: got no .*; expected fit or load"):
            call(frame)
