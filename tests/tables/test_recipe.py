"""The recipe: what it depends on, and that it trains."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.tables.recipe import SCHEDULES, deep_share, default_recipe

SIZES = [1, 80, 499, 500, 3_000, 3_001, 20_000, 20_001, 10**7]


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("n_classes", [None, 2, 10])
def test_every_size_of_table_has_a_recipe(n_rows, n_classes):
    recipe = default_recipe(n_rows, n_classes)
    assert recipe.layers
    assert min(n_rows, 2) <= recipe.members <= n_rows
    assert recipe.patience < recipe.epochs
    assert 0 < recipe.validation_size < 1
    assert recipe.schedule in SCHEDULES


def test_steps_and_members_do_not_grow_out_of_bounds():
    by_rows = [default_recipe(n, None) for n in SIZES]
    members = [recipe.members for recipe in by_rows]
    batches = [recipe.batch_size for recipe in by_rows]
    assert members[1:] == sorted(members[1:], reverse=True)  # the first has a single row
    assert batches == sorted(batches)


def test_each_optimizer_is_a_new_one():
    recipe = default_recipe(100, 2)
    first, second = recipe.optimizer(), recipe.optimizer()
    assert type(first) is fg.AdamW
    assert first is not second


def test_the_linear_recipe_differs_in_layers_alone():
    recipe = default_recipe(100, 2)
    assert recipe.linear.layers == ()
    assert recipe.linear.dropout == 0
    assert recipe.linear.batch_size == recipe.batch_size


@pytest.mark.parametrize("deep", [True, False], ids=["deep", "linear"])
def test_a_recipe_learns_a_line(deep):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)).astype(np.float32)
    Y = X @ [[3.0], [-2.0], [0.5]] + 100
    recipe = default_recipe(len(X), None)
    recipe = recipe if deep else recipe.linear
    net = recipe.network(3, 1, seed=0, standardize_targets=True)
    net.fit(
        X, Y, recipe.epochs, recipe.batch_size, recipe.optimizer(), validation=(X[:30], Y[:30]),
        callbacks=[fg.EarlyStopping(patience=recipe.patience)], threads=1,
    )  # fmt: skip
    assert np.square(net.predict(X) - Y).mean() < 0.02 * Y.var()


def test_the_share_goes_to_the_better_predictions():
    rng = np.random.default_rng(0)
    Y = rng.normal(size=(50, 1))
    worse = Y + rng.normal(size=(50, 1))
    assert deep_share(Y, Y, worse) == 1
    assert deep_share(Y, worse, Y) == 0
    assert deep_share(Y, worse, worse) == 1
    assert deep_share(Y, Y + 1, Y - 1) == 0.5


def test_the_share_of_classes_has_the_least_cross_entropy():
    y = np.array([0, 1, 1, 0])
    right = np.where(np.arange(2) == y[:, None], 0.9, 0.1)
    assert deep_share(y, right, 1 - right) == 1
    assert deep_share(y, 1 - right, right) == 0
    # three sure and right, one sure and wrong: hedged with the even odds
    sure = np.where(np.arange(2) == np.array([0, 1, 1, 1])[:, None], 0.999, 0.001)
    share = deep_share(y, sure, np.full((4, 2), 0.5))
    p = [share * sure[s, y[s]] + (1 - share) * 0.5 for s in range(4)]
    assert 0 < share < 1
    assert -np.log(p).mean() < -np.log([0.5] * 4).mean()
