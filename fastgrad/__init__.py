"""Feed-forward networks on CPUs: the derivation of the gradient as compiled loops."""

from . import metrics, plot, schedules
from .adam import Adam, AdamW, NAdam, RAdam
from .averages import EMA, SWA
from .callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from .chunks import Chunks
from .data import load_digits
from .finder import find_lr
from .fitting import Fit
from .history import History
from .kernels import activations, costs
from .kernels.activations import Activation
from .kernels.costs import Cost
from .layers import Gradients, Inputs, Layer
from .lbfgs import LBFGS
from .loading import Checkpoint, Resumed, load, resume, save_checkpoint
from .loggers import CSVLogger, MLflowLogger, TensorBoardLogger
from .network import Network
from .optimizer import Optimizer
from .optimizers import SGD, Adadelta, Adagrad, Lion, RMSprop, Rprop

__all__ = [
    "EMA",
    "LBFGS",
    "SGD",
    "SWA",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "Chunks",
    "Cost",
    "EarlyStopping",
    "Fit",
    "Gradients",
    "History",
    "Inputs",
    "Layer",
    "Lion",
    "MLflowLogger",
    "NAdam",
    "Network",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "Resumed",
    "Rprop",
    "TensorBoardLogger",
    "activations",
    "costs",
    "find_lr",
    "load",
    "load_digits",
    "metrics",
    "plot",
    "resume",
    "save_checkpoint",
    "schedules",
]

__version__ = "0.1.0"
