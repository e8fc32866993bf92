"""The server of the page: files, requests as JSON, and pictures as server-sent events.

It listens on 127.0.0.1. A request must name this address as its host, so that no other name can be
made to lead here (DNS rebinding), and must not come from a page of another origin.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import PurePath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..validation import shortened
from .pages import Pages, UnknownError

__all__ = ["ADDRESS", "Server"]

ADDRESS = "127.0.0.1"
_MOST_BYTES = 4_000_000  # of a request, which may be a table
_HEARTBEAT = 5.0  # seconds without a picture after which a comment finds out who has left
_PATIENCE = 20.0  # seconds for a request to arrive, and for what is sent to be taken

_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}  # fmt: skip
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """Serves the page, and trains its networks.

    Parameters
    ----------
    port : int
        The port; 0: any that is free.
    path : str, optional
        A table that the page begins with.

    Attributes
    ----------
    pages : Pages
        The sessions.
    files : dict
        The type and the bytes of each file of the page, by its path.
    hosts : tuple of str
        What a request may name as its host.

    Raises
    ------
    OSError
        If the port is in use.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # several pages may open at once

    def __init__(self, port: int, path: str | None = None) -> None:
        self.pages = Pages(path)
        folder = files("fastgrad.play") / "static"
        self.files = {
            f"/{file.name}": (_TYPES[PurePath(file.name).suffix], file.read_bytes())
            for file in folder.iterdir()
        }
        self.files["/"] = self.files.pop("/index.html")
        super().__init__((ADDRESS, port), _Handler)
        self.hosts = tuple(f"{name}:{self.server_port}" for name in (ADDRESS, "localhost"))

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{self.hosts[0]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break off."""

    def server_close(self) -> None:
        """End the sessions, too."""
        self.pages.close()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "fastgrad", ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Send a file, what there is to choose from, or pictures as they come."""
        if not self._is_for_this_host():
            return
        try:
            url = urlsplit(self.path)
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST, "path: expected the path of a file")
            return
        if url.path in self.server.files:  # also when a link from elsewhere leads here
            self._send(HTTPStatus.OK, *self.server.files[url.path])
        elif not self._is_from_this_page():
            return
        elif url.path == "/catalogue":
            self._send_json(self.server.pages.catalogue())
        elif url.path == "/events":
            self._send_pictures(parse_qs(url.query).get("session", [""])[0])
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "path: there is no such page")

    def do_POST(self) -> None:
        """Answer a request: a JSON object in, one out."""
        if not (self._is_for_this_host() and self._is_from_this_page()):
            return
        answer = self.server.pages.requests.get(self.path)
        if answer is None:
            self._refuse(HTTPStatus.NOT_FOUND, "path: there is no such request")
            return
        content = self._read_json()
        if content is None:
            return
        try:
            self._send_json(answer(content))
        except UnknownError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except (ValueError, TypeError, ImportError, OSError, MemoryError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, " ".join(str(error).split()))

    def _is_for_this_host(self) -> bool:
        """Whether the request names this server; refuses it if not."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) == 1 and hosts[0].lower() in self.server.hosts:
            return True
        self._refuse(HTTPStatus.FORBIDDEN, f"host: expected {self.server.hosts[0]}")
        return False

    def _is_from_this_page(self) -> bool:
        """Whether no page of another origin asks; refuses the request if one does."""
        origins, sites = (self.headers.get_all(k, []) for k in ("Origin", "Sec-Fetch-Site"))
        own = f"http://{self.headers['Host']}"
        if {*origins} <= {own} and {*sites} <= {"same-origin", "none"}:
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "origin: expected this page")
        return False

    def _read_json(self) -> Mapping[str, Any] | None:
        """The object that was sent; refuses the request if it is none."""
        length, kind = self.headers.get("Content-Length", ""), self.headers.get_content_type()
        if kind != "application/json":  # which no form of another page can send
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "type: expected application/json")
            return None
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "length: expected a Content-Length")
            return None
        if len(length) > 9 or int(length) > _MOST_BYTES:
            reason = f"length: expected at most {_MOST_BYTES:,} bytes"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
            return None
        try:
            content = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "content: expected a JSON object")
            return None
        return content

    def _send_pictures(self, key: str) -> None:
        """Send each picture of a session as an event, until the page leaves or it ends."""
        try:
            session = self.server.pages.session(key)
        except UnknownError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
            return
        self.close_connection = True
        listener = session.listen()
        try:
            self._begin(HTTPStatus.OK, {"Content-Type": "text/event-stream", "Connection": "close"})
            while (picture := session.next(listener, _HEARTBEAT)) is not None:
                self.wfile.write(b"data: %b\n\n" % picture if picture else b":\n\n")
        except OSError:  # the page has left
            pass
        finally:
            session.leave(listener)

    def _send_json(self, content: Any) -> None:
        body = json.dumps(content, allow_nan=False).encode()
        self._send(HTTPStatus.OK, "application/json", body)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Send an error of one line; what else the connection brings is not read."""
        self.close_connection = True
        body = json.dumps({"error": shortened(reason, 500)}).encode()
        self._send(status, "application/json", body)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        connection = {"Connection": "close"} if self.close_connection else {}
        length = {"Content-Type": kind, "Content-Length": str(len(body))}
        self._begin(status, length | connection)
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request for this server, in the form of all other errors."""
        status = HTTPStatus(code)
        self.request_version = self.protocol_version  # of what cannot be read it is HTTP/0.9
        self._refuse(status, f"request: {status.phrase}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Print nothing."""
