"""Charts of training, predictions and networks, drawn with matplotlib (the extra `plot`)."""

from .boundary import decision_boundary
from .diagram import network
from .flow import gradient_flow
from .functions import activations
from .landscape import loss_landscape
from .predictions import confusion, predicted
from .speed import roofline
from .training import history, range_test

__all__ = [
    "activations", "confusion", "decision_boundary", "gradient_flow", "history", "loss_landscape",
    "network", "predicted", "range_test", "roofline",
]  # fmt: skip
