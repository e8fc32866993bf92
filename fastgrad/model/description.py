"""From the arguments of a network to its description."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .initializers import Scheme, schemes
from .layer import Layer, assign_dropout, assign_per_layer
from .settings import apply_settings, training_settings
from .spec import NetworkSpec
from .standardization import Inputs, Targets

__all__ = ["describe"]

#: Arguments that a description can be looked up by: the same ones mean the same.
_PLAIN = (str, float, int, type(None), np.dtype)


def describe(*arguments: Any) -> tuple[NetworkSpec, list[Scheme]]:
    """Validate the arguments of `Network`; return its spec, and how to draw its weights."""
    sizes, *others = arguments
    is_plain = all(isinstance(each, _PLAIN) for each in others)
    return (_described_before if is_plain else _described)(sizes, *others)


def _described(
    sizes: tuple[int, ...], activations: Any, cost: Any, init: Any, dtype: Any, standardize: bool,
    standardize_targets: bool, l1: Any, l2: Any, penalize_biases: Any, dropout: Any,
    input_dropout: float, input_noise: float, max_norm: Any,
) -> tuple[NetworkSpec, list[Scheme]]:  # fmt: skip
    spec = NetworkSpec.create(sizes, activations, cost, dtype)
    drawn_by = schemes(init, [f.name for f in spec.activations], spec.dtype)
    # parts without numbers, which validate what is assigned to them
    none = np.empty(0)
    inputs, targets = Inputs(none, none), Targets(spec.are_numbers)
    layers = [Layer(none, none, l == len(drawn_by)) for l in range(1, len(drawn_by) + 1)]
    given = {"standardize": standardize, "dropout": input_dropout, "noise": input_noise}
    apply_settings(inputs, given)
    apply_settings(targets, {"standardize": standardize_targets})
    assign_per_layer(layers, l1=l1, l2=l2, penalize_biases=penalize_biases, max_norm=max_norm)
    assign_dropout(layers, dropout)
    of_inputs, of_targets, *of_layers = map(training_settings, (inputs, targets, *layers))
    spec = replace(spec, inputs=of_inputs, targets=of_targets, layers=tuple(of_layers))
    return spec, drawn_by


_described_before = lru_cache(typed=True)(_described)
