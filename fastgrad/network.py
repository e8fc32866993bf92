"""The Network: it validates arguments and calls the engine."""

import copy
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from . import frames
from .data.targets import TargetEncoder
from .engine.partition import Plan
from .engine.predictor import Predictor
from .formats import safetensors
from .formats.exports import NetworkExports
from .formats.portable import PortableModel, PortableNetwork
from .kernels.activations import Activation
from .kernels.costs import Cost
from .model.description import describe
from .model.initializers import Scheme
from .model.layer import Gradients
from .network_base import NetworkBase
from .optim.base import Optimizer
from .optim.weight_averages import EMA, SWA
from .train.fit import fit
from .train.history import History
from .train.inputs import as_batch, encoded_batch
from .train.options import FitOptions
from .train.stream import InMemory, Stream
from .train.trainer import Trainer, step
from .validation import integer, network_sizes, real_dtype

if TYPE_CHECKING:
    from .explain.explanation import Explanation

__all__ = ["Network"]

Array = np.ndarray[Any, Any]


class Network(NetworkBase, NetworkExports):
    """A feed-forward network: u^l = W^l a^(l-1) + b^l and a^l = f_l(u^l) for l = 1 ... L.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L: inputs, nodes of the hidden layers, outputs; at least two, each at least 1.
    activations : str, Activation or a list of them, default "relu"
        f_1 ... f_L. A single one is for the hidden layers, with the identity at the output.
    cost : str, Cost or a list, default "squared_error"
        The cost C of one sample; training minimises its mean. For several kinds of outputs a list
        of (cost, outputs) or (cost, outputs, weight), whose costs are added.
    init : str, callable or list of them, default "auto"
        Initial weights: "auto" (He for the ReLU family, LeCun for selu, else Glorot), another name
        such as "orthogonal" or "normal(std=0.1)", or a function of the shape (n_l, n_(l-1)) and a
        numpy.random.Generator; one for all layers, or one per layer. Biases start at 0.
    dtype : {"float32", "float64"}, default "float32"
        Of all numbers that are stored and computed.
    seed : int or None, default None
        Seed of all random numbers: initial weights, shuffles, dropout. None: different each time.
    standardize : bool, default False
        Shift and scale the inputs to mean 0 and standard deviation 1 of the X of the first fit.
    standardize_targets : bool, default False
        The same for targets that are numbers: the cost compares standard deviations from the mean,
        and predictions and metrics are in the unit of Y, in float64.
    l1, l2 : float or list of float, default 0
        The cost is C + l1 sum |W| + l2/2 sum W^2: one number, or one per layer.
    penalize_biases : bool or list of bool, default False
        Whether these sums include the biases.
    dropout : float or list of float, default 0
        Probability with which an activation of a hidden layer is set to 0 in training: one number,
        or one per hidden layer.
    input_dropout : float, default 0
        The same for the inputs.
    input_noise : float, default 0
        Standard deviation of the normal noise added to the inputs in training.
    max_norm : float or list of float, optional
        Largest norm of the weights of a node: one number, or one per layer.

    Attributes
    ----------
    layers : tuple of Layer
        W (n_l, n_(l-1)) and b (n_l,) of each layer, as writable views; and how each is trained:
        frozen or not, its learning rate and penalties, as above.
    inputs : Inputs
        How inputs are standardised, and their noise and dropout in training.
    targets : Targets
        How targets are standardised.
    metadata : dict
        Anything that JSON can hold; saved with the network.
    rng : numpy.random.Generator
        The source of all random numbers.
    engine : fastgrad.engine.engine.Engine
        The compiled passes and their memory.

    Raises
    ------
    ValueError, TypeError
        One line: the argument, the value received, and what is expected.

    Examples
    --------
    >>> import numpy as np, fastgrad as fg
    >>> net = fg.Network([2, 16, 1], activations="tanh", seed=0)
    >>> net.predict(np.zeros((5, 2))).shape
    (5, 1)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Activation | Sequence[str | Activation] = "relu",
        cost: str | Cost | Sequence[Any] = "squared_error",
        init: str | Scheme | Sequence[str | Scheme] = "auto",
        dtype: Any = "float32",
        seed: int | None = None,
        standardize: bool = False,
        *,
        standardize_targets: bool = False,
        l1: float | Sequence[float] = 0.0,
        l2: float | Sequence[float] = 0.0,
        penalize_biases: bool | Sequence[bool] = False,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        max_norm: float | Sequence[float] | None = None,
    ) -> None:
        given = (
            activations, cost, init, real_dtype(dtype), standardize, standardize_targets, l1, l2,
            penalize_biases, dropout, input_dropout, input_noise, max_norm,
        )  # fmt: skip
        spec, schemes = describe(network_sizes(sizes), *given)
        if seed is not None:
            integer("seed", seed, least=0, most=np.inf)
        self._describe(spec, seed, schemes)
        if not isinstance(init, str):
            self._draw_now()  # a user's function may raise

    def forward(self, X: Any) -> Array:
        """Outputs a^L, shape (S, n_L); in the unit of the targets if these are standardised.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        X = frames.matrix("X", X, self.dtype, self.n_inputs, self.inputs.names)
        a = self.engine.forward(X)
        return self.targets.decode(a)

    def predict(self, X: Any) -> Array:
        """Outputs with the cost's link applied, (S, n_L): probabilities if it is a cross-entropy.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        if type(X) is np.ndarray and (p := self.engine.predict_row(X, self.targets)) is not None:
            return p
        X = frames.matrix("X", X, self.dtype, self.n_inputs, self.inputs.names)
        if len(X) == 1 and (p := self.engine.predict_row(X.copy(), self.targets)) is not None:
            return p
        return self.heads.prediction(self.targets.decode(self.engine.forward(X)))

    def predictor(self) -> Predictor:
        """The predictions of the weights as they are now, bound for calls of one row in a loop.

        ``p = net.predictor()``; then ``p(x)`` or ``p(x, out)`` takes less than a microsecond for a
        small network. `p.kernel` is the same for your own compiled code, and `p.address` for C.
        It copies the network, in about half a millisecond: while training goes on, use `predict`.

        Returns
        -------
        fastgrad.engine.predictor.Predictor
            To be called with a row.
        """
        frozen = copy.deepcopy(self)
        return frozen.engine.predictor(frozen.targets)

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """Mean of C over the samples, plus the penalty of the weights.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        Y : array_like
            Targets: class ids (S,) or a distribution (S, n_L) for softmax; else (S, n_L), or (S,)
            if n_L is 1. With several costs, a list of the targets of each. If they are
            standardised, C is that of (Y - mean) / scale.
        sample_weight : array_like, optional
            (S,): w_s in (1/S) sum_s w_s C_s.
        """
        return self.engine.cost(encoded_batch(self, X, Y, sample_weight))[0]

    def gradients(self, X: Any, Y: Any, sample_weight: Any = None) -> Gradients:
        """Gradient of the mean cost of the samples, with the penalty and without dropout.

        Parameters
        ----------
        X, Y, sample_weight : array_like
            As for `cost`.
        """
        batch = encoded_batch(self, X, Y, sample_weight)
        dC_da0 = np.empty_like(batch.X)
        C, _, dC = self.engine.gradients(batch, dC_da0)
        views = self.engine.workspace.views(dC)
        dC_dW, dC_db = zip(*((W.copy(), b.copy()) for W, b in views), strict=True)
        return Gradients(C, dC_dW, dC_db, dC_da0)

    def explain(
        self, x: Any, y: Any, layer: int = 1, i: int = 0, j: int | None = None, *,
        optimizer: Optimizer | None = None, sample_weight: Any = None, sample: int = 0,
        digits: int = 6,
    ) -> "Explanation":  # fmt: skip
        """The numbers of one derivative, equation by equation from the inputs on; print it.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As for `gradients`, at most 8,192 samples; or a single one, as for `step`.
        layer, i, j : int
            dC/dW[i, j] of layer 1 to L, or dC/db[i] if j is None.
        optimizer : Optimizer, optional
            Whose next step follows; it is taken by copies, and nothing changes.
        sample : int, default 0
            Which sample of the mini-batch is followed.
        digits : int, default 6
            Significant digits, at most 17.

        Returns
        -------
        fastgrad.explain.explanation.Explanation
            To be printed, or shown by a notebook.
        """
        from .explain.explain import explain  # noqa: PLC0415 - not needed to train

        of = layer, i, j
        return explain(self, x, y, sample_weight, of, optimizer, sample, digits)

    def step(self, x: Any, y: Any, optimizer: Optimizer) -> float:
        """Update the weights on one mini-batch, for streams and reinforcement learning.

        Parameters
        ----------
        x : array_like
            (S, n_0), or (n_0,) for a single sample.
        y : array_like
            Targets as for `cost`; for a single sample (n_L,) or a number.
        optimizer : Optimizer
            Such as ``fg.Adam()``; its state is kept between calls.

        Returns
        -------
        float
            C before the update.
        """
        return step(self, x, y, optimizer)

    def trainer(self, optimizer: Optimizer, batch_size: int) -> Trainer:
        """The updates of `step`, bound for a loop.

        ``train = net.trainer(fg.Adam(1e-3), batch_size=64)``; then ``train(x, y)`` takes about a
        microsecond more than the update itself where x (batch_size, n_0) and y are C-contiguous
        arrays of the network's dtype, or y class ids in int64. Arrays that must be converted first,
        as targets that are standardised, take a few microseconds more; samples in lists or
        DataFrames, of another number, or of several costs, as long as `step`.

        Parameters
        ----------
        optimizer : Optimizer
            Its state is kept between calls.
        batch_size : int
            Samples in a mini-batch, at least 1.

        Returns
        -------
        fastgrad.train.trainer.Trainer
            To be called with x and y.
        """
        return Trainer(self, optimizer, batch_size)

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
            (S, n_0), or a DataFrame of numbers, whose names `predict` then goes by. A C-contiguous
            array of the network's dtype is not copied.
        Y : array_like
            Targets as for `cost`.
        epochs : int, default 10
            Passes over the samples.
        batch_size : int, default 32
            Samples per step; the last step of an epoch uses the rest. `LBFGS` always uses all.
        optimizer : Optimizer, default Adam()
            Its state is kept between calls, also that of the default one.
        validation : (X_val, Y_val), optional
            Samples on which cost and metrics are computed after each epoch, without weights.
        shuffle : bool, default True
            Whether the samples are shuffled in each epoch.
        sample_weight : array_like, optional
            (S,): w_s in (1/S) sum_s w_s C_s.
        callbacks : iterable of Callback
            Called between epochs and batches.
        threads : int, optional
            Most threads; one is used where that is clearly faster. None: chosen by measurement. The
            result does not depend on it.
        verbose : int, default 0
            1 shows progress.
        class_weight : dict, array_like or "balanced", optional
            Factor of the weight of each sample, per class; "balanced": S over the number of
            classes times the number of samples of the class.
        metrics : iterable of str or callable
            Names in `fastgrad.metrics`, or functions of (Y, prediction), computed on the
            validation samples after each epoch, and once before the first to detect errors.
        average : EMA or SWA, optional
            Average of the weights.

        Returns
        -------
        History
            The cost of each epoch, the mean over its steps before each of them, and other metrics.
            A cost or weight that is not finite ends the fit; the last good weights come back.
        """
        integer("batch_size", batch_size, least=1)
        options = FitOptions(
            epochs=epochs, batch_size=batch_size, optimizer=optimizer, validation=validation,
            shuffle=shuffle, callbacks=callbacks, threads=threads, verbose=verbose,
            metrics=metrics, average=average,
        )  # fmt: skip
        names = self.inputs.names or frames.column_names(X)
        batch = as_batch(self, X, Y, sample_weight, class_weight)
        return fit(self, InMemory(batch, names), options)

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
        """Train on data that arrive in pieces and need not fit in memory; otherwise as `fit`.

        Parameters
        ----------
        batches : iterable of (X, Y) or (X, Y, sample_weight)
            The pieces, iterated over once per epoch, and once before the first epoch if the inputs
            are to be standardised. Both this and several epochs need a list or an object whose
            `__iter__` restarts, not a generator. `fg.Chunks` reads from arrays on disk.
        epochs : int, default 1
            Passes over all pieces.
        batch_size : int, optional
            Samples per step; None: each piece is a mini-batch.
        optimizer : Optimizer, default Adam()
            Its state is kept between calls, also that of the default one.
        shuffle : bool, default True
            Whether the samples of each piece are shuffled.
        validation, callbacks, threads, verbose, metrics, average
            As for `fit`.

        Raises
        ------
        ValueError, TypeError
            A piece is validated when it arrives: the updates from those before it are kept.
        """
        options = FitOptions(
            epochs=epochs, batch_size=batch_size, optimizer=optimizer, validation=validation,
            shuffle=shuffle, callbacks=callbacks, threads=threads, verbose=verbose,
            metrics=metrics, average=average,
        )  # fmt: skip
        return fit(self, Stream(batches, partial(as_batch, self), self.inputs.names), options)

    def save(self, path: Any) -> None:
        """Write the network to a safetensors file, atomically.

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced.

        Raises
        ------
        OSError
            If the file cannot be written; an existing one then is unchanged.
        ValueError, TypeError
            If a weight is not finite, JSON cannot hold the metadata, or two different custom
            activations or costs have the same name; likewise.
        """
        with self.engine.locks.queue, self.engine.locks.passes:
            safetensors.write(path, self.spec, self.arrays)

    def portable(self) -> PortableModel:
        """See `Exports`; the targets are those that the metadata of a table's model name."""
        with self.engine.locks.queue, self.engine.locks.passes:
            arrays = {name: array.copy() for name, array in self.arrays.items()}
        n_classes = self.heads.n_classes
        targets = TargetEncoder("regression")
        if n_classes:
            targets = TargetEncoder("classification", list(range(n_classes)))
        if "classes" in self.metadata:
            with suppress(TypeError, ValueError):  # metadata may be anything
                named = TargetEncoder.from_metadata(self.metadata)
                named.check_outputs(self.n_outputs)
                targets = named
        network = PortableNetwork(self.spec, arrays)
        return PortableModel((network,), (1.0,), None, targets, predict=self.predict)

    def plan(self, batch_size: int) -> Plan:
        """Whether threads partition samples or nodes, per equation; print it.

        Parameters
        ----------
        batch_size : int
            Samples in a mini-batch, at least 1.
        """
        integer("batch_size", batch_size, least=1)
        return self.engine.workspace.plan(batch_size)
