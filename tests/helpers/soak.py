"""How often a test of a promise tries: `tox -e soak` takes 20 times as many."""

import os

__all__ = ["SOAK"]

SOAK = int(os.environ.get("FASTGRAD_SOAK", "1"))
