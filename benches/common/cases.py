"""The networks to train; in the small ones the work around the loops counts."""

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """A network and how it is trained; the outputs have no activation."""

    sizes: list[int]
    activation: str
    batch_size: int
    samples: int
    classes: bool = False  # softmax cross-entropy with class ids, else the squared error

    @property
    def operations(self) -> int:
        """Multiplications and additions of equations 1, 5 and 7 per epoch; no 5 for layer 1."""
        weights = [n * m for n, m in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        return 2 * self.samples * (3 * sum(weights) - weights[0])

    def data(self):
        """X (S, n_0) in float32 and Y (S, n_L) in float32 or class ids (S,)."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.samples, self.sizes[0])).astype(np.float32)
        if self.classes:
            return X, rng.integers(self.sizes[-1], size=self.samples)
        return X, rng.normal(size=(self.samples, self.sizes[-1])).astype(np.float32)


CASES = {
    "tiny": Case([2, 16, 16, 1], "tanh", 32, 8192),
    "sci": Case([4, 32, 32, 32, 1], "tanh", 256, 32768),
    "rl": Case([17, 64, 64, 6], "tanh", 64, 16384),
    "tab": Case([32, 256, 256, 1], "relu", 256, 32768),
    "mnist": Case([784, 128, 10], "relu", 64, 16384, classes=True),
    "mnist2": Case([784, 512, 512, 10], "relu", 128, 8192, classes=True),
    "wide": Case([1024, 1024, 1024, 1024], "relu", 1024, 4096),
    "online": Case([10, 40, 40, 1], "relu", 1, 4096),
    # Of other kinds than those above, with which the engine was tuned
    "odd": Case([13, 37, 91, 3], "tanh", 33, 8250),
    "shallow": Case([100, 500, 10], "relu", 100, 10000, classes=True),
    "deep": Case([20, *[50] * 8, 1], "tanh", 128, 16384),
    "broad": Case([64, 4096, 1], "relu", 256, 8192),
    "bulk": Case([50, 100, 100, 5], "relu", 2000, 40000),
    "autoencoder": Case([300, 30, 300], "tanh", 1000, 20000),
    "labels": Case([128, 256, 1000], "relu", 512, 8192, classes=True),
}


def from_command_line(parser, default, known=CASES):
    """Parsed options; `cases` are those named on the command line, by default those given here."""
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(known))
    options = parser.parse_args()
    if unknown := set(options.cases) - known.keys():
        parser.error(f"CASE: got {', '.join(sorted(unknown))}; expected {', '.join(known)}")
    options.cases = options.cases or list(default)
    return options
