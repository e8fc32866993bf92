"""Numbers, arrays, text and names as C99 has them."""

import re
from typing import Any

import numpy as np

__all__ = ["C_TYPES", "array", "comment", "identifiers", "number", "text", "variable"]

#: The type of C for a dtype.
C_TYPES = {"float32": "float", "float64": "double"}

#: Words of C and C++ that are no names.
_WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit
export extern false float for friend goto if inline int long mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict
return short signed sizeof static static_assert static_cast struct switch template this
thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
wchar_t while xor xor_eq
"""
_KEYWORDS = frozenset(_WORDS.split())

#: Macros of the headers that are included, and of compilers.
_MACROS = re.compile(
    r"unix|linux|i386|typeof|near|far|NULL|NAN|INFINITY|SIZE_MAX|(U?INT|HUGE|M_|FP_|MATH_)\w*|I"
)


def number(value: Any, dtype: Any) -> str:
    """A number in as many digits as give it back, with the suffix of its type; or a macro.

    Parameters
    ----------
    value : float
    dtype : dtype
        float32 or float64.
    """
    exact = np.dtype(dtype).type(value)
    if np.isnan(exact):
        return "NAN"
    if np.isinf(exact):
        return "INFINITY" if exact > 0 else "-INFINITY"
    digits = repr(float(str(exact)))
    return digits + "f" if exact.dtype == np.float32 else digits


def array(values: Any, dtype: Any) -> str:
    """An initialiser in braces, eight numbers in a line."""
    digits = np.asarray(values, dtype).astype(str).tolist()  # as `number`, but many at once
    suffix = "f" if np.dtype(dtype) == np.float32 else ""
    numbers = [(d if "." in d or "e" in d else f"{d}.0") + suffix for d in digits]
    if not np.isfinite(values).all():
        numbers = [number(value, dtype) for value in values]
    lines = [", ".join(numbers[k : k + 8]) for k in range(0, len(numbers), 8)]
    return "{" + ",\n    ".join(lines) + "}"


def text(value: str) -> str:
    """A string literal; what is not ASCII as its bytes in UTF-8."""
    shown = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in value.encode()
    )
    return f'"{shown}"'


def comment(words: str) -> str:
    """Words for a comment: ASCII, and nothing that ends it or begins another."""
    shown = words.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
    plain = shown.encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isprintable() else " " for c in plain.replace("\\", "/"))


def variable(name: str) -> str:
    """The name of a variable of Python in C."""
    return f"{name}_" if name in _KEYWORDS else name


def identifiers(names: Any) -> list[str]:
    """Names as different identifiers of C and C++, as similar to the given ones as can be."""
    made: list[str] = []
    for name in names:
        plain = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_")
        is_taken = plain in _KEYWORDS or bool(_MACROS.fullmatch(plain))
        plain = f"x_{plain}" if not plain or plain[0].isdigit() or is_taken else plain
        k, unique = 2, plain
        while unique in made:
            unique, k = f"{plain}_{k}", k + 1
        made.append(unique)
    return made
