"""Optimizers as JSON can hold them, for checkpoints."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import validation
from . import adam, first_order
from .base import Optimizer
from .schedules import from_config

__all__ = ["optimizer_config", "optimizer_from_config"]

_OPTIMIZERS = {name: getattr(room, name) for room in (adam, first_order) for name in room.__all__}


def optimizer_config(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer as JSON can hold it."""
    if type(optimizer).__name__ not in _OPTIMIZERS or optimizer.rule_name is None:
        raise TypeError(f"optimizer: got {optimizer!r}; expected one of {', '.join(_OPTIMIZERS)}")
    limits = optimizer.clip_norm, optimizer.clip_value
    return {
        "optimizer": type(optimizer).__name__,
        "rule": optimizer.rule_name,
        "lr": optimizer.lr,
        "numbers": {k: v for k, v in optimizer.settings.items() if k != "lr"},
        "schedule": optimizer.schedule.config(),
        "clip": [n if n < np.inf else None for n in limits],
    }


def optimizer_from_config(saved: Mapping[str, Any]) -> Optimizer:
    """The optimizer of these numbers, without the arguments that it was constructed from."""
    kind: type[Optimizer] = _OPTIMIZERS[
        validation.choice("optimizer", saved["optimizer"], _OPTIMIZERS)
    ]
    optimizer = kind.restored(from_config(saved["schedule"]), saved["rule"], saved["numbers"])
    optimizer.h[0] = validation.number("lr", saved["lr"], least=0)
    return optimizer.clip(*validation.pair("clip", saved["clip"], "(norm, value)"))
