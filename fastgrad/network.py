"""The Network: it checks what comes, owns the arrays, and calls the compiled passes."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .engine.batch import samples
from .engine.engine import Pass, Training
from .engine.partition import Plan
from .formats import safetensors
from .kernels.activations import Activation, activation
from .kernels.costs import Cost
from .model import initializers
from .model.layer import Gradients, assign
from .model.output_heads import output_heads, prediction
from .optim.base import Optimizer, Token, resolve
from .optim.weight_averages import EMA, SWA
from .train import fit
from .train.history import History
from .validation import (
    NoNewAttributes,
    integer,
    matrix,
    network_sizes,
    one_per_layer,
    real_dtype,
    single_sample,
)

__all__ = ["Network"]

Array = np.ndarray[Any, Any]


class Network(NoNewAttributes):
    """A feed-forward network: u^l = W^l a^(l-1) + b^l and a^l = f_l(u^l) for l = 1 ... L.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L: inputs, nodes of the hidden layers, outputs; at least two, each at least 1.
    activations : str, Activation or a list of them, default "relu"
        f_1 ... f_L. One alone: that for the hidden layers, identity at the output.
    cost : str, Cost or a list, default "squared_error"
        The cost C of one sample; the network is trained on its mean. For several kinds of outputs
        a list of (cost, outputs) or (cost, outputs, weight), whose costs add up.
    init : str, callable or list of them, default "auto"
        How weights start: "auto" (He for the ReLU family, LeCun for selu, else Glorot), another
        name such as "orthogonal" or "normal(std=0.1)", or a function of the shape (n_l, n_(l-1))
        and a numpy.random.Generator; one for all layers, or one a layer. Biases start at 0.
    dtype : {"float32", "float64"}
        In which everything is stored and computed.
    seed : int or None, default None
        Fixes all that is random: initial weights and shuffles. None: different each time.
    standardize : bool, default False
        Shift and scale the inputs to mean 0 and deviation 1, by the X of the first fit.
    l1, l2 : float or list of float, default 0
        The cost is C + l1 sum |W| + l2/2 sum W^2: one number, or one a layer.
    penalize_biases : bool or list of bool, default False
        Whether these sums count the biases too.
    dropout : float or list of float, default 0
        Probability with which an activation of a hidden layer is 0 while training: one number, or
        one for each hidden layer.
    input_dropout : float, default 0
        The same for the inputs.
    input_noise : float, default 0
        Deviation of the normal noise that is added to the inputs while training.
    max_norm : float or list of float, optional
        Largest norm of the weights of a node: one number, or one a layer.

    Attributes
    ----------
    layers : tuple of Layer
        W (n_l, n_(l-1)) and b (n_l,) of each layer: views, writable, no copies; and how each is
        trained: frozen or not, its learning rate and penalties, as above.
    inputs : Inputs
        How inputs are standardised and, while training, disturbed.
    metadata : dict
        Anything that JSON can hold; saved with the network.
    rng : numpy.random.Generator
        What all random numbers are drawn from.
    engine : fastgrad.engine.engine.Pass
        The compiled passes and their memory.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, what came, what is expected.

    Examples
    --------
    >>> import numpy as np, fastgrad as fg
    >>> net = fg.Network([2, 16, 1], activations="tanh", seed=0)
    >>> net.predict(np.zeros((5, 2))).shape
    (5, 1)
    """

    _made_last = "inputs"

    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Activation | Sequence[str | Activation] = "relu",
        cost: str | Cost | Sequence[Any] = "squared_error",
        init: str | initializers.Scheme | Sequence[str | initializers.Scheme] = "auto",
        dtype: Any = "float32",
        seed: int | None = None,
        standardize: bool = False,
        *,
        l1: float | Sequence[float] = 0.0,
        l2: float | Sequence[float] = 0.0,
        penalize_biases: bool | Sequence[bool] = False,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        max_norm: float | Sequence[float] | None = None,
    ) -> None:
        self.sizes = network_sizes(sizes)
        self.n_inputs, self.n_outputs = self.sizes[0], self.sizes[-1]
        n_layers = len(self.sizes) - 1
        f = one_per_layer("activations", activations, (str, Activation), n_layers, "identity")
        if isinstance(activations, str):
            activation(activations)  # where no hidden layer uses the name, too
        self.activation_functions = tuple(map(activation, f))
        schemes = initializers.schemes(init, self.activations)
        self.dtype = real_dtype(dtype)
        self.heads = output_heads(cost, self.n_outputs, self.activation_functions[-1].name)
        self.cost_function = self.heads[0].cost
        if seed is not None:
            integer("seed", seed, least=0, most=np.inf)
        self.rng = np.random.default_rng(seed)
        self.metadata: dict[str, Any] = {}
        self._token = Token()
        self._allocate(standardize)
        for layer, draw in zip(self.layers, schemes, strict=True):
            n_out, n_in = layer.W.shape
            layer.W = matrix("init", draw((n_out, n_in), self.rng), self.dtype, n_in, n_out)
        assign(self.layers, l1=l1, l2=l2, penalize_biases=penalize_biases, max_norm=max_norm)
        if len(self.layers) == 1 and np.any(dropout):
            raise ValueError(f"dropout: got {dropout!r} without a hidden layer; expected 0")
        assign(self.layers[:-1], dropout=dropout)
        self.inputs.dropout, self.inputs.noise = input_dropout, input_noise

    def _allocate(self, standardize: bool) -> None:
        f = self.activation_functions
        self.engine = Pass(self.sizes, f, self.heads, self.dtype, standardize, self._token)
        self.layers, self.inputs = self.engine.layers, self.engine.inputs

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the addresses, which mean nothing in a copy or another process."""
        kept = {k: v for k, v in vars(self).items() if k not in {"engine", "layers", "inputs"}}
        arrays = {k: v.copy() for k, v in safetensors.arrays(self).items()}
        return {**kept, "arrays": arrays, "training": safetensors.training(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Allocate anew, and fill."""
        saved, training = state.pop("arrays"), state.pop("training")
        vars(self).update(state)
        self._allocate(False)
        safetensors.set_training(self, training)
        for name, array in safetensors.arrays(self).items():
            array[...] = saved[name]

    __copy__ = copy.deepcopy  # two with one token would share what optimizers remember

    def __repr__(self) -> str:
        """Sizes, activations and cost on one line."""
        shape, names = "-".join(map(str, self.sizes)), ", ".join(self.activations)
        costs = ", ".join(head.cost.name for head in self.heads)
        return f"<Network {shape}: {names}; {costs}; {self.dtype}>"

    @property
    def activations(self) -> tuple[str, ...]:
        """Names of f_1 ... f_L."""
        return tuple(f.name for f in self.activation_functions)

    @property
    def n_parameters(self) -> int:
        """Weights and biases in all."""
        return sum(layer.W.size + layer.b.size for layer in self.layers)

    @property
    def parameters(self) -> Array:
        """All weights and biases in one flat vector, with zeros between: a view, writable."""
        return self.engine.memory.parameters

    @property
    def penalty(self) -> float:
        """What l1 and l2 add to the cost: equation (10) is its gradient."""
        return self.engine.penalty

    # --- looking ------------------------------------------------------------------------------

    def forward(self, X: Any) -> Array:
        """Outputs a^L, shape (S, n_L).

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        return self.engine.forward(matrix("X", X, self.dtype, self.n_inputs))

    def predict(self, X: Any) -> Array:
        """Outputs with the cost's link applied, (S, n_L): probabilities for the cross-entropies.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        predicted: Array = prediction(self.forward(X), self.heads)
        return predicted

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """Mean of C over the samples, and the penalty of the weights.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        Y : array_like
            Targets: class ids (S,) or a distribution (S, n_L) for softmax; else (S, n_L), or (S,)
            where n_L is 1. Where the outputs have several costs, a list of targets for each.
        sample_weight : array_like, optional
            (S,): w_s in (1/S) sum_s w_s C_s.
        """
        return self.engine.cost(samples(self, X, Y, sample_weight))[0]

    def gradients(self, X: Any, Y: Any, sample_weight: Any = None) -> Gradients:
        """Gradient of the mean cost at these samples, penalty included, dropout left out.

        Parameters
        ----------
        X, Y, sample_weight : array_like
            As for `cost`.
        """
        at = samples(self, X, Y, sample_weight)
        dC_da0 = np.empty_like(at.X)
        C, _, dC = self.engine.gradients(at, dC_da0)
        views = self.engine.memory.views(dC)
        dC_dW, dC_db = zip(*((W.copy(), b.copy()) for W, b in views), strict=True)
        return Gradients(C, dC_dW, dC_db, dC_da0)

    # --- learning -----------------------------------------------------------------------------

    def step(self, x: Any, y: Any, optimizer: Optimizer) -> float:
        """One update on one mini-batch, for streams and reinforcement learning.

        Parameters
        ----------
        x : array_like
            (S, n_0), or (n_0,) for a single sample.
        y : array_like
            Targets as for `cost`; for a single sample its own (n_L,) or a number.
        optimizer : Optimizer
            Such as ``fg.Adam()``; its state lives on between calls.

        Returns
        -------
        float
            C before the update.
        """
        optimizer = resolve(optimizer, self.layers)
        self.inputs.must_be_ready()
        x, y = single_sample("x", x, y, self.n_inputs, len(self.heads))
        at = samples(self, x, y, names=("x", "y"))
        return self.engine.step(at, Training(optimizer, self.engine.key(self.rng)))

    def fit(
        self,
        X: Any,
        Y: Any,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: Optimizer | None = None,
        validation: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        callbacks: Iterable[Any] = (),
        threads: int | None = None,
        verbose: int = 0,
        *,
        class_weight: Any = None,
        metrics: Iterable[Any] = (),
        average: EMA | SWA | None = None,
    ) -> History:
        """Train on mini-batches.

        Parameters
        ----------
        X : array_like
            (S, n_0). A C-contiguous array of the network's dtype is not copied.
        Y : array_like
            Targets as for `cost`.
        epochs : int, default 10
            Passes over the samples.
        batch_size : int, default 32
            Samples a step; the last step of an epoch takes what is left. `LBFGS` always takes all.
        optimizer : Optimizer, default Adam()
            Its state lives on between calls.
        validation : (X_val, Y_val), optional
            Samples to compute cost, and for classes accuracy, on after each epoch; all count alike.
        shuffle : bool, default True
            A new order of the samples each epoch.
        sample_weight : array_like, optional
            (S,): w_s in (1/S) sum_s w_s C_s.
        callbacks : iterable of Callback
            Called between epochs and batches.
        threads : int, optional
            None: the library decides. The result does not depend on it. A fork of a process that
            has trained on several threads uses one.
        verbose : int, default 0
            1 shows progress.
        class_weight : dict, array_like or "balanced", optional
            What the weight of each sample is multiplied by, for its class; balanced: S over the
            number of classes times the samples of that class.
        metrics : iterable of str or callable
            Names in `fastgrad.metrics`, or functions of (Y, prediction), computed on the
            validation samples after each epoch, and once before, to see that they fit.
        average : EMA or SWA, optional
            Follows the weights.

        Returns
        -------
        History
            One cost an epoch (the mean over its steps, as they came), and more.
        """
        integer("batch_size", batch_size, least=1)
        trained_on = samples(self, X, Y, sample_weight, class_weight)
        return fit.fit(
            self, [trained_on], epochs=epochs, batch_size=batch_size, optimizer=optimizer,
            validation=validation, shuffle=shuffle, callbacks=callbacks, threads=threads,
            verbose=verbose, metrics=metrics, average=average,
        )  # fmt: skip

    def fit_stream(
        self,
        batches: Iterable[Any],
        epochs: int = 1,
        batch_size: int | None = None,
        optimizer: Optimizer | None = None,
        validation: Any = None,
        shuffle: bool = True,
        callbacks: Iterable[Any] = (),
        threads: int | None = None,
        verbose: int = 0,
        *,
        metrics: Iterable[Any] = (),
        average: EMA | SWA | None = None,
    ) -> History:
        """Train on data that come piece by piece and need not fit in memory; as `fit` otherwise.

        Parameters
        ----------
        batches : iterable of (X, Y) or (X, Y, sample_weight)
            Gone through once an epoch, and once before the first if the inputs are standardised and
            it is not known by what; so that, and several epochs, need a list or an object whose
            `__iter__` begins anew, not a generator. `fg.Chunks` reads from arrays on disk.
        epochs : int, default 1
            Passes over all of them.
        batch_size : int, optional
            Samples a step; None: each piece is a mini-batch.
        optimizer : Optimizer, default Adam()
            Its state lives on between calls.
        shuffle : bool, default True
            A new order of the samples within each piece.
        validation, callbacks, threads, verbose, metrics, average
            As for `fit`.

        Raises
        ------
        ValueError, TypeError
            Each piece is checked when it comes: what was learnt from those before a bad one stays.
        """
        if batch_size is not None:
            integer("batch_size", batch_size, least=1)
        return fit.fit(
            self, fit.Stream(self, batches), epochs=epochs, batch_size=batch_size,
            optimizer=optimizer, validation=validation, shuffle=shuffle, callbacks=callbacks,
            threads=threads, verbose=verbose, metrics=metrics, average=average,
        )  # fmt: skip

    def save(self, path: Any) -> None:
        """Write the network to a safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
            Where to; an existing file is replaced.

        Raises
        ------
        OSError
            If the file cannot be written; what stood there before then still does.
        ValueError, TypeError
            If a weight is not finite, JSON cannot hold the metadata, or two of your own activations
            or costs differ but not in their names; likewise.
        """
        safetensors.save(self, path)

    def plan(self, batch_size: int) -> Plan:
        """Which index the threads share in each equation, samples or nodes; print it.

        Parameters
        ----------
        batch_size : int
            Samples in a mini-batch, at least 1.
        """
        integer("batch_size", batch_size, least=1)
        return self.engine.memory.plan(batch_size)
