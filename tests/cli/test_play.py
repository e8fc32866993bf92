"""`fastgrad play` on the command line; tests/play and tests/browser test the page itself."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from helpers.run_mode import jitted_only


@pytest.fixture
def start(folder):
    """Start the command; returns the process and the address of the page."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "fastgrad", "play", "--no-browser", "--json", *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        lines = [process.stdout.readline() for _ in range(3)]
        return process, json.loads("".join(lines))["url"]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def fetch(url):
    host, _, path = url.removeprefix("http://").partition("/")
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        connection.request("GET", f"/{path}")
        return connection.getresponse().read().decode()


@jitted_only
def test_it_serves_the_page_until_it_is_interrupted(start):
    process, url = start("--port", "0")
    assert "<title>fastgrad play</title>" in fetch(url)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@jitted_only
def test_it_begins_with_the_table(start, flowers):
    _, url = start("--port", "0", "flowers.csv")
    catalogue = json.loads(fetch(f"{url}catalogue"))
    assert catalogue["settings"]["data"] == "table"
    assert catalogue["table"]["name"] == "flowers.csv"
    assert catalogue["table"]["target"] == "species"


def test_a_table_that_is_not_there(run):
    assert "nothing.csv: No such file" in run("play", "nothing.csv", "--no-browser", code=2)


def test_a_port_that_is_in_use(run):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        errors = run("play", "--no-browser", "--port", str(port), code=2)
    assert f"error: --port: got {port}, which is in use or not allowed; expected another" in errors


def test_a_port_beyond_all(run):
    assert "--port: got 65536, which" in run("play", "--port", "65536", code=2)
