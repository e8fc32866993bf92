"""The server of `fastgrad play`, in a thread of the test."""

import threading
from contextlib import contextmanager

from fastgrad.play.server import Server


@contextmanager
def serving():
    with Server(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
