"""Libraries of other formats: imported when they are used, and named where they are missing."""

import subprocess
import sys


def printed(code):
    command = [sys.executable, "-c", f"import sys, fastgrad as fg\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_none_is_imported_beforehand():
    assert (
        printed("print([name for name in ('torch', 'sklearn') if name in sys.modules])") == "[]\n"
    )


def test_the_command_that_installs_it_is_named():
    code = """
sys.modules["torch"] = sys.modules["sklearn"] = None
net = fg.Network([2, 1])
for call in (net.to_torch, net.to_sklearn, lambda: fg.from_torch(0), lambda: fg.from_sklearn(0)):
    try:
        call()
    except ModuleNotFoundError as error:
        print(error)
"""
    lines = printed(code).splitlines()
    assert len(lines) == 4
    for line, library in zip(lines, ["torch", "scikit-learn"] * 2, strict=True):
        assert f"pip install {library} " in line
