"""Feed-forward networks on CPUs: the derivation of the gradient as compiled loops."""

from . import metrics, schedules
from .activations import Activation
from .callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from .costs import Cost
from .data import load_digits
from .fitting import Fit
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
    "EarlyStopping",
    "Fit",
    "Gradients",
    "History",
    "Layer",
    "Network",
    "Optimizer",
    "ReduceLROnPlateau",
    "load",
    "load_digits",
    "metrics",
    "schedules",
]

__version__ = "0.1.0"
