"""Feed-forward networks on CPUs: the derivation of the gradient as compiled loops."""

from . import metrics, schedules
from .activations import Activation
from .adam import Adam, AdamW, NAdam, RAdam
from .averages import EMA, SWA
from .callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from .costs import Cost
from .data import load_digits
from .fitting import Fit
from .history import History
from .layers import Gradients, Layer
from .loading import load
from .loggers import CSVLogger, MLflowLogger, TensorBoardLogger
from .network import Network
from .optimizer import Optimizer
from .optimizers import SGD, Adadelta, Adagrad, Lion, RMSprop, Rprop

__all__ = [
    "EMA",
    "SGD",
    "SWA",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "CSVLogger",
    "Callback",
    "Cost",
    "EarlyStopping",
    "Fit",
    "Gradients",
    "History",
    "Layer",
    "Lion",
    "MLflowLogger",
    "NAdam",
    "Network",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "Rprop",
    "TensorBoardLogger",
    "load",
    "load_digits",
    "metrics",
    "schedules",
]

__version__ = "0.1.0"
