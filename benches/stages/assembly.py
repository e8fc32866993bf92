"""The innermost loop of a compiled function, as the processor's instructions."""

import re

from numba import njit


def innermost_loop(text):
    """The lines of the loop with the most sums in registers; [] if there is none.

    A loop is what stands from a label to a jump back to it; of two with as many sums the one with
    the larger share of multiplications.
    """
    lines = [line.split("#")[0].rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line.strip() and not re.match(r"\s+\.", line)]
    labels, loops = {}, []
    for k, line in enumerate(lines):
        if found := re.match(r"(\.\w+):", line):
            labels[found[1]] = k
        elif (found := re.match(r"\s+j\w+\s+(\.\w+)", line)) and found[1] in labels:
            loops.append(lines[labels[found[1]] : k + 1])
    return max(loops, key=_sums, default=[])


def _sums(lines):
    products = [line for line in lines if "fmadd" in line or "mulss" in line]
    return len({line.split("%")[-1] for line in products}), len(products) / len(lines)


def assembly(function, arguments):
    """The text of a compiled function's instructions; it is compiled anew, for a cache has none."""
    options = {k: v for k, v in function.targetoptions.items() if k != "nopython"}
    anew = njit(**options)(function.py_func)
    anew(*arguments)
    (text,) = anew.inspect_asm().values()
    return text
