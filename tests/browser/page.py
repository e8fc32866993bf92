"""What a reader does with the page, and sees of it, in headless Chromium."""

import base64
import io
import shutil
import time

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

__all__ = ["Keys", "Page", "start_chromium"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion", "--hide-scrollbars",
)  # fmt: skip
SECONDS = 60
_ERRORS = """
window.errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective));
"""


def start_chromium():
    """A new browser, if there is one here; its version and chromedriver's are the same."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    chromedriver = shutil.which("chromedriver")
    if browser is None or chromedriver is None:
        pytest.skip("chromium is missing; Debian's packages are chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in _OPTIONS:
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    driver.set_script_timeout(SECONDS)
    return driver


class Page:
    def __init__(self, driver, server):
        self.driver, self.server = driver, server
        done = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _ERRORS})
        self._script = done["identifier"]
        self.resize(1400, 1000)

    def leave(self):
        script = {"identifier": self._script}
        self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
        self.driver.get("about:blank")

    def resize(self, width, height, scheme="light"):
        metrics = {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600
        }  # fmt: skip
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, fragment=""):
        self.driver.get("about:blank")  # so that another fragment is another page
        self.driver.get(f"{self.server.url}#{fragment}")
        self.until(lambda: self.text("train-cost"))
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def errors(self):
        return self.run("return window.errors || []")

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def number(self, name):
        return float(self.text(name).replace(",", "").removesuffix(" %"))

    def click(self, selector):
        self.find(selector).click()

    def click_line(self, layer, i, j):
        """Click in the middle of the line of a weight, where lines may cross: on this one."""
        line = f'g[data-layer="{layer}"][data-i="{i}"][data-j="{j}"] .hit'
        click = "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        self.run(click, self.find(line))

    def choose(self, name, value):
        """Choose in a select, or set a number, as a reader does."""
        field = self.find(name)
        if field.tag_name == "select":
            field.find_element(By.CSS_SELECTOR, f'option[value="{value}"]').click()
        else:
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(str(value), Keys.TAB)

    def until(self, condition, seconds=SECONDS):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"{self.text('message')} {self.errors()}"
            time.sleep(0.05)
        return found

    def train(self, epochs):
        self.click("#play")
        self.until(lambda: self.number("epochs") >= epochs)
        self.click("#play")
        self.until(lambda: self.run("return document.body.dataset.playing") == "false")

    def explained(self):
        """The derivative that is explained, once it is."""
        value = "return document.getElementById('derivative').dataset.value"
        return float(self.until(lambda: self.run(value)))

    @property
    def session(self):
        """The session of the page, which is the last one."""
        return list(self.server.pages._sessions.values())[-1]

    def screenshot(self, path):
        """Save the page from its top to its end."""
        self.run("scrollTo(0, 0)")
        options = {"captureBeyondViewport": False}
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return innerWidth")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_async_script(
            "requestAnimationFrame(() => setTimeout(arguments[0], 100))"
        )
        found = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        picture = Image.open(io.BytesIO(base64.b64decode(found["data"])))
        picture.convert("RGB").quantize(192).save(path, optimize=True)
