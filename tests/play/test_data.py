"""The sets of the page, the settings, and what is refused."""

import io
from dataclasses import asdict

import numpy as np
import pytest
from helpers.run_mode import jitted_only

import fastgrad as fg
from fastgrad.play import data
from fastgrad.play.settings import Settings


@pytest.mark.parametrize("name", data.MADE)
def test_a_set_is_the_same_for_the_same_seed(name):
    one, same, other = (data.made(name, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.X, same.X)
    assert np.array_equal(one.y_test, same.y_test)
    assert not np.array_equal(one.X, other.X)


@pytest.mark.parametrize("name", data.MADE)
def test_a_set_without_noise_is_about_from_minus_one_to_one(name):
    made = data.made(name, samples=2000, noise=0.0)
    for numbers in (made.X, *([] if made.classes else [made.y])):
        assert 0.5 < np.abs(numbers).max() < 1.3
    assert len(made.X) == len(made.X_test) == 1000
    if made.classes:
        assert 0.2 < (made.y == 0).mean() < 0.8


@jitted_only
@pytest.mark.parametrize(
    ("name", "layers", "lowest"),
    [("moons", [8], 0.97), ("circles", [8], 0.97), ("xor", [8], 0.97), ("blobs", [], 0.97),
     ("spirals", [32, 32], 0.97), ("checkerboard", [32, 32], 0.85)],
)  # fmt: skip
def test_a_network_learns_the_set(name, layers, lowest):
    made = data.made(name, samples=800, noise=0.02)
    net = fg.Network([2, *layers, 3], "tanh", cost="softmax_cross_entropy", seed=0)
    net.fit(made.X, made.y, epochs=150, optimizer=fg.Adam(0.01))
    assert (net.predict(made.X_test).argmax(axis=1) == made.y_test).mean() > lowest


def test_the_bundled_sets():
    digits, penguins = map(data.bundled, data.BUNDLED)
    assert digits.X.shape[1] == 64
    assert len(digits.X) + len(digits.X_test) == 1797
    assert penguins.classes == ["Adelie", "Chinstrap", "Gentoo"]
    assert penguins.targets.target == "species"


def test_a_table_of_numbers_is_standardised():
    rows = "\n".join(f"{x},{100 + 50 * x}" for x in range(40))
    found = data.table(io.StringIO(f"size,price\n{rows}"))
    y = np.concatenate([found.y, found.y_test])
    assert abs(y.mean()) < 1e-12
    assert abs(y.std() - 1) < 1e-12
    assert found.names == ("size",)
    assert found.classes is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.made("moon"), "data: got 'moon'; did you mean 'moons'? "),
        (
            lambda: data.made("moons", samples=3),
            "samples: got 3; expected an integer of at least 20",
        ),
        (lambda: data.made("moons", noise=2), "noise: got 2; expected a finite number"),
        (lambda: data.made("moons", test_size=0), "test_size: got 0; expected a finite number"),
        (lambda: data.bundled("iris"), "data: got 'iris'; .*expected one of digits, penguins"),
        (
            lambda: data.table({"x": range(10_001), "y": range(10_001)}),
            "table: got 10,001 rows and 1 inputs; expected at most 10,000 and 256",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        make()


def test_settings_come_back_from_json():
    settings = Settings(layers=(3,), activations=("relu",), rate=0.5)
    content = asdict(settings) | {"layers": [3], "activations": ["relu"]}
    assert Settings.from_json(content) == settings
    assert Settings.from_json({}) == Settings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"settings: got \[\]; expected an object"),
        ({"layer": [1]}, "settings: got 'layer'; did you mean 'layers'"),
        ({"data": 7}, "data: got 7; expected one of "),
        ({"layers": 16}, "layers: got 16; expected a list of at most 6"),
        ({"layers": [1] * 7, "activations": ["tanh"] * 7}, r"layers: got .*; expected a list"),
        ({"layers": [0, 2]}, r"layers\[0\]: got 0; expected an integer of at least 1"),
        ({"layers": [2, 500]}, r"layers\[1\]: got 500; expected an integer of at most 128"),
        ({"layers": [2.5, 2]}, r"layers\[0\]: got 2.5; expected an integer"),
        ({"layers": [2]}, "activations: got 2; expected one for each of 1 layers"),
        ({"activations": ["tanh", "tan"]}, r"activations\[1\]: got 'tan'; did you mean 'tanh'"),
        ({"activations": "tanh"}, "activations: got 'tanh'; expected a list"),
        ({"optimizer": "adam"}, "optimizer: got 'adam'; did you mean 'Adam'"),
        ({"rate": 0}, "rate: got 0; expected a finite number above 0"),
        ({"rate": float("nan")}, "rate: got nan; expected a finite number"),
        ({"l2": -1}, "l2: got -1; expected a finite number"),
        ({"dropout": 1}, "dropout: got 1; expected a finite number"),
        ({"batch_size": True}, "batch_size: got True; expected an integer"),
        ({"seed": -1}, "seed: got -1; expected an integer of at least 0"),
        ({"seed": "0"}, "seed: got '0'; expected an integer of at least 0"),
        ({"cost": None}, "cost: got None; expected text"),
        ({"target": ["x"]}, "target: got .*; expected text"),
    ],
)
def test_wrong_settings_are_refused(content, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Settings.from_json(content)


def test_a_cost_that_does_not_suit_the_data_is_refused():
    settings = Settings(data="wave", cost="softmax_cross_entropy")
    with pytest.raises(
        ValueError, match="cost: got 'softmax_cross_entropy'; expected one of huber"
    ):
        settings.network_arguments(settings.problem())
