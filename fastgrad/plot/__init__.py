"""Charts of training, predictions and networks, drawn with matplotlib (the extra `plot`)."""

from .boundary import decision_boundary
from .diagram import network
from .predictions import confusion, predicted
from .training import history, range_test

__all__ = ["confusion", "decision_boundary", "history", "network", "predicted", "range_test"]
