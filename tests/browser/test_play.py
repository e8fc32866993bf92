"""A reader builds a network, trains it, and asks where its numbers come from."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.play_server import serving
from helpers.run_mode import jitted_only

pytest.importorskip("selenium", reason="selenium is missing; `tox -e browser` has it")
from .page import Keys, Page, start_chromium

pytestmark = jitted_only

SMALL = "layers=6,5&activations=tanh,relu&data=moons&samples=200&noise=0.05&rate=0.03"


@pytest.fixture(scope="module")
def driver():
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        yield server


@pytest.fixture
def page(driver, server):
    page = Page(driver, server)
    yield page
    assert page.errors() == []
    page.leave()


@pytest.fixture
def screenshots(tmp_path):
    """The folder of the screenshots; the variable SCREENSHOTS names one that is kept."""
    return Path(os.environ.get("SCREENSHOTS", tmp_path))


def run(code):
    names = {"__name__": "program"}
    exec(compile(code, "program", "exec"), names)
    return names


def test_build_train_explain_and_export(page, capsys):
    page.open()
    page.choose("[name=data]", "circles")
    page.until(lambda: "data=circles" in page.driver.current_url)
    page.choose("[aria-label='Nodes of layer 1']", 7)
    page.choose("[aria-label='Activation of layer 1']", "silu")
    page.click("[aria-label='Remove layer 2']")
    page.choose("[name=rate]", "0.03")
    page.until(lambda: page.session.settings.layers == (7,) and page.number("updates") == 0)
    page.until(lambda: len(page.all(".node")) == 2 + 7 + 1)
    page.train(40)
    assert page.number("train-cost") < 0.05
    assert page.number("test-accuracy") > 95

    page.click_line(1, 3, 1)
    net, problem = page.session.net, page.session.problem
    assert page.explained() == net.gradients(problem.X[:1], problem.y[:1]).dC_dW[0][3, 1]
    page.click("#code")
    page.until(lambda: page.find("#program").is_displayed())
    names = run(page.text("program-text"))
    assert np.array_equal(names["net"].parameters, net.parameters)
    assert names["net"].activations == ("silu", "identity")
    cost = float(capsys.readouterr().out.splitlines()[0].split()[-1])
    assert f"{cost:.4f}" == page.text("train-cost")


def test_every_step(page):
    page.open(SMALL)
    page.click("#update")
    page.until(lambda: page.number("updates") == 1)
    page.click("#epoch")
    page.until(lambda: page.number("epochs") == 1)
    batches = page.session.batches
    assert page.number("updates") == batches
    page.click("#equation")
    page.until(lambda: page.find("#explained").is_displayed())
    seen = []
    buttons = page.all("#groups button")
    for _ in buttons:
        seen.append(page.find("#group h3").text)
        page.click("#equation")
    assert page.find("#group h3").text == seen[0]  # from the beginning
    assert seen[:2] == ["Forward, layer 1: equation (1)", "Forward, layer 1: equation (2)"]
    numbers = [title.partition("equation ")[2] for title in seen]
    derivation = [number for number in numbers if number in {f"({k})" for k in range(1, 11)}]
    assert "".join(derivation) == "(1)(2)(1)(2)(1)(2)(3)(5)(3)(5)(3)(4)"
    assert page.number("updates") == batches


def test_one_softmax_equation_is_the_eighth(page):
    page.open(f"{SMALL}&data=blobs")
    page.click("#equation")
    page.until(lambda: page.find("#explained").is_displayed())
    (eighth,) = [button for button in page.all("#groups button") if button.text == "(8)"]
    eighth.click()
    assert "p_0 - y_0" in page.find("#group dt").text
    assert "for i in range(n_out):  # eq. (8): dC/du_i = p_i - y_i" in page.find("#group pre").text


def test_an_explanation_follows_the_training(page):
    page.open(SMALL)
    page.click_line(1, 2, 1)
    before = page.explained()
    page.click("#update")
    problem = page.session.problem
    x, y = problem.X[:1], problem.y[:1]
    page.until(lambda: page.explained() != before)
    assert page.explained() == page.session.net.gradients(x, y).dC_dW[0][2, 1]
    page.find("body").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.find("#explained").is_displayed())
    assert not page.all("svg.dim")
    page.click_line(1, 2, 1)
    page.until(lambda: page.find("#explained").is_displayed())
    page.choose("#sample", 9)
    x, y = problem.X[9:10], problem.y[9:10]
    expected = page.session.net.gradients(x, y).dC_dW[0][2, 1]
    page.until(lambda: page.explained() == expected)


def test_a_link_holds_the_state(page):
    page.open()
    for name, value in (("data", "wave"), ("optimizer", "RMSprop"), ("l2", "0.001")):
        page.choose(f"[name={name}]", value)
    page.choose("[name=seed]", 11)
    page.until(lambda: "seed=11" in page.driver.current_url)
    settings = page.session.settings
    page.open(page.driver.current_url.partition("#")[2])
    assert page.session.settings == settings
    assert settings.optimizer == "RMSprop"
    assert not page.find(".accuracy").is_displayed()  # numbers have none


def test_a_bad_link_is_one_line_and_can_be_put_right(page):
    page.driver.get("about:blank")
    page.driver.get(f"{page.server.url}#rate=-1")
    page.until(lambda: "rate: got -1" in page.text("message"))
    page.choose("[name=rate]", "0.01")
    page.click("#restart")
    page.until(lambda: page.text("train-cost"))
    assert page.text("message") == ""


def test_the_rate_changes_while_it_trains(page):
    page.open(SMALL)
    page.train(3)
    session = page.session
    page.choose("[name=rate]", "0.001")
    page.train(10)
    assert page.session is session
    code = session.code()
    assert "optimizer.lr = 0.001" in code
    assert np.array_equal(run(code)["net"].parameters, session.net.parameters)


def test_own_data(page, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    rows = [f"{a:.3f},{b:.3f},{c:.3f},{'yes' if a > b else 'no'}" for a, b, c in X]
    path = tmp_path / "own.csv"
    path.write_text("first,second,third,larger\n" + "\n".join(rows))
    page.open()
    page.choose("[name=data]", "table")
    page.until(lambda: "Choose a file" in page.text("message"))
    page.find("#file").send_keys(str(path))
    names = "return [...document.querySelectorAll('.node span')].map((e) => e.textContent)"
    page.until(lambda: page.run(names) == ["first", "second", "third"])  # while it is drawn anew
    assert [e.text for e in page.all("#classes span")] == ["no", "yes"]
    page.train(20)
    assert page.number("test-accuracy") > 80
    page.choose("[name=target]", "third")
    page.until(lambda: page.text("y-axis") == "second principal component")
    page.until(lambda: page.session.settings.target == "third")
    assert "sets.table('own.csv', target='third'" in page.session.code()
    path.write_text("a,b\n1,2\n")
    page.run("document.getElementById('file').value = ''")  # as a click on it does
    page.find("#file").send_keys(str(path))
    page.until(lambda: page.find("#message").get_attribute("class") == "error")
    assert page.text("message").startswith("own.csv")


def test_the_lines_show_the_gradients(page):
    page.open(SMALL)
    page.train(2)
    page.click("input[value=gradients] + *, label:has([value=gradients])")
    net, problem = page.session.net, page.session.problem
    largest = max(np.abs(dW).max() for dW in net.gradients(problem.X, problem.y).dC_dW)
    page.until(lambda: page.text("widest") == f"widest {float(f'{largest:.3g}'):g}")


def test_a_page_that_is_hidden_or_closed_computes_nothing(page):
    page.open(SMALL)
    first, session = page.driver.current_window_handle, page.session
    page.click("#play")
    page.until(lambda: page.number("epochs") > 5)
    page.driver.switch_to.new_window("tab")
    page.driver.get("about:blank")
    until_unheard(session)
    updates, begin = session.updates, time.process_time()
    time.sleep(1)
    assert session.updates == updates
    assert time.process_time() - begin < 0.2
    page.driver.close()
    page.driver.switch_to.window(first)
    page.until(lambda: session.updates > updates)
    page.driver.get("about:blank")
    until_unheard(session)


def until_unheard(session):
    end = time.monotonic() + 20
    while session.is_heard:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_pages_at_once(page):
    page.open(SMALL)
    first, session = page.driver.current_window_handle, page.session
    page.driver.switch_to.new_window("window")
    page.open(f"{SMALL}&seed=5")
    other = page.session
    assert other is not session
    for each in (session, other):
        each.control(goal="play")
    page.until(lambda: session.updates > 50 and other.updates > 50)
    for each in (session, other):
        each.control(goal="pause")
    assert other.settings.seed == 5
    page.driver.close()
    page.driver.switch_to.window(first)


def test_at_least_20_pictures_a_second(page):
    page.open()  # 2-16-16-1
    assert page.session.net.sizes == (2, 16, 16, 1)
    page.click("#play")
    page.until(lambda: page.number("updates") > 0)
    count = """
    const done = arguments[0], begin = performance.now(), seen = new MutationObserver(() => n++);
    let n = 0;
    seen.observe(document.body, { attributes: true, attributeFilter: ["data-updates"] });
    setTimeout(() => done(n / (performance.now() - begin) * 1000), 2000);
    """  # the best of several: other programs may have the processor
    page.until(lambda: page.driver.execute_async_script(count) >= 20)


def test_keyboard_alone(page):
    page.open(SMALL)
    active = page.driver.switch_to.active_element
    active.send_keys(Keys.TAB, Keys.ENTER)  # the first thing is the button Train
    page.until(lambda: page.number("updates") > 20)
    page.driver.switch_to.active_element.send_keys(Keys.SPACE)
    page.until(lambda: page.run("return document.body.dataset.playing") == "false")
    page.until(lambda: page.text("spoken").startswith("Update "))
    page.run("document.querySelector('.node[tabindex=\"0\"]').focus()")
    for key, layer, i in ((Keys.ARROW_DOWN, 1, 1), (Keys.ARROW_RIGHT, 2, 1), (Keys.ARROW_UP, 2, 0)):
        page.driver.switch_to.active_element.send_keys(key)
        node = page.driver.switch_to.active_element
        assert (node.get_attribute("data-layer"), node.get_attribute("data-i")) == (
            str(layer),
            str(i),
        )
        assert node.accessible_name == f"layer {layer}, node {i}"
    assert page.text("result-title") == "Layer 2, node 0"
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    net, problem = page.session.net, page.session.problem
    assert page.explained() == net.gradients(problem.X[:1], problem.y[:1]).dC_db[1][0]
    weight = page.all(".weight")[2]
    weight.send_keys(Keys.ENTER)
    expected = net.gradients(problem.X[:1], problem.y[:1]).dC_dW[1][0, 1]
    page.until(lambda: page.explained() == expected)


def test_everything_has_a_name(page):
    page.open(SMALL)
    page.click_line(1, 0, 0)
    page.explained()
    for element in page.all("button, input, select, canvas[role], pre"):
        if element.is_displayed() and element.tag_name != "pre":
            assert element.accessible_name, element.get_attribute("outerHTML")
    assert page.run("return document.documentElement.lang") == "en"
    assert [e.text for e in page.all("h1")] == ["fastgrad play"]


def test_nothing_is_asked_of_another_host(page):
    page.open(SMALL)
    asked = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(asked) > 8
    assert all(name.startswith(page.server.url) for name in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, scheme):
    page.resize(1400, 1000, scheme)
    page.open(SMALL)
    colors = page.run(
        "const style = getComputedStyle(document.documentElement); return Object.fromEntries("
        "arguments[0].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]))",
        ["page", "card", "text", "muted", "accent", "on-accent", "error", "code"],
    )
    for front, back in (
        ("text", "card"), ("muted", "card"), ("muted", "page"), ("error", "page"),
        ("on-accent", "accent"), ("text", "code"), ("accent", "card"),
    ):  # fmt: skip
        assert contrast(colors[front], colors[back]) >= 4.5, (front, back)


def contrast(one, other):
    """As WCAG 2 defines it."""

    def luminance(color):
        c = np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return c @ [0.2126, 0.7152, 0.0722] + 0.05

    low, high = sorted([luminance(one), luminance(other)])
    return high / low


RELU = "activations=" + ",".join(["relu"] * 6)
DIGITS = "data=digits&layers=32&activations=relu&rate=0.003"

#: Width, height, colours, link, epochs, and the line that is clicked.
VIEWS = {
    "play": (1280, 845, "light", "", 90, None),
    "play-equation": (1280, 900, "light", SMALL, 40, (2, 3, 5)),
    "play-dark": (1280, 900, "dark", SMALL, 40, None),
    "play-phone": (390, 844, "light", SMALL, 40, (1, 2, 0)),
    "play-phone-dark": (320, 700, "dark", "data=penguins", 10, None),
    "play-curve": (1000, 900, "light", "data=wave", 150, None),
    "play-digits": (1600, 1000, "dark", DIGITS, 8, (1, 2, 20)),
    "play-deep": (1280, 900, "light", f"layers=6,6,6,6,6,6&{RELU}", 5, None),
}


@pytest.mark.parametrize("name", VIEWS)
def test_screenshots(page, name, screenshots):
    width, height, scheme, fragment, epochs, line = VIEWS[name]
    page.resize(width, height, scheme)
    page.open(fragment)
    page.train(epochs)
    if line:
        page.click_line(*line)
        page.explained()
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.screenshot(screenshots / f"{name}.png")
    assert (screenshots / f"{name}.png").stat().st_size > 20_000
