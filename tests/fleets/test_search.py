"""`fg.search`: random settings, successive halving, and the table of results."""

from functools import partial

import numpy as np
import pytest
from helpers.run_mode import PLAIN

import fastgrad as fg
from fastgrad.fleets import search as module

S = 90
rng = np.random.default_rng(0)
X = rng.normal(size=(S, 2)).astype("float32")
y = X[:, 0] * X[:, 1]
SPACE = {"nodes": [2, 8], "lr": lambda rng: 10 ** rng.uniform(-3, -1)}
EPOCHS = 2 if PLAIN else 5


def make(seed, nodes):
    return fg.Network([2, nodes, 1], "tanh", seed=seed)


def searched(n=9, space=SPACE, **options):
    options = {"epochs": EPOCHS, "optimizer": fg.Adam} | options
    return fg.search(make, space, X, y, n=n, **options)


def without_time(table):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in table]


def fitted(row, *epochs, rows=slice(0, S)):
    """The network of a row of a table, by fits of its own."""
    net = make(row["seed"], row["nodes"])
    for n in epochs:
        net.fit(X[rows], y[rows], epochs=n, optimizer=fg.Adam(row["lr"]))
    return net


def mae(net):
    return np.abs(net.predict(X)[:, 0] - y).mean()


def test_every_network_is_a_fit_of_its_own_and_the_best_is_first():
    found = searched(validation=(X, y), score="mae")
    scores = [row["score"] for row in found.table]
    assert scores == sorted(scores)
    assert found.metric == "mae"
    for row, settings, net in zip(found.table, found.settings, found.networks, strict=True):
        twin = fitted(row, EPOCHS)
        assert net.parameters.tobytes() == twin.parameters.tobytes()
        assert row["score"] == pytest.approx(mae(twin), rel=1e-5)
        assert settings == {name: row[name] for name in SPACE}
        assert row["epochs"] == EPOCHS
    assert (found.best, found.network) == (found.settings[0], found.networks[0])
    assert found.score == scores[0]
    assert {row["nodes"] for row in found.table} == {2, 8}
    assert all(1e-3 < row["lr"] < 1e-1 for row in found.table)
    assert repr(found).startswith("<Search of 9 networks: mae ")
    assert repr(found).endswith("}>")


def test_more_is_better_unless_it_is_an_error():
    scores = [row["score"] for row in searched().table]
    assert scores == sorted(scores, reverse=True)


def test_the_best_third_goes_on():
    found = searched(rounds=3, validation=(X, y), score="mae")
    by_seed = {row["seed"]: row for row in found.table}
    first = {seed: mae(fitted(row, EPOCHS)) for seed, row in by_seed.items()}
    best_3 = sorted(first, key=first.get)[:3]
    second = {seed: mae(fitted(by_seed[seed], EPOCHS, 2 * EPOCHS)) for seed in best_3}
    (best,) = sorted(second, key=second.get)[:1]
    last = fitted(by_seed[best], EPOCHS, 2 * EPOCHS, 6 * EPOCHS)
    expected = first | second | {best: mae(last)}
    epochs = dict.fromkeys(first, EPOCHS) | dict.fromkeys(best_3, 3 * EPOCHS)
    epochs[best] = 9 * EPOCHS
    assert {seed: row["epochs"] for seed, row in by_seed.items()} == epochs
    for seed, row in by_seed.items():
        assert row["score"] == pytest.approx(expected[seed], rel=1e-5)
    place = [row["seed"] for row in found.table].index(best)
    assert found.networks[place].parameters.tobytes() == last.parameters.tobytes()
    assert len(found.histories[place].cost) == len(found.histories[place].lr) == 9 * EPOCHS
    assert [row["score"] for row in found.table] == sorted(row["score"] for row in found.table)


def test_the_seed_decides_and_the_threads_do_not():
    one, two = (searched(rounds=2, threads=threads) for threads in (1, 3))
    assert without_time(one.table) == without_time(two.table)
    assert np.array_equal(one.network.parameters, two.network.parameters)
    other = searched(rounds=2, seed=1)
    assert without_time(one.table) != without_time(other.table)


def test_held_out_samples_are_not_trained_on():
    numbers, seen = np.arange(S), []  # each target is the number of its sample
    linear = partial(fg.Network, [2, 1], standardize_targets=True)

    def score(Y, prediction):
        seen.append(Y.astype(int).tolist())
        return 0.0

    found = fg.search(linear, {}, X, numbers, n=1, epochs=1, validation=0.2, score=score)
    assert len({*seen[-1]}) == 18
    rows = [s for s in range(S) if s not in seen[-1]]
    assert found.histories[0].samples == len(rows) == 72


def test_each_class_is_held_out_in_proportion():
    ids, seen = np.arange(S) // 30, []

    def score(Y, prediction):
        seen.append(np.bincount(Y).tolist())
        return 0.0

    make = partial(fg.Network, [2, 3], cost="softmax_cross_entropy")
    fg.search(make, {}, X, ids, n=1, epochs=1, score=score)
    assert seen[-1] == [6, 6, 6]


def test_settings_reach_whatever_takes_them():
    stats = pytest.importorskip("scipy.stats")
    taken = []

    def network(seed, nodes, **others):
        taken.append((nodes, others))
        return make(seed, nodes)

    def optimizer(lr, nodes):
        taken.append((nodes, lr))
        return fg.SGD(lr)

    space = {"nodes": stats.randint(2, 5), "lr": np.array([0.1]), "depth": (1, 2)}
    fg.search(network, space, X, y, n=4, epochs=1, optimizer=optimizer)
    assert [others.keys() for _, others in taken[:4]] == [{"depth"}] * 4
    assert [nodes for nodes, _ in taken[:4]] == [nodes for nodes, _ in taken[4:]]
    assert all(type(nodes) is int and 2 <= nodes < 5 for nodes, _ in taken)
    assert [lr for _, lr in taken[4:]] == [0.1] * 4
    assert len({nodes for nodes, _ in taken}) > 1


def test_the_best_settings_of_network_and_optimizer_train_another():
    def optimizer(lr, nodes):
        return fg.Adam(lr / nodes)

    best = searched()
    assert best.network_settings == {"nodes": best.best["nodes"]}
    assert best.optimizer_settings == {"lr": best.best["lr"]}
    assert searched(optimizer=optimizer, n=3).optimizer_settings.keys() == {"lr", "nodes"}
    fixed = searched(space={"nodes": [3]}, optimizer=fg.Adam(0.1), n=1)
    assert (fixed.network_settings, fixed.optimizer_settings) == ({"nodes": 3}, {})


def test_classes_and_partial_functions_are_enough():
    found = fg.search(
        partial(fg.Network, [2, 4, 1], "tanh"), {"dropout": [0.0, 0.5], "weight_decay": [0.1]},
        X, y, n=3, epochs=1, optimizer=fg.AdamW,
    )  # fmt: skip
    dropouts = [net.layers[0].dropout for net in found.networks]
    assert dropouts == [settings["dropout"] for settings in found.settings]


def test_callbacks_see_the_held_out_samples():
    numbers, finished = [], []

    def callbacks(k):
        numbers.append(k)
        return [fg.EarlyStopping(patience=50)]

    found = searched(
        rounds=2, n=3, seed=2, callbacks=callbacks, metrics=["mae"],
        on_finished=lambda k, history: finished.append(k),
    )  # fmt: skip
    assert sorted(numbers[:3]) == sorted(finished[:3]) == [0, 1, 2]
    (second,) = [row["seed"] - 2 for row in found.table if row["epochs"] > EPOCHS]
    assert numbers[3:] == finished[3:] == [second] != [0]
    for history, row in zip(found.histories, found.table, strict=True):
        columns = history.columns()
        assert {len(values) for values in columns.values()} == {row["epochs"]}
        assert {"val_cost", "val_mae"} <= columns.keys()


def test_early_stopping_by_the_held_out_samples():
    found = searched(n=3, epochs=200, early_stopping=2, optimizer=lambda lr: fg.Adam(0.3))
    assert all("no better val_cost for 2 epochs" in row["stopped"] for row in found.table)
    assert all(row["epochs"] < 200 for row in found.table)


def test_columns_are_taken_by_name_in_the_held_out_samples_too():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b"])
    named = fg.search(
        make, SPACE, table, y, n=2, epochs=1, optimizer=fg.Adam,
        validation=(table[["b", "a"]], y),
    )  # fmt: skip
    same = searched(n=2, epochs=1, validation=(X, y))
    assert without_time(named.table) == without_time(same.table)


def test_the_table_is_one_of_pandas():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(searched(n=2).table)
    columns = ["nodes", "lr", "score", "epochs", "seconds", "stopped", "seed"]
    assert table.columns.tolist() == columns


def test_a_network_that_fails_in_a_later_round_is_as_it_was_scored():
    class Fails(fg.Callback):
        def on_epoch_begin(self, fit):
            if fit.epochs > EPOCHS and fit.epoch == 1:  # in the second round
                raise RuntimeError("of a callback")

    with pytest.warns(RuntimeWarning, match="RuntimeError: of a callback"):
        found = searched(rounds=2, validation=(X, y), callbacks=lambda k: [Fails()])
    for row, net in zip(found.table, found.networks, strict=True):
        assert row["score"] == pytest.approx(fg.metrics.r2(y, net.predict(X)[:, 0]))
        assert row["epochs"] == EPOCHS


def test_an_interrupt_keeps_the_scores_so_far(monkeypatch):
    fit_many, rounds = module.fit_many, []

    def interrupted(networks, *given, **options):
        rounds.append(len(networks))
        if len(rounds) == 2:
            return [fg.History(0, stopped="interrupted")] * len(networks)
        return fit_many(networks, *given, **options)

    whole = searched()
    monkeypatch.setattr(module, "fit_many", interrupted)
    with pytest.warns(RuntimeWarning, match="^search: interrupted: 6 of 9 networks are finished$"):
        found = searched(rounds=3)
    assert repr(found).endswith("; interrupted: 6 of 9 networks are finished>")
    assert rounds == [9, 3]
    assert [row["score"] for row in found.table] == [row["score"] for row in whole.table]
    assert [row["stopped"] for row in found.table] == ["interrupted"] * 3 + [None] * 6

    def at_once(networks, *given, **options):
        return [fg.History(0, stopped="interrupted")] * len(networks)

    monkeypatch.setattr(module, "fit_many", at_once)
    with pytest.raises(KeyboardInterrupt):
        searched()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n": 0}, ValueError, "n: got 0"),
        ({"epoch": 3}, TypeError, "search: got an option 'epoch'; did you mean 'epochs'. expected"),
        ({"subsets": [[0]]}, TypeError, "subsets: got it in search, which chooses them"),
        ({"rounds": 0}, ValueError, "rounds: got 0"),
        ({"epochs": 0}, ValueError, "epochs: got 0"),
        ({"seed": -1}, ValueError, "seed: got -1"),
        ({"validation": 0}, ValueError, "validation: got 0"),
        ({"validation": 0.001}, ValueError, "validation: got 0.001, of 90 samples; expected at l"),
        ({"validation": (X,)}, ValueError, "validation: got 1 items; expected a pair"),
        ({"validation": (X[:, :1], y)}, ValueError, "validation X: got shape"),
        ({"score": "acuracy"}, ValueError, "score: got 'acuracy'; did you mean 'accuracy'"),
        ({"score": "accuracy"}, ValueError, "score: got 'accuracy'; expected one that suits"),
        ({"space": ["nodes"]}, TypeError, "space: got list; expected a dict"),
        ({"space": {"nodes": [], "lr": [1]}}, ValueError, r"space\['nodes'\]: got no values"),
        ({"space": {"nodes": 3}}, TypeError, r"space\['nodes'\]: got 3; expected a list"),
        ({"space": {"nodes": "ab"}}, TypeError, r"space\['nodes'\]: got 'ab'; expected a list"),
        (
            {"space": SPACE | {"node": [3]}},
            ValueError,
            "space: got 'node'; did you mean 'nodes'. expected parameters of make_network or opt",
        ),
        ({"space": SPACE | {"seed": [3]}}, ValueError, "space: got 'seed', which the table has"),
        ({"optimizer": "adam"}, TypeError, "optimizer: got 'adam'; expected one such as fg.Adam"),
        ({"optimizer": fg.Adam()}, ValueError, "space: got 'lr'; expected parameters of make_net"),
    ],
)  # fmt: skip
def test_wrong_arguments(options, error, message):
    with pytest.raises(error, match=message) as raised:
        searched(**options)
    assert "\n" not in str(raised.value)
