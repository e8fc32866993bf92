"""Feed-forward networks on CPUs: the derivation of the gradient as compiled loops."""

from .activations import Activation
from .callbacks import Callback
from .costs import Cost
from .history import History
from .network import Gradients, Layer, Network, load
from .optimizers import SGD, Adam, Optimizer

__all__ = [
    "SGD",
    "Activation",
    "Adam",
    "Callback",
    "Cost",
    "Gradients",
    "History",
    "Layer",
    "Network",
    "Optimizer",
    "load",
]

__version__ = "0.1.0"
