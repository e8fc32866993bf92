"""Networks back from their files."""

from typing import Any

from . import files
from .network import Network

__all__ = ["load"]


def load(path: Any) -> Network:
    """Read a network that `Network.save` has written.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Network
        With the same weights to the bit; its optimizer starts afresh.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, or names an activation or cost of the user's own.
    """
    described, tensors = files.read(path)
    metadata, training = described.pop("metadata"), described.pop("training")
    try:
        net = Network(**described)
        files.set_training(net, training)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    files.fill(path, files.arrays(net), tensors)
    net.metadata.update(metadata)
    return net
