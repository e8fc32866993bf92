"""The page in headless Chromium, served by this process; skipped where there is none."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from helpers.run_mode import PLAIN

from fastgrad.play.server import Server

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="selenium is missing; `tox -e browser` has it"
)

from .page import Page  # noqa: E402 - it imports selenium

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion", "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="session")
def driver():
    if PLAIN:
        pytest.skip("the loops are not compiled")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    chromedriver = shutil.which("chromedriver")
    if browser is None or chromedriver is None:
        pytest.skip(
            "needs chromium and chromedriver, of Debian's packages chromium, chromium-driver"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in OPTIONS:
        options.add_argument(option)
    service = webdriver.ChromeService(executable_path=chromedriver)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def server():
    with Server(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(driver, server):
    page = Page(driver, server)
    yield page
    assert page.errors() == []
    page.leave()


@pytest.fixture
def screenshots(tmp_path):
    """The folder of the screenshots; SCREENSHOTS names one that is kept."""
    return Path(os.environ.get("SCREENSHOTS", tmp_path))
