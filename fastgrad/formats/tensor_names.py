"""Names of tensors in a file: those that `torch.nn.Sequential` gives its weights and biases.

In a Sequential of layers and activations by turns, layer l is at position 2 (l - 1): the weights W
of the first layer are "0.weight", and those of the second "2.weight".
"""

import re

import numpy as np

from ..model.layer import Arrays

__all__ = ["from_file", "to_file"]

_OURS = re.compile(r"(member\.\d+\.|)layer\.([1-9]\d{0,8})\.(W|b)", re.ASCII)
_IN_FILE = re.compile(r"(member\.\d+\.|)(0|[1-9]\d{0,8})\.(weight|bias)", re.ASCII)
_MEAN, _SCALE = "input.mean", "input.scale"


def to_file(arrays: Arrays) -> Arrays:
    """The arrays of networks under the names that they have in a file.

    Mean and scale of inputs that are not standardised are left out: a Sequential has no place for
    them, and PyTorch refuses a file with tensors that have none.
    """
    named = dict(arrays)
    for name in arrays:
        begin = name.removesuffix(_MEAN)
        if begin != name and not arrays[name].any() and (arrays[begin + _SCALE] == 1).all():
            del named[name], named[begin + _SCALE]
    return {_OURS.sub(_position, name): array for name, array in named.items()}


def _position(ours: re.Match[str]) -> str:
    begin, l, symbol = ours.groups()
    return f"{begin}{2 * int(l) - 2}.{'weight' if symbol == 'W' else 'bias'}"


def from_file(arrays: Arrays) -> Arrays:
    """The arrays of a file under fastgrad's names; what `to_file` has left out is added."""
    named = {}
    for name, array in arrays.items():
        found = _IN_FILE.fullmatch(name)
        if found is None or int(found[2]) % 2:
            named[name] = array
            continue
        begin, position, word = found.groups()
        ours = f"{begin}layer.{int(position) // 2 + 1}.{'W' if word == 'weight' else 'b'}"
        named[name if ours in arrays else ours] = array  # of both names, one is too many
        if name == f"{begin}0.weight" and array.ndim == 2 and begin + _MEAN not in arrays:
            named[begin + _MEAN] = np.zeros(array.shape[1], array.dtype)
            named[begin + _SCALE] = np.ones(array.shape[1], array.dtype)
    return named
