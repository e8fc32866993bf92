"""A session trains as it is told, stands still if nobody listens, and exports what it has done."""

import base64
import json
import math
import threading
import time

import numpy as np
import pytest
from helpers.run_mode import jitted_only

from fastgrad.play.session import Session
from fastgrad.play.settings import Settings

pytestmark = jitted_only
SECONDS = 30


class Page:
    """What a page does: it listens, and tells the session what to do."""

    def __init__(self, session):
        self.session, self.listener = session, session.listen()

    def until(self, wanted):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            picture = self.session.next(self.listener, 1.0)
            if picture and wanted(found := json.loads(picture)):
                return found
        raise AssertionError("no such picture came")

    def train(self, goal):
        before = self.session.updates - (goal == "pause")
        self.session.control(goal=goal)  # a picture from before may still be on its way
        return self.until(lambda now: not now["playing"] and now["updates"] > before)

    def play(self, updates):
        self.session.control(goal="play")
        self.until(lambda picture: picture["updates"] >= updates)
        return self.train("pause")


@pytest.fixture
def page(request):
    """A page with the settings that the test's parameter names, on the default problem."""
    settings = Settings.from_json(getattr(request, "param", {}))
    page = Page(Session(settings, settings.problem()))
    yield page
    page.session.close()
    page.session.wait()


def run(code):
    names = {"__name__": "program"}
    exec(compile(code, "program", "exec"), names)
    return names["net"]


SETTINGS = [
    {},
    {"data": "wave", "activations": ["relu", "gelu"], "dropout": 0.1, "l2": 0.001, "seed": 3},
    {"data": "blobs", "layers": [], "activations": [], "optimizer": "SGD with momentum"},
    {"data": "digits", "layers": [24], "activations": ["relu"], "batch_size": 64, "l1": 0.0001},
    {"data": "xor", "cost": "softmax_cross_entropy", "batch_size": 1, "samples": 40},
]


@pytest.mark.parametrize("page", SETTINGS, indirect=True)
def test_the_program_gives_the_same_bits(page, capsys):
    page.train("update")
    page.train("epoch")
    page.play(60)
    page.session.control(rate=0.003)
    page.session.control(gradients=True, per_picture=math.inf)
    page.play(200)
    x, y = page.session.problem.X[:1], page.session.problem.y[:1]
    for _ in range(3):  # what is looked at meanwhile changes nothing
        page.train("update")
        page.session.explain(x, y, {"layer": 1, "i": 0, "j": 0})
    net = run(page.session.code())
    assert page.session.updates > 200
    assert np.array_equal(net.parameters, page.session.net.parameters)
    assert "cost of the test samples" in capsys.readouterr().out


def test_a_program_of_no_training_is_the_network_as_it_was_drawn(page):
    code = page.session.code()
    assert "fit" not in code
    assert np.array_equal(run(code).parameters, page.session.net.parameters)


@pytest.mark.parametrize(
    "page", [{"data": "wave", "optimizer": "SGD", "rate": 50.0}], indirect=True
)
@pytest.mark.filterwarnings("ignore:fit. the cost is:RuntimeWarning")
def test_a_training_that_diverges_says_so_and_stops(page):
    page.session.control(goal="play")
    picture = page.until(lambda picture: picture["message"])
    assert picture["message"].startswith("diverged: the cost is ")
    assert not picture["playing"]
    net = run(page.session.code())
    assert np.array_equal(net.parameters, page.session.net.parameters)


def test_steps_are_what_they_say(page):
    assert page.train("update")["updates"] == 1
    assert page.train("epoch")["updates"] == page.session.batches
    assert page.train("epoch")["updates"] == 2 * page.session.batches


def test_it_trains_to_a_low_cost(page):
    page.session.control(per_picture=math.inf)
    assert page.play(8000)["train"]["cost"] < 0.01


def test_nothing_is_computed_for_a_page_that_does_not_listen(page):
    page.session.control(goal="play")
    page.until(lambda picture: picture["updates"])
    page.session.leave(page.listener)
    time.sleep(0.3)
    updates, begin = page.session.updates, time.process_time()
    time.sleep(1.0)
    assert page.session.updates == updates
    assert time.process_time() - begin < 0.2
    page.listener = page.session.listen()
    page.until(lambda picture: picture["updates"] > updates)


def test_a_slow_page_slows_the_training_down(page):
    page.session.control(goal="play")
    page.until(lambda picture: picture["updates"])
    time.sleep(0.5)
    updates = page.session.updates
    time.sleep(0.5)
    assert page.session.updates == updates


def test_a_second_listener_replaces_the_first(page):
    first, page.listener = page.listener, page.session.listen()
    assert page.session.next(first, SECONDS) is None
    page.until(lambda picture: picture["updates"] == 0)


def test_two_sessions_train_at_the_same_time(page):
    other = Page(Session(page.session.settings, page.session.problem))
    for each in (page, other):
        each.session.control(goal="play")
    for each in (page, other):
        each.until(lambda picture: picture["updates"] >= 100)
        each.train("pause")
    other.session.close()
    other.session.wait()


def test_the_thread_of_a_closed_session_ends(page):
    page.session.control(goal="play")
    page.session.close()
    page.session.wait()
    assert page.session.next(page.listener, 1.0) is None
    assert not [t for t in threading.enumerate() if t.name == "fastgrad play"]


def test_the_picture_is_that_of_the_network(page):
    page.train("epoch")
    net, problem = page.session.net, page.session.problem
    page.session.control(gradients=True)
    picture = page.until(lambda picture: "gradients" in picture)
    dC = net.gradients(problem.X, problem.y)
    for l, layer in enumerate(net.layers):
        assert np.array_equal(decoded(picture["weights"][l]["W"]), layer.W.ravel())
        assert np.array_equal(decoded(picture["weights"][l]["b"]), layer.b)
        assert np.array_equal(decoded(picture["gradients"][l]["W"]), dC.dC_dW[l].ravel())
    assert picture["train"]["cost"] == net.cost(problem.X, problem.y)
    accuracy = ((net.predict(problem.X_test)[:, 0] > 0.5) == problem.y_test).mean()
    assert picture["test"]["accuracy"] == accuracy


def test_the_response_of_a_node_is_its_activation(page):
    picture = page.train("epoch")
    net, samples = page.session.net, page.session.canvas.samples()
    (x0, y0), (x1, y1), n = samples["low"], samples["high"], samples["tile"]
    x, y = np.meshgrid(np.linspace(x0, x1, n), np.linspace(y1, y0, n))
    a = np.column_stack([x.ravel(), y.ravel()])
    for layer, drawn in zip(net.layers, picture["nodes"][1:], strict=False):
        a = np.tanh(a @ layer.W.T + layer.b)
        largest = np.abs(a).max(axis=0)
        assert np.allclose(drawn["largest"], largest, rtol=1e-4)
        steps = decoded(drawn["a"], np.int8).reshape(len(largest), -1).T
        assert np.abs(steps - 127 * a / largest).max() < 0.51


def decoded(text, dtype=np.float32):
    return np.frombuffer(base64.b64decode(text), dtype)
