"""How the tests run: compiled or as plain Python."""

import os

import pytest

#: True where the loops run as ordinary Python, a thousand times slower: tests then do less.
PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"

jitted_only = pytest.mark.skipif(PLAIN, reason="too slow as plain Python; the compiled run has it")
