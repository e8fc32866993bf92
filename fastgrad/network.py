"""The Network: it checks what comes, owns the arrays, and calls the compiled passes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import adam, checks, files, initial
from .activations import Activation, activation
from .callbacks import all_callbacks
from .costs import Cost, linked
from .costs import cost as resolve_cost
from .fitting import Fit, between_calls
from .history import History
from .layers import Gradients, Layer
from .optimizer import Optimizer, resolve
from .passes import Pass
from .plan import Plan
from .progress import Progress
from .samples import samples

__all__ = ["Network", "load"]

Array = np.ndarray[Any, Any]


class Network:
    """A feed-forward network: u^l = W^l a^(l-1) + b^l and a^l = f_l(u^l) for l = 1 ... L.

    Parameters
    ----------
    sizes : sequence of int
        n_0 ... n_L: inputs, nodes of the hidden layers, outputs; at least two, each at least 1.
    activations : str, Activation or a list of them, default "relu"
        f_1 ... f_L. One alone: that for the hidden layers, identity at the output.
    cost : str or Cost, default "squared_error"
        The cost C of one sample; the network is trained on its mean.
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

    Attributes
    ----------
    layers : tuple of Layer
        W (n_l, n_(l-1)) and b (n_l,) of each layer: views, writable, no copies.
    metadata : dict
        Anything that JSON can hold; saved with the network.

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

    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Activation | Sequence[str | Activation] = "relu",
        cost: str | Cost = "squared_error",
        init: str | initial.Scheme | Sequence[str | initial.Scheme] = "auto",
        dtype: Any = "float32",
        seed: int | None = None,
        standardize: bool = False,
    ) -> None:
        self.sizes = checks.network_sizes(sizes)
        self.n_inputs, self.n_outputs = self.sizes[0], self.sizes[-1]
        n_layers = len(self.sizes) - 1
        functions = checks.one_a_layer(
            "activations", activations, (str, Activation), n_layers, last="identity"
        )
        self.activation_functions = tuple(activation(f) for f in functions)
        schemes = initial.schemes(init, self.activations)
        self.dtype = checks.real_dtype(dtype)
        self.cost_function = resolve_cost(cost, self.activation_functions[-1].name)
        if seed is not None:
            checks.integer("seed", seed, least=0)
        self._rng = np.random.default_rng(seed)
        self.standardize, self._standardized = bool(standardize), False
        self.metadata: dict[str, Any] = {}
        self._allocate()
        for layer, draw in zip(self.layers, schemes, strict=True):
            n_out, n_in = layer.W.shape
            layer.W = checks.matrix("init", draw((n_out, n_in), self._rng), self.dtype, n_in, n_out)

    def _allocate(self) -> None:
        self._pass = Pass(self.sizes, self.activation_functions, self.cost_function, self.dtype)
        self.layers = tuple(Layer(W, b) for W, b in self._pass.views(self._pass.parameters))

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the addresses, which mean nothing in a copy or another process."""
        kept = {k: v for k, v in vars(self).items() if k not in {"_pass", "layers"}}
        return {**kept, "arrays": {k: v.copy() for k, v in files.arrays(self).items()}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Allocate anew, and fill."""
        saved = state.pop("arrays")
        vars(self).update(state)
        self._allocate()
        for name, array in files.arrays(self).items():
            array[...] = saved[name]

    def __repr__(self) -> str:
        """Sizes, activations and cost on one line."""
        shape = "-".join(map(str, self.sizes))
        names = ", ".join(self.activations)
        return f"<Network {shape}: {names}; {self.cost_function.name}; {self.dtype}>"

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
        return self._pass.parameters

    @property
    def input_mean(self) -> Array:
        """(n_0,): what is subtracted from the inputs; a view."""
        return self._pass.mean[: self.n_inputs]

    @property
    def input_scale(self) -> Array:
        """(n_0,): what the inputs are multiplied by after that; a view."""
        return self._pass.scale[: self.n_inputs]

    # --- looking ------------------------------------------------------------------------------

    def forward(self, X: Any) -> Array:
        """Outputs a^L, shape (S, n_L).

        Parameters
        ----------
        X : array_like
            (S, n_0).
        """
        X = checks.matrix("X", X, self.dtype, self.n_inputs)
        return self._pass.forward(X)

    def predict(self, X: Any) -> Array:
        """Outputs with the cost's link applied: probabilities for the cross-entropies.

        Parameters
        ----------
        X : array_like
            (S, n_0).

        Returns
        -------
        ndarray
            (S, n_L).
        """
        prediction: Array = linked(self.forward(X), self.cost_function.link)
        return prediction

    def cost(self, X: Any, Y: Any, sample_weight: Any = None) -> float:
        """Mean of C over the samples.

        Parameters
        ----------
        X : array_like
            (S, n_0).
        Y : array_like
            Targets: class ids (S,) or a distribution (S, n_L) for softmax; else (S, n_L), or (S,)
            where n_L is 1.
        sample_weight : array_like, optional
            (S,): w_s in (1/S) sum_s w_s C_s.
        """
        return self._pass.cost(samples(self, X, Y, sample_weight))[0]

    def gradients(self, X: Any, Y: Any, sample_weight: Any = None) -> Gradients:
        """Gradient of the mean cost at these samples: equations (3) to (8).

        Parameters
        ----------
        X, Y, sample_weight : array_like
            As for `cost`.
        """
        C, dC, dC_da0 = self._pass.gradients(samples(self, X, Y, sample_weight))
        dC_dW, dC_db = zip(*((W.copy(), b.copy()) for W, b in self._pass.views(dC)), strict=True)
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
        optimizer = resolve(optimizer)
        x, y = checks.lone_sample("x", x, y, self.n_inputs)
        return self._pass.step(samples(self, x, y, names=("x", "y")), optimizer)

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
            Samples a step; the last step of an epoch takes what is left.
        optimizer : Optimizer, default Adam()
            Its state lives on between calls.
        validation : (X_val, Y_val), optional
            Samples to compute the cost, and for classes the accuracy, on after each epoch.
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

        Returns
        -------
        History
            One cost an epoch (the mean over its steps, as they came), and more.
        """
        optimizer = resolve(adam.Adam() if optimizer is None else optimizer)
        checks.integer("epochs", epochs, least=0)
        checks.integer("batch_size", batch_size, least=1)
        if threads is not None:
            checks.integer("threads", threads, least=1)
        trained_on = samples(self, X, Y, sample_weight)
        held_out = None
        if validation is not None:
            X_val, Y_val = checks.pair("validation", validation, "(X_val, Y_val)")
            held_out = samples(self, X_val, Y_val, names=("validation X", "validation Y"))
        if self.standardize and not self._standardized:
            self._standardize_by(trained_on.X)
        told = all_callbacks(callbacks) + ([Progress()] if verbose else [])
        classifies = self.cost_function.link in {"softmax", "sigmoid"}

        def an_epoch(fit: Fit) -> Any:
            if fit.epoch == 0:
                self._pass.compile(trained_on, optimizer, batch_size)
            seed = int(self._rng.integers(1, 2**63)) if shuffle else None
            return self._pass.epoch(
                trained_on, optimizer, batch_size, seed, threads, between_calls(told)
            )

        def evaluate() -> dict[str, float]:
            if held_out is None:
                return {}
            C, right = self._pass.cost(held_out)
            return {"val_cost": C} | ({"val_accuracy": right} if classifies else {})

        fit = Fit(self, optimizer, epochs, History(samples=len(trained_on.X)))
        return fit.run(an_epoch, batch_size, evaluate, told, classifies)

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
        """
        files.save(self, path, self._standardized)

    def plan(self, batch_size: int) -> Plan:
        """Which index the threads share in each equation, samples or nodes; print it.

        Parameters
        ----------
        batch_size : int
            Samples in a mini-batch, at least 1.
        """
        checks.integer("batch_size", batch_size, least=1)
        return self._pass.plan(batch_size)

    # --- inside -------------------------------------------------------------------------------

    def _standardize_by(self, X: Array) -> None:
        deviation = X.std(axis=0, dtype=np.float64)
        self.input_mean[:] = X.mean(axis=0, dtype=np.float64)
        self.input_scale[:] = 1 / np.where(deviation > 0, deviation, 1)
        self._standardized = True


def load(path: Any) -> Network:
    """Read a network that `Network.save` has written.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Network
        With the same weights to the bit; its optimizer starts afresh.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, or names an activation or cost of the user's own.
    """
    described, tensors = files.read(path)
    metadata, standardized = described.pop("metadata"), described.pop("standardized")
    try:
        net = Network(**described)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    files.fill(path, files.arrays(net), tensors)
    net.metadata.update(metadata)
    net._standardized = standardized
    return net
