"""Ctrl-C in the middle of an import, where it would be lost, or leave half a module."""

import subprocess
import sys

import pytest
from helpers.processes import python
from helpers.run_mode import jitted_only

AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""
#: A shell lets programs in the background ignore it.
LISTENS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
COMMAND = """
from fastgrad.cli.main import main
code = main(["train", "flowers.csv", *sys.argv[2:]])
print(code, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
AT_DEL = """
import os, signal, time
from fastgrad.cli.interrupts import between_imports
class Left:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
try:
    with between_imports():
        Left()
        time.sleep(60)
    print("lost")
except KeyboardInterrupt:
    print("raised")
"""
PYTHON = """
import fastgrad as fg
try:
    fg.TableModel(seed=0).fit("flowers.csv", target="species")
    print("lost")
except KeyboardInterrupt:
    print("raised")
"""


@jitted_only
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("module", ["pandas.core.indexes.range", "pandas", "pyarrow.csv"])
def test_a_command_ends(module, flowers):
    pytest.importorskip(module.partition(".")[0])
    endless = ["--epochs", 10**6, "--patience", 10**6]
    done = python(LISTENS + AT_IMPORT + COMMAND, module, "--no-plot", *endless)
    assert "130 True" in done.stdout.splitlines()
    assert done.stderr.splitlines()[-1].startswith("fastgrad: interrupted; ")


@jitted_only
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_no_interrupt_of_a_fit_is_lost(flowers):
    pytest.importorskip("pandas")
    assert python(LISTENS + AT_IMPORT + PYTHON, "pandas.core.indexes.range").stdout == "raised\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_no_interrupt_is_lost_in_a_del():
    assert python(f"{LISTENS}\n{AT_DEL}").stdout == "raised\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_ignored_interrupt_stays_ignored(flowers):
    program = "trap '' INT; exec \"$@\""
    ignoring = ["sh", "-c", program, "sh", sys.executable, "-c", AT_IMPORT + COMMAND]
    ignoring += ["pandas", "--no-plot", "--epochs", "3", "--ensemble", "2"]
    done = subprocess.run(ignoring, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.splitlines()[-1] == "0 False", done.stderr
