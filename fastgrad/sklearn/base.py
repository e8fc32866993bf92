"""What both estimators share: scikit-learn's perceptron with a network of fastgrad inside.

scikit-learn's own class validates, encodes labels, draws the initial weights and keeps the
attributes. Here stand the methods that compute: forward, gradient, and the epochs of a fit.
"""

import copy
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numba
import numpy as np
from joblib.parallel import get_active_backend
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_array, check_consistent_length, validate_data
from threadpoolctl import ThreadpoolController

from ..data.table_encoder import TableEncoder
from ..engine.batch import Batch
from ..kernels.activations import ACTIVATIONS, Activation
from ..model.layer import assign_per_layer
from ..model.spec import NetworkSpec
from ..network import Network
from ..optim.base import Optimizer
from ..train.fit import fit
from ..train.inputs import as_batch, encoded
from ..train.options import FitOptions
from ..validation import pair
from .progress import EpochRules
from .samples import Samples
from .solvers import Solver

__all__ = ["NetworkEstimator"]

Array = np.ndarray[Any, Any]

_NAMES = {"logistic": "sigmoid"}  # scikit-learn's name of an activation, and fastgrad's


@cache
def _blas() -> ThreadpoolController:
    """The threads of NumPy's and SciPy's BLAS; to find the libraries takes milliseconds."""
    return ThreadpoolController()


def _is_in_worker() -> bool:
    """Whether joblib or Dask runs several at once; joblib does not know of Dask's workers."""
    if (distributed := sys.modules.get("distributed")) is not None:
        with suppress(ValueError):
            return distributed.get_worker() is not None
    return bool(get_active_backend()[0].nesting_level)


@contextmanager
def _threads(requested: int | None) -> Iterator[None]:
    """Limit numba's threads: to those requested, or to one within a worker."""
    most = requested or (1 if _is_in_worker() else None)
    before = numba.get_num_threads()
    numba.set_num_threads(min(most or before, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """Stands before scikit-learn's class among the bases, and replaces what computes."""

    #: Constraints of the parameters that scikit-learn does not have, or has fewer values for.
    _added_constraints: ClassVar[dict[str, list[Any]]] = {
        "activation": [StrOptions({"logistic", *ACTIVATIONS}), Activation, list, tuple],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "optimizer": [Optimizer, None],
        "callbacks": [list, tuple],
        "threads": [Interval(Integral, 1, None, closed="left"), None],
        "encode": [StrOptions({"auto"}), HasMethods(["fit", "transform"]), None],
    }

    network_: Network

    # --- the network and its arrays ---------------------------------------------------------------

    def _cost(self, n_outputs: int) -> Any:
        """The cost of the network, for the estimator's `loss`."""
        raise NotImplementedError

    def _encoded(self, y: Any) -> Array:
        """The user's targets as scikit-learn encodes them, (S, n_outputs)."""
        raise NotImplementedError

    def _targets(self, encoded: Array) -> Array:
        """Targets of the network."""
        raise NotImplementedError

    def _score_of(self, encoded: Array, prediction: Array, sample_weight: Array | None) -> float:
        """Accuracy or R2 of the outputs, both (S, n_outputs)."""
        raise NotImplementedError

    def _loss(self, cost: float, penalty: float, batch: Batch) -> float:
        """scikit-learn's loss, from the mean cost of the network and the penalty that is in it."""
        raise NotImplementedError

    def _initialize(self, y: Array, layer_units: Sequence[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)
        if hasattr(self, "network_"):
            del self.network_  # that of an earlier fit

    def _spec(self) -> NetworkSpec:
        """The network that the parameters describe, in the sizes of coefs_."""
        sizes = [len(self.coefs_[0]), *(W.shape[1] for W in self.coefs_)]
        hidden = self.activation
        if not isinstance(hidden, list | tuple):
            hidden = [hidden] * (len(sizes) - 2)
        # the costs of classifiers and counts contain the activation of the output
        activations = [*(_NAMES.get(f, f) for f in hidden), "identity"]
        # lbfgs: as SciPy computes, and scikit-learn with it
        dtype = np.dtype(np.float64) if self.solver == "lbfgs" else self.coefs_[0].dtype
        return NetworkSpec.create(sizes, activations, self._cost(sizes[-1]), dtype)

    def _current_network(self) -> Network:
        """The network to be trained: a new one, if the parameters describe another than before."""
        spec = self._spec()
        if not hasattr(self, "network_") or _differ(spec, self.network_.spec):
            self.network_ = Network.from_spec(spec)
            # of a table, as `fastgrad train` does; without it as scikit-learn
            numbers = spec.heads.are_numbers.all() and spec.activations[-1].name == "identity"
            self.network_.targets.standardize = bool(self.encode is not None and numbers)
        network = self._views()
        hidden, dropout = network.layers[:-1], self.dropout
        wanted = list(dropout) if isinstance(dropout, list | tuple) else [dropout] * len(hidden)
        if [layer.dropout for layer in hidden] != wanted:
            assign_per_layer(hidden, dropout=wanted)
        return network

    def _penalize(self, l2: float) -> None:
        for layer in self.network_.layers:
            if layer.l2 != l2:
                layer.l2 = l2

    def _views(self) -> Network:
        """The network, once coefs_ and intercepts_ are views of its arrays again.

        Arrays that the user has put in their place are copied.
        """
        for k, layer in enumerate(self.network_.layers):
            for arrays, name in ((self.coefs_, "W"), (self.intercepts_, "b")):
                view = getattr(layer, name).T
                if not _is_view(arrays[k], view):
                    view[...] = arrays[k]
                    arrays[k] = view
        return self.network_

    def _unpack(self, packed_parameters: Array) -> None:
        """Set all weights and biases from one vector, in place."""
        self._views()
        arrays = [*self.coefs_, *self.intercepts_]
        parts = np.split(packed_parameters, np.cumsum([array.size for array in arrays])[:-1])
        for array, part in zip(arrays, parts, strict=True):
            array[...] = part.reshape(array.shape)

    def __getstate__(self) -> Any:
        """Without the views, which would be copies in another process."""
        if not hasattr(self, "network_"):
            return super().__getstate__()
        self._views()
        state = dict(super().__getstate__())
        del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state: Any) -> None:
        """Make the views anew."""
        super().__setstate__(state)
        if hasattr(self, "network_"):
            self.coefs_ = [layer.W.T for layer in self.network_.layers]
            self.intercepts_ = [layer.b for layer in self.network_.layers]

    # --- inputs -----------------------------------------------------------------------------------

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        if self.encode is None:
            return super()._validate_input(X, y, incremental, reset)
        if reset:
            is_auto = isinstance(self.encode, str)
            encoder = TableEncoder() if is_auto else copy.deepcopy(self.encode)
            self.encoder_ = encoder.fit(self._table(X))
        numbers, y = super()._validate_input(self._encode(X, reset), y, incremental, True)
        validate_data(self, X, reset=True, skip_check_array=True)  # names and number of X's columns
        return numbers, y

    def _encode(self, X: Any, reset: bool = False) -> Any:
        """What the encoder makes of X, whose columns are compared with those before."""
        validate_data(self, X, reset=reset, skip_check_array=True)
        return self.encoder_.transform(self._table(X))

    def _table(self, X: Any) -> Any:
        """X for the encoder: with encode="auto" the columns of an array get names, x0, x1, ..."""
        if not isinstance(self.encode, str) or not isinstance(X := _dense(X), np.ndarray | list):
            return X
        X = check_array(X, dtype=None, ensure_all_finite="allow-nan")
        return {f"x{j}": column for j, column in enumerate(X.T)}

    def _checked(self, X: Any) -> Any:
        """X of samples that are not trained on, as numbers."""
        if self.encode is None:
            return validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return check_array(self._encode(X), accept_sparse=["csr", "csc"])

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Array:
        """The outputs with the activation of the last layer, (S, n_outputs)."""
        if check_input:
            X = self._checked(X)
        network = self._views() if hasattr(self, "network_") else self._current_network()
        with _threads(self.threads):
            return network.predict(_dense(X))

    def __sklearn_tags__(self) -> Any:
        """Missing values are an encoder's to deal with."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.encode is not None
        return tags

    def _batch(self, X: Any, y: Array, sample_weight: Array | None) -> Batch:
        Y = self._targets(y.reshape(len(y), -1))
        return as_batch(self.network_, _dense(X), Y, sample_weight)

    # --- training ---------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None) -> Self:
        """Train on samples.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame
            (S, n_features).
        y : array_like
            (S,) or (S, n_outputs): labels of a classifier, numbers of a regressor.
        sample_weight : array_like, optional
            (S,).
        validation : (X_val, y_val), optional
            Samples on which `history_` has the cost after each epoch, and by which
            `early_stopping` decides, instead of a part of X and y.

        Returns
        -------
        MLPClassifier or MLPRegressor
            The estimator itself.
        """
        self._fit(X, y, sample_weight, validation=validation)
        return self

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        incremental: bool = False,
        validation: Any = None,
    ) -> Any:
        """scikit-learn's `_fit`, with validation samples for `_fit_stochastic`."""
        self._given_validation = validation
        try:
            with _threads(self.threads):
                return super()._fit(X, y, sample_weight, incremental)
        finally:
            del self._given_validation

    def _fit_lbfgs(self, X: Any, y: Array, sample_weight: Array | None, *buffers: Any) -> None:
        for name, is_given in {
            "dropout": np.any(self.dropout),
            "optimizer": self.optimizer is not None,
            "callbacks": len(self.callbacks) > 0,
            "validation": self._given_validation is not None,
        }.items():
            if is_given:
                raise ValueError(f"{name}: got it with solver='lbfgs'; expected 'sgd' or 'adam'")
        self._current_network()
        batch = self._whole_batch(X, y, sample_weight)
        with _blas().limit(limits=1, user_api="blas"):  # SciPy's vectors are short: threads cost
            super()._fit_lbfgs(batch, y, None, *buffers)

    def _whole_batch(self, X: Any, y: Array, sample_weight: Array | None) -> Batch:
        """All samples as one mini-batch, weights with mean 1; and the network's l2 for it."""
        batch, net = self._batch(X, y, sample_weight), self.network_
        if net.targets.standardize and not net.targets.standardized:
            net.targets = net.targets.fitted_to([batch.Y])
        batch = encoded(batch, net.targets)
        S, weights = len(batch.X), batch.weights
        total = float(weights.sum(dtype=np.float64)) if len(weights) else S
        self._penalize(self.alpha / total)
        return batch._replace(weights=weights * (S / total))

    def _loss_grad_lbfgs(
        self, packed_coef_inter: Array, X: Any, y: Array, sample_weight: Any, *buffers: Any
    ) -> tuple[float, Array]:
        """Loss and gradient for all samples, a Batch or scikit-learn's X and y."""
        self._unpack(packed_coef_inter)
        batch = X if isinstance(X, Batch) else self._whole_batch(X, y, sample_weight)
        engine = self.network_.engine
        C, _, dC = engine.gradients(batch)
        dC_dW, dC_db = zip(*engine.workspace.views(dC), strict=True)
        packed = np.concatenate([part.T.ravel() for part in (*dC_dW, *dC_db)])
        return self._loss(C, engine.penalty, batch), packed

    def _fit_stochastic(self, X: Any, y: Array, sample_weight: Array | None, *buffers: Any) -> None:
        incremental = buffers[-1]
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = Solver(self)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        network, train = self._current_network(), (X, y, sample_weight)
        held_out, given = (None, None, None), self._checked_validation()
        if self.early_stopping:
            train, held_out = (train, (*given, None)) if given else self._split(*train)
        S = train[0].shape[0]
        batch_size = min(200, S) if self.batch_size == "auto" else self.batch_size
        if batch_size > S:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be"
                " clipped",
                stacklevel=2,
            )
            batch_size = S
        self._penalize(self.alpha / batch_size)
        if np.any(self.dropout):
            network.rng = np.random.default_rng(self._random_state.randint(2**31))
        rng = self._random_state if self.shuffle else None
        samples = Samples(self._batch(*train), batch_size, rng)
        rules = EpochRules(self, samples, held_out, self.early_stopping, incremental)
        options = FitOptions(
            epochs=1 if incremental else self.max_iter, batch_size=batch_size,
            optimizer=self._optimizer.optimizer, shuffle=False, threads=self.threads, verbose=0,
            validation=(given[0], self._targets(given[1])) if given else None,
            callbacks=[rules, *self.callbacks], metrics=(), average=None,
        )  # fmt: skip
        try:
            history = fit(network, samples, options)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        else:
            if not (self.early_stopping or np.isfinite(history.cost[-1])):
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain large"
                    f" values and need to be preprocessed. ({history.stopped})"
                )
        if self.early_stopping:
            for array, best in zip(self.coefs_, self._best_coefs, strict=True):
                array[...] = best
            for array, best in zip(self.intercepts_, self._best_intercepts, strict=True):
                array[...] = best

    def _split(self, X: Any, y: Array, sample_weight: Array | None) -> tuple[Any, Any]:
        """Training and validation samples of `early_stopping`."""
        arrays = (X, y) if sample_weight is None else (X, y, sample_weight)
        by_class = is_classifier(self) and self.n_outputs_ == 1
        parts = train_test_split(
            *arrays, random_state=self._random_state, test_size=self.validation_fraction,
            stratify=y if by_class else None,
        )  # fmt: skip
        X_val, y_val, *w_val = parts[1::2]
        if X_val.shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of"
                " your dataset."
            )
        X_train, y_train, *w_train = parts[::2]
        return (X_train, y_train, *(w_train or [None])), (X_val, y_val, *(w_val or [None]))

    def _checked_validation(self) -> tuple[Any, Any] | None:
        """The user's validation samples, encoded and checked; None if there are none."""
        if self._given_validation is None:
            return None
        X, y = pair("validation", self._given_validation, "(X_val, y_val)")
        check_consistent_length(X, y)
        return _dense(self._checked(X)), self._encoded(y)

    def _score(self, X: Any, y: Array, sample_weight: Array | None = None) -> float:
        """Score of validation samples with encoded targets; nan if cost or outputs are not."""
        prediction = self._forward_pass_fast(X, check_input=False)
        if not (np.isfinite(self.loss_) and np.isfinite(prediction).all()):
            return float("nan")
        return self._score_of(y, prediction, sample_weight)


def _differ(spec: NetworkSpec, other: NetworkSpec) -> bool:
    """Whether two networks of the same sizes compute something else."""
    one, two = ((of.activations, of.heads, of.dtype) for of in (spec, other))
    return one != two


def _dense(X: Any) -> Array:
    dense: Array = X.toarray() if issparse(X) else X
    return dense


def _is_view(array: Any, of: Array) -> bool:
    """Whether an array is, number by number, the memory of another."""
    described = getattr(array, "__array_interface__", {})
    mine = of.__array_interface__
    return all(described.get(k) == mine[k] for k in ("data", "shape", "strides", "typestr"))
