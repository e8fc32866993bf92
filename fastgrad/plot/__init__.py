"""Charts of training, predictions and networks, drawn with matplotlib (the extra `plot`)."""

from .charts import confusion, decision_boundary, history, network, range_test

__all__ = ["confusion", "decision_boundary", "history", "network", "range_test"]
