"""How soon `fastgrad play` is there, and how many pictures a second it shows."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

_SECONDS = 2.0


class Start:
    """Seconds from the command to the first page, with compiled code in the cache."""

    number = 1
    repeat = 3
    timeout = 600

    def setup_cache(self):
        """Fill numba's cache; asv runs this in a folder that it removes later."""
        cache = str(Path.cwd() / "numba")
        self.time_first_page(cache)
        return cache

    def time_first_page(self, cache):
        command = [sys.executable, "-m", "fastgrad", "play", "--no-browser", "--port", "0"]
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as play:
            try:
                url = re.search(r"http://\S+", play.stdout.readline())[0]
                urllib.request.urlopen(url).read()
            finally:
                play.terminate()


class Pictures:
    """Pictures of a training of 2-16-16-1, as the page receives them."""

    timeout = 600
    unit = "pictures/s"

    def track_pictures_per_second(self):
        from fastgrad.play.session import Session
        from fastgrad.play.settings import Settings

        settings = Settings.from_json({"layers": [16, 16], "activations": ["tanh", "tanh"]})
        session = Session(settings, settings.problem())
        listener = session.listen()
        session.control(goal="play")
        while not json.loads(session.next(listener, 60.0) or "{}").get("updates"):
            pass  # compiles
        begin, n = time.monotonic(), 0
        while time.monotonic() < begin + _SECONDS:
            n += bool(session.next(listener, 1.0))
        session.close()
        return n / _SECONDS
