"""`fastgrad play`: serve the page that builds and trains networks."""
# ruff: noqa: T201 - a command prints

import argparse
import webbrowser

from . import report

__all__ = ["DEFAULT_PORT", "play"]

DEFAULT_PORT = 8417


def play(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `fastgrad play --help` explains.

    Returns
    -------
    int
        The exit code.
    """
    from ..play.server import Server  # noqa: PLC0415 - no other command needs a web server

    try:
        server = Server(arguments.port, arguments.data)
    except (OSError, OverflowError) as error:
        if getattr(error, "filename", None):  # the table's
            raise
        reason = "which is in use or not allowed; expected another one, or 0 for any that is free"
        raise ValueError(f"port: got {arguments.port}, {reason}") from None
    with server:
        if arguments.json:
            report.print_json({"url": server.url})
        else:
            print(f"{server.url} is the page; Ctrl-C ends it")
        print(end="", flush=True)
        if not arguments.no_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
