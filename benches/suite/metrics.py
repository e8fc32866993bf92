"""Metrics on a validation set of 16,384 samples."""

from typing import ClassVar

import numpy as np

from fastgrad import metrics

SAMPLES, OUTPUTS = 16384, 10


class Metrics:
    """Ten classes or ten numbers, float32."""

    params: ClassVar = [list(metrics.METRICS)]
    param_names: ClassVar = ["metric"]

    def setup(self, metric):
        rng = np.random.default_rng(0)
        self.metric = metrics.METRICS[metric]
        self.prediction = rng.dirichlet(np.ones(OUTPUTS), SAMPLES).astype(np.float32)
        self.Y = rng.integers(OUTPUTS, size=SAMPLES)
        if metric in {"r2", "mae", "rmse"}:
            self.Y = rng.normal(size=(SAMPLES, OUTPUTS)).astype(np.float32)
        self.time_metric(metric)  # compiles

    def time_metric(self, metric):
        self.metric(self.Y, self.prediction)
