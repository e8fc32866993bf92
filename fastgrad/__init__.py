"""Feed-forward networks on CPUs: the derivation of the gradient as compiled loops."""

from . import metrics
from .activations import Activation
from .callbacks import Callback
from .costs import Cost
from .data import load_digits
from .history import History
from .layers import Gradients, Layer
from .network import Network, load
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
    "load_digits",
    "metrics",
]

__version__ = "0.1.0"
