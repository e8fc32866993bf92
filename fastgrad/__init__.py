"""Feed-forward networks on CPUs: the derivation of the gradient as compiled loops."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import data, metrics
from .checkpoint import Checkpoint, Resumed, load, resume, save_checkpoint
from .data.chunks import Chunks
from .data.dataset import load_digits, load_penguins
from .fleets.bagging import Bagging, bag
from .fleets.cross_validation import CrossValidation, cross_validate
from .fleets.ensemble import Ensemble
from .fleets.search import Search, search
from .importing import from_keras, from_onnx, from_safetensors, from_sklearn, from_torch
from .kernels import activations, costs
from .kernels.activations import Activation
from .kernels.costs import Cost
from .model.layer import Gradients, Layer
from .model.standardization import Inputs, Targets
from .network import Network
from .optim import schedules
from .optim.adam import Adam, AdamW, NAdam, RAdam
from .optim.base import Optimizer
from .optim.first_order import SGD, Adadelta, Adagrad, Lion, RMSprop, Rprop
from .optim.lbfgs import LBFGS
from .optim.weight_averages import EMA, SWA
from .tables.model import TableModel
from .tools.lr_finder import find_lr
from .train.base import Callback, Fit
from .train.callbacks import EarlyStopping, ReduceLROnPlateau
from .train.fleet import fit_many
from .train.fleet_samples import Job
from .train.gradient_flow import GradientFlow
from .train.history import History
from .train.loggers import CSVLogger, MLflowLogger, TensorBoardLogger
from .version import __version__ as __version__

if TYPE_CHECKING:
    from . import plot

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
    "Bagging",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "Chunks",
    "Cost",
    "CrossValidation",
    "EarlyStopping",
    "Ensemble",
    "Fit",
    "GradientFlow",
    "Gradients",
    "History",
    "Inputs",
    "Job",
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
    "Search",
    "TableModel",
    "Targets",
    "TensorBoardLogger",
    "activations",
    "bag",
    "costs",
    "cross_validate",
    "data",
    "find_lr",
    "fit_many",
    "from_keras",
    "from_onnx",
    "from_safetensors",
    "from_sklearn",
    "from_torch",
    "load",
    "load_digits",
    "load_penguins",
    "metrics",
    "plot",
    "resume",
    "save_checkpoint",
    "schedules",
    "search",
]


def __getattr__(name: str) -> Any:
    """Import the charts when they are first asked for."""
    if name != "plot":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(".plot", __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
