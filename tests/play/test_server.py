"""Requests as they should be, and as they should not."""

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from helpers.play_server import serving
from helpers.run_mode import jitted_only

SECONDS = 30


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        yield server


@pytest.fixture
def send(server):
    """Send bytes on a connection of their own; returns the status and what follows the headers."""

    def send(text):
        with closing(socket.create_connection(server.server_address, SECONDS)) as connection:
            connection.sendall(text if isinstance(text, bytes) else text.encode())
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body, head.decode("latin-1")

    return send


@pytest.fixture
def get(server, send):
    def get(path, host=None, **headers):
        lines = [f"Host: {host or server.hosts[0]}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines = "\r\n".join([f"GET {path} HTTP/1.1", *lines, "Connection: close", "", ""])
        return send(lines)

    return get


@pytest.fixture
def post(server, send):
    def post(path, content, **changes):
        body = content if isinstance(content, str) else json.dumps(content)
        headers = {
            "Host": server.hosts[0], "Content-Type": "application/json",
            "Content-Length": str(len(body.encode())), "Connection": "close",
        }  # fmt: skip
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        status, answer, _ = send("\r\n".join([f"POST {path} HTTP/1.1", *lines, "", body]))
        return status, json.loads(answer)

    return post


def test_the_page_and_its_files(server, get):
    status, body, head = get("/")
    assert status == 200
    assert b"<title>fastgrad play</title>" in body
    assert "text/html" in head
    assert "default-src 'none'; script-src 'self'" in head
    for path, (_, content) in server.files.items():
        assert get(path)[:2] == (200, content)


def test_the_page_asks_nothing_of_any_other_host(server):
    for path, (_, content) in server.files.items():
        text = content.decode().replace("http://www.w3.org/2000/svg", "")  # a name, not a request
        assert "://" not in text, path


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/../server.py", "/static/../server.py", "/%2e%2e/server.py", "//etc/passwd",
     "/index.html/..", "/main.js/", "/.", "/session", "/" + "a" * 5000],
)  # fmt: skip
def test_there_is_no_other_path(get, path):
    assert get(path)[0] == 404


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:80", "127.0.0.1", "127.0.0.1:1", "[::1]"]
)
@pytest.mark.parametrize("path", ["/", "/catalogue"])
def test_another_host_is_refused(get, host, path):
    status, body, _ = get(path, host)
    assert status == 403
    assert json.loads(body)["error"].startswith("host: expected 127.0.0.1:")


def test_localhost_is_this_host(server, get):
    assert get("/", server.hosts[1].upper())[0] == 200


@pytest.mark.parametrize(
    "head", ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\n\r\n"]
)
def test_no_host_and_two_are_refused(server, send, head):
    assert send(head.format(server.hosts[0]))[0] == 403


ORIGINS = ["http://example.com", "null", "https://127.0.0.1", "http://127.0.0.1:1"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_origin_is_refused(get, post, origin):
    assert get("/catalogue", Origin=origin)[0] == 403
    assert get("/events?session=x", Origin=origin)[0] == 403
    assert post("/session", {}, Origin=origin)[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_is_refused_but_may_link_here(get, post, site):
    assert get("/", Sec_Fetch_Site=site)[0] == 200
    assert get("/catalogue", Sec_Fetch_Site=site)[0] == 403
    assert post("/session", {}, Sec_Fetch_Site=site)[0] == 403


def test_the_own_origin_is_not(server, get):
    origin = server.url.removesuffix("/")
    assert get("/catalogue", Origin=origin, Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    ("content", "changes", "status", "error"),
    [
        ("{", {}, 400, "content: expected a JSON object"),
        ("[]", {}, 400, "content: expected a JSON object"),
        ("[" * 100_000, {}, 400, "content: expected a JSON object"),
        ("9" * 10_000, {}, 400, "content: expected a JSON object"),
        ("{}", {"Content_Type": "text/plain"}, 415, "type: expected application/json"),
        ("{}", {"Content_Type": None}, 415, "type: expected application/json"),
        ("{}", {"Content_Length": None}, 411, "length: expected a Content-Length"),
        ("{}", {"Content_Length": "-1"}, 411, "length: expected a Content-Length"),
        ("{}", {"Content_Length": "two"}, 411, "length: expected a Content-Length"),
        ("{}", {"Transfer_Encoding": "chunked"}, 411, "length: expected a Content-Length"),
        ("", {"Content_Length": "4000001"}, 413, "length: expected at most 4,000,000 bytes"),
        ("", {"Content_Length": "9" * 5000}, 413, "length: expected at most 4,000,000 bytes"),
        ({}, {}, 400, "settings: got None; expected an object"),
        ({"settings": {"layers": [10**9]}}, {}, 400, "layers[0]: got 1000000000; expected an "),
        ({"settings": {"seed": float("inf")}}, {}, 400, "seed: got inf; expected an integer"),
        ({"settings": {"data": "table"}}, {}, 400, "table: got None; expected text"),
        ({"settings": {"data": "table"}, "table": "x"}, {}, 404, "table: this one is no longer"),
    ],
)
def test_malformed_requests_are_refused_in_one_line(post, content, changes, status, error):
    found, answer = post("/session", content, **changes)
    assert found == status
    assert answer["error"].startswith(error)
    assert "\n" not in answer["error"]


@pytest.mark.parametrize("path", ["/control", "/explain", "/code"])
@pytest.mark.parametrize("key", [None, "", "x", 7, ["x"], {}])
def test_no_session_is_an_error_of_one_line(post, path, key):
    assert post(path, {"session": key}) == (
        404, {"error": "session: this one has ended; load the page again"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("PUT / HTTP/1.1", 501), ("OPTIONS * HTTP/1.1", 501), ("GET / HTTP/9.9", 505),
        ("nonsense", 400), ("GET http://[/ HTTP/1.1", 400),
        ("GET /" + "a" * 70_000 + " HTTP/1.1", 414),
    ],
)  # fmt: skip
def test_what_is_no_request(server, send, request_line, status):
    assert send(f"{request_line}\r\nHost: {server.hosts[0]}\r\n\r\n")[0] == status


def test_too_many_headers_are_refused(server, send):
    lines = "".join(f"x-{k}: 1\r\n" for k in range(200))
    assert send(f"GET / HTTP/1.1\r\nHost: {server.hosts[0]}\r\n{lines}\r\n")[0] == 431


@pytest.fixture
def session(post):
    status, answer = post("/session", {"settings": {"layers": [4], "activations": ["tanh"]}})
    assert status == 200, answer
    return answer["session"]


@jitted_only
@pytest.mark.parametrize(
    ("path", "content", "error"),
    [
        (
            "/control",
            {"goal": "fly"},
            "goal: got 'fly'; ",
        ),
        ("/control", {"per_picture": -1}, "per_picture: got -1; expected an integer of at least 0"),
        ("/control", {"rate": 0}, "rate: got 0; expected a finite number above 0"),
        ("/control", {"gradients": "yes"}, "gradients: got 'yes'; expected True or False"),
        ("/explain", {}, "sample: got None; expected an integer of at least 0"),
        ("/explain", {"sample": 200}, "sample: got 200; expected an integer of at most 199"),
        ("/explain", {"sample": 0, "layer": 3, "i": 0}, "layer: got 3; expected an integer"),
        ("/explain", {"sample": 0, "layer": 1, "i": 4}, "i: got 4; expected an integer"),
        ("/explain", {"sample": 0, "layer": 1, "i": 0, "j": 2}, "j: got 2; expected an integer"),
    ],
)
def test_wrong_values_are_refused_in_one_line(post, session, path, content, error):
    status, answer = post(path, {"session": session, **content})
    assert status == 400
    assert answer["error"].startswith(error)


@jitted_only
def test_a_derivative_is_explained(server, post, session):
    place = {"layer": 2, "i": 0, "j": 3}
    status, answer = post("/explain", {"session": session, "sample": 5, **place})
    assert status == 200
    own = server.pages.session(session)
    dC = own.net.gradients(own.problem.X[5:6], own.problem.y[5:6])
    assert answer["value"] == float(dC.dC_dW[1][0, 3])
    groups = [(group["equation"], group["layer"]) for group in answer["groups"]]
    assert groups[:4] == [("1", 1), ("2", 1), ("1", 2), ("2", 2)]
    (gradient,) = (group for group in answer["groups"] if group["part"] == "Gradient")
    assert gradient["steps"][0]["value"] == answer["value"]
    assert gradient["loop"]["place"].startswith("fastgrad/kernels/equations.py:")
    assert gradient["loop"]["text"].startswith("for i in range(dC_db.size):  # eq. (4): ")
    assert answer["groups"][-1]["part"] == "Update"


@jitted_only
def test_pictures_come_as_events(server, session):
    with closing(socket.create_connection(server.server_address, SECONDS)) as connection:
        request = f"GET /events?session={session} HTTP/1.1\r\nHost: {server.hosts[0]}\r\n\r\n"
        connection.sendall(request.encode())
        with connection.makefile("rb") as lines:
            text = "".join(iter(lambda: lines.readline().decode().rstrip() + "\n", "\n"))
            assert "Content-Type: text/event-stream" in text
            # comments may come first, while code is compiled
            event = next(line.decode() for line in lines if line.startswith(b"data: "))
            assert json.loads(event.removeprefix("data: "))["updates"] == 0
            assert lines.readline() == b"\n"
            assert server.pages.session(session).is_heard
    end = time.monotonic() + SECONDS
    server.pages.session(session).control(goal="play")  # the next writes find out who has left
    while server.pages.session(session).is_heard and time.monotonic() < end:
        time.sleep(0.01)
    assert not server.pages.session(session).is_heard


@jitted_only
def test_a_table_of_ones_own(post):
    rows = "\n".join(f"{k},{k % 7},{'ab'[k % 2]}" for k in range(60))
    status, table = post(
        "/table", {"name": "/home/of/somebody/own.csv", "content": f"u,v,kind\n{rows}"}
    )
    assert status == 200
    assert (table["name"], table["target"]) == ("own.csv", "kind")
    settings = {"data": "table", "layers": [], "activations": []}
    status, answer = post("/session", {"settings": settings, "table": table["key"]})
    assert status == 200
    assert answer["classes"] == ["a", "b"]
    _, code = post("/code", {"session": answer["session"]})
    assert "data = sets.table('own.csv', test_size=0.5, seed=0)" in code["code"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "name: got None; expected text"),
        ({"name": "x.csv"}, "content: got None; expected text"),
        ({"name": "x.csv", "content": ""}, "x.csv"),
        ({"name": "x.csv", "content": "a,b\n1,2\n"}, ""),
        ({"name": "x.csv", "content": "\0\1\2"}, "x.csv"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(post, content, error):
    status, answer = post("/table", content)
    assert status == 400
    assert error in answer["error"]


@jitted_only
def test_there_are_not_too_many_sessions(server, post):
    for _ in range(20):
        post("/session", {"settings": {"layers": [], "activations": [], "samples": 20}})
    assert len(server.pages._sessions) <= 16
    assert threading.active_count() < 40


def test_nothing_of_it_is_imported_with_fastgrad():
    program = "import sys, fastgrad; print([m for m in sys.modules if 'play' in m or 'http' in m])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
