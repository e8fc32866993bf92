"""The files that the loggers write, read by other means."""

import copy
import csv
import struct
import sys

import numpy as np
import pytest
from helpers.error_messages import assert_names

import fastgrad as fg
from fastgrad.train.base import Callback


def network(**options):
    options = {"cost": "softmax_cross_entropy", "seed": 0, **options}
    return fg.Network([3, 6, 4, 2], ["tanh", "relu", "identity"], **options)


def fit(*callbacks, epochs=3, validation=True, **options):
    """A short fit on two classes, 5 batches an epoch."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = (X[:, 0] > X[:, 1]).astype(int)
    held_out = (X[30:], y[30:]) if validation else None
    options = {"optimizer": fg.SGD(0.1), "batch_size": 6, "validation": held_out, **options}
    return network().fit(X[:30], y[:30], epochs=epochs, callbacks=callbacks, **options)


class Fails(Callback):
    """Ends the fit by an error in its second epoch."""

    def on_epoch_begin(self, fit):
        if fit.epoch == 1:
            raise RuntimeError("out of luck")


# --- CSV -----------------------------------------------------------------------------------------


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.csv"


COLUMNS = ["epoch", "cost", "val_cost", "accuracy", "val_accuracy", "val_f1", "lr", "seconds"]


def test_csv_has_a_row_for_each_epoch(path):
    history = fit(fg.CSVLogger(path), metrics=["f1"])
    header, *written = rows(path)
    assert header == COLUMNS
    assert [row[0] for row in written] == ["1", "2", "3"]
    columns = {
        "cost": history.cost,
        "val_cost": history.val_cost,
        **history.metrics,
        "lr": [0.1] * 3,
        "seconds": history.seconds,
    }
    for name, values in columns.items():
        column = [float(row[header.index(name)]) for row in written]
        assert column == values, name  # to the bit


def test_csv_equals_the_table_of_the_history(path):
    pd = pytest.importorskip("pandas", reason="pandas is an extra")
    history = fit(fg.CSVLogger(str(path)), validation=False)
    written = pd.read_csv(path, index_col="epoch")
    pd.testing.assert_frame_equal(written, history.frame())


def test_csv_is_on_disk_after_each_epoch(path):
    seen = []

    class Looks(Callback):
        def on_epoch_end(self, fit):
            seen.append(len(rows(path)))

    fit(fg.CSVLogger(path), Looks())
    assert seen == [2, 3, 4]


def test_csv_keeps_what_was_before_an_error(path):
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(fg.CSVLogger(path), Fails())
    assert len(rows(path)) == 2


def test_csv_is_overwritten_or_appended_to(path):
    logger = fg.CSVLogger(path, append=True)
    fit(logger, epochs=2)
    fit(logger, epochs=1)
    fit(fg.CSVLogger(path, append=True), epochs=2)
    assert [row[0] for row in rows(path)] == ["epoch", "1", "2", "3", "4", "5"]
    fit(fg.CSVLogger(path), epochs=1)
    assert [row[0] for row in rows(path)] == ["epoch", "1"]


def test_csv_appends_below_a_lone_header(path):
    fit(fg.CSVLogger(path), epochs=1)
    path.write_text(path.read_text().splitlines()[0] + "\n\n")
    fit(fg.CSVLogger(path, append=True), epochs=1)
    assert [row[0] for row in rows(path) if row] == ["epoch", "1"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("val_cost", "loss"), "got columns epoch, cost, loss, .*; exp"),
        (lambda text: text[:-3], "got a truncated last row; expected complete rows"),
    ],
)
def test_csv_refuses_to_append_to_other_columns(damage, message, path):
    fit(fg.CSVLogger(path), epochs=2)
    path.write_text(damage(path.read_text()))
    before = path.read_text()
    with pytest.raises(ValueError, match=f"fit.csv: {message}") as caught:
        fit(fg.CSVLogger(path, append=True))
    assert "\n" not in str(caught.value)
    assert path.read_text() == before


def test_csv_in_a_missing_folder_fails_before_training(tmp_path):
    began = []

    class Begins(Callback):
        def on_epoch_begin(self, fit):
            began.append(fit.epoch)

    with pytest.raises(FileNotFoundError, match="missing"):
        fit(fg.CSVLogger(tmp_path / "missing" / "fit.csv"), Begins())
    assert began == []


# --- TensorBoard ---------------------------------------------------------------------------------


@pytest.fixture
def tensorboard():
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra")


def scalars(folder):
    """Step and value of each scalar, by its tag, from all records of a folder."""
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415 - an extra

    found = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        content = file.read_bytes()
        while content:  # a record: length, its checksum, the event, its checksum
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_tensorboard_has_each_metric(tensorboard, tmp_path):
    history = fit(fg.TensorBoardLogger(tmp_path / "runs" / "1"), metrics=["f1"])
    expected = {
        "cost/train": history.cost,
        "cost/val": history.val_cost,
        "accuracy/train": history.metrics["accuracy"],
        "accuracy/val": history.metrics["val_accuracy"],
        "f1/val": history.metrics["val_f1"],
        "lr": [0.1] * 3,
        "seconds": history.seconds,
    }
    found = scalars(tmp_path / "runs" / "1")
    assert found.keys() == expected.keys()
    for tag, values in expected.items():
        steps, written = zip(*found[tag], strict=True)
        assert steps == (1, 2, 3), tag
        np.testing.assert_array_equal(np.float32(written), np.float32(values), tag)


def test_tensorboard_has_the_running_cost_every_few_batches(tensorboard, tmp_path):
    seen = []

    class Sees(Callback):
        every = 2

        def on_batch_end(self, fit):
            seen.append((fit.step, np.float32(fit.cost)))

    fit(fg.TensorBoardLogger(str(tmp_path), every=2), Sees(), epochs=2)
    assert [step for step, _ in seen] == [2, 4, 7, 9]
    assert scalars(tmp_path)["cost/running"] == seen


def test_tensorboard_keeps_what_was_before_an_error(tensorboard, tmp_path):
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(fg.TensorBoardLogger(tmp_path), Fails())
    assert len(scalars(tmp_path)["cost/train"]) == 1


def test_tensorboard_keeps_both_of_two_fits_in_a_second(tensorboard, tmp_path):
    logger = fg.TensorBoardLogger(tmp_path)
    fit(logger, epochs=1)
    fit(copy.deepcopy(logger), epochs=1)
    assert [step for step, _ in scalars(tmp_path)["cost/train"]] == [1, 1]


def test_tensorboard_needs_a_number_of_batches(tensorboard, tmp_path):
    with pytest.raises(ValueError, match="every: got -1; expected"):
        fg.TensorBoardLogger(tmp_path, every=-1)


# --- MLflow --------------------------------------------------------------------------------------


def lone_run(mlflow, **where):
    (run,) = mlflow.search_runs(output_format="list", **where)
    return run


def metrics(mlflow, run):
    """Steps and values of each metric of a run."""
    client = mlflow.MlflowClient()
    found = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {name: [(m.step, m.value) for m in values] for name, values in found.items()}


def test_mlflow_has_the_settings_and_each_metric(mlflow, tmp_path):
    uri = (tmp_path / "elsewhere").as_uri()
    optimizer = fg.AdamW(fg.schedules.Cosine(0.01), weight_decay=0.1).clip(norm=2.0)
    logger = fg.MLflowLogger(run_name="first", experiment="classes", tracking_uri=uri)
    history = fit(logger, optimizer=optimizer)
    assert mlflow.active_run() is None
    assert mlflow.get_tracking_uri() == uri
    run = lone_run(mlflow, experiment_names=["classes"])
    assert run.info.run_name == "first"
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "sizes": "3-6-4-2",
        "activations": "tanh, relu, identity",
        "cost": "softmax_cross_entropy",
        "dtype": "float32",
        "epochs": "3",
        "input_dropout": "0.0",
        "input_noise": "0.0",
        "l1": "[0.0, 0.0, 0.0]",
        "l2": "[0.0, 0.0, 0.0]",
        "dropout": "[0.0, 0.0, 0.0]",
        "max_norm": "[inf, inf, inf]",
        "optimizer": "AdamW",
        "rule": "adam",
        "clip_norm": "2.0",
        "clip_value": "inf",
        "lr": "Cosine(lr=0.01, steps=None, minimum=0.0)",
        "beta1": "0.9",
        "beta2": "0.999",
        "eps": "1e-08",
        "weight_decay": "0.1",
        "decoupled_weight_decay": "1.0",
    }
    columns = {"cost": history.cost, "val_cost": history.val_cost, **history.metrics}
    columns |= {"lr": history.lr, "seconds": history.seconds}
    expected = {name: list(zip((1, 2, 3), v, strict=True)) for name, v in columns.items()}
    assert metrics(mlflow, run) == expected


def test_mlflow_distinguishes_the_rules_of_one_class(mlflow):
    with mlflow.start_run() as first:
        fit(fg.MLflowLogger(), optimizer=fg.SGD(0.1, momentum=0.5), epochs=1)
    with mlflow.start_run() as second:
        fit(fg.MLflowLogger(), optimizer=fg.SGD(0.1, momentum=0.5, nesterov=True), epochs=1)
    rules = [mlflow.get_run(run.info.run_id).data.params["rule"] for run in (first, second)]
    assert rules == ["momentum", "nesterov"]


def test_mlflow_leaves_an_active_run_active(mlflow):
    with mlflow.start_run(run_name="outer") as outer:
        fit(fg.MLflowLogger(run_name="inner", experiment="unused"), epochs=2)
        assert mlflow.active_run().info.run_id == outer.info.run_id
    run = lone_run(mlflow)
    assert run.info.run_name == "outer"
    assert [step for step, _ in metrics(mlflow, run)["cost"]] == [1, 2]


def test_mlflow_ends_a_run_that_fails_as_failed(mlflow):
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(fg.MLflowLogger(), Fails())
    assert mlflow.active_run() is None
    run = lone_run(mlflow)
    assert run.info.status == "FAILED"
    assert len(metrics(mlflow, run)["cost"]) == 1


def test_mlflow_ends_a_run_whose_settings_cannot_be_written(mlflow, monkeypatch):
    def fails(params):
        raise OSError("no connection")

    monkeypatch.setattr(mlflow, "log_params", fails)
    with pytest.raises(OSError, match="no connection"):
        fit(fg.MLflowLogger())
    assert mlflow.active_run() is None
    assert lone_run(mlflow).info.status == "FAILED"


def test_mlflow_leaves_an_active_run_active_that_has_other_settings(mlflow):
    with mlflow.start_run():
        fit(fg.MLflowLogger(), epochs=1)
        with pytest.raises(mlflow.exceptions.MlflowException, match="key='epochs' was already"):
            fit(fg.MLflowLogger(), epochs=2)
        assert mlflow.active_run() is not None


def test_mlflow_ignores_an_earlier_error(mlflow):
    try:
        fit(Fails())
    except RuntimeError:
        fit(fg.MLflowLogger(), epochs=1)
    assert lone_run(mlflow).info.status == "FINISHED"


def test_mlflow_starts_no_run_where_the_fit_does_not_begin(mlflow):
    class Never(Callback):
        def on_train_begin(self, fit):
            raise RuntimeError("not today")

    with (
        mlflow.start_run() as outer,
        pytest.raises(RuntimeError, match="not today"),
    ):
        fit(Never(), fg.MLflowLogger())
    assert [run.info.run_id for run in mlflow.search_runs(output_format="list")] == [
        outer.info.run_id
    ]


# --- without them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "module", "extra"),
    [
        (lambda: fg.TensorBoardLogger("runs"), "tensorboardX", "tensorboard"),
        (fg.MLflowLogger, "mlflow", "mlflow"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(make, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        make()
    kind = type(caught.value), caught.value.name
    assert kind == (ModuleNotFoundError, module)
    assert str(caught.value).endswith(f"needs {module}: pip install {module} (extra '{extra}')")


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: fg.CSVLogger(None), ["path", "None"]),
        (lambda: fg.CSVLogger("x.csv", append="no"), ["append", "no", "True or False"]),
    ],
)
def test_bad_paths_are_named(make, parts):
    assert_names(make, parts)
