"""Networks as multi-layer perceptrons of scikit-learn, and these as networks."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..data.targets import TargetEncoder
from ..extras import import_extra
from ..validation import shown
from .chain import Chain
from .portable import PortableModel, PortableNetwork

import_extra("sklearn.neural_network", "sklearn", "to_sklearn, from_sklearn")  # names the command

from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

__all__ = ["estimator_of", "read"]

Array = np.ndarray[Any, Any]

#: Activations: fastgrad's name and scikit-learn's.
_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
_NAMES = {theirs: ours for ours, theirs in _ACTIVATIONS.items()}

_EXPECTED = (
    "a fitted MLPClassifier or MLPRegressor, or one in a Pipeline after a StandardScaler or in a"
    " TransformedTargetRegressor with one"
)


# --- to scikit-learn ----------------------------------------------------------------------------


def estimator_of(model: PortableModel) -> Any:
    """The fitted estimator of a network.

    Parameters
    ----------
    model : PortableModel
        Of one network.

    Returns
    -------
    MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor

    Raises
    ------
    ValueError
        What scikit-learn does not have; the message names the layer.
    """
    (network,) = model.networks
    estimator = first = _perceptron(network, model.targets)
    if network.of_inputs:
        mean, scale = network.of_inputs
        with np.errstate(divide="ignore"):  # 0 times is over infinity
            first = _scaler(mean, 1 / scale.astype(np.float64))
        estimator = make_pipeline(first, estimator)
    if names := network.spec.inputs["names"]:
        first.feature_names_in_ = np.array(names, dtype=object)
    if network.of_targets:
        scaler = _scaler(*network.of_targets)
        fitted, estimator = estimator, TransformedTargetRegressor(estimator, transformer=scaler)
        estimator.regressor_, estimator.transformer_ = fitted, scaler
        estimator._training_dim = min(network.spec.sizes[-1], 2)  # of y, as its fit keeps it
    return estimator


def _scaler(mean: Array, scale: Array) -> StandardScaler:
    """The fitted transformer to (x - mean) / scale."""
    scaler = StandardScaler().fit(np.zeros((1, len(mean))))
    scaler.mean_, scaler.scale_ = mean.astype(np.float64), scale
    scaler.var_ = np.square(scale)
    return scaler


def _perceptron(network: PortableNetwork, targets: TargetEncoder) -> Any:
    spec, heads = network.spec, network.spec.heads
    links = {head.cost.link for head in heads}
    if (len(heads) > 1 and links != {"identity"}) or (targets.classes and not heads.n_classes):
        received = ", ".join(head.cost.name for head in heads)
        raise ValueError(f"cost: got {received}; expected one cost that scikit-learn has")
    settings = {"hidden_layer_sizes": spec.sizes[1:-1], "activation": _activation(network)}
    # one step, whose weights are replaced, makes all attributes that a fitted estimator has
    x, y = np.zeros((1, spec.sizes[0]), spec.dtype), np.zeros((1, spec.sizes[-1]), np.int64)
    *hidden, (W, b, *_) = network.layers
    if heads.n_classes:
        classes, order = _sorted(targets.classes or [])
        W, b = _of_classes(W, b, order)
        estimator = MLPClassifier(**settings).partial_fit(x, classes[:1], classes=classes)
    elif heads.classifies:
        estimator = MLPClassifier(**settings).partial_fit(x, y, classes=np.arange(len(b)))
    else:
        settings["loss"] = "poisson" if links == {"exp"} else "squared_error"
        estimator = MLPRegressor(**settings).partial_fit(x, y if len(b) > 1 else y[:, 0])
    estimator.coefs_ = [*(layer.W.T for layer in hidden), W.T]
    estimator.intercepts_ = [*(layer.b for layer in hidden), b]
    # and is forgotten: a further partial_fit makes a new optimizer
    del estimator._optimizer
    estimator.n_iter_, estimator.t_, estimator.loss_curve_ = 0, 0, []
    estimator.loss_ = estimator.best_loss_ = np.inf
    return estimator


def _activation(network: PortableNetwork) -> str:
    """The activation of all hidden layers, as scikit-learn calls it."""
    names = [f.name if f.builtin else f"the custom {f.name!r}" for *_, f, _ in network.layers]
    *hidden, last = names
    for l, name in enumerate(hidden, start=1):
        if name not in _ACTIVATIONS:
            raise ValueError(f"layer {l}: got {name}; expected one of {', '.join(_ACTIVATIONS)}")
        if name != hidden[0]:
            raise ValueError(f"layer {l}: got {name}; expected {hidden[0]}, as in layer 1")
    if last != "identity":
        raise ValueError(f"layer {len(names)}: got {last}; expected identity at the output")
    return _ACTIVATIONS[hidden[0]] if hidden else "relu"


def _sorted(labels: list[Any]) -> tuple[Array, Array]:
    """The labels as scikit-learn has them, sorted, and the id of each."""
    classes, order = np.unique(np.array(labels), return_index=True)
    if len(classes) != len(labels):
        raise ValueError(f"classes: got {labels}; expected labels that differ as text")
    if classes.dtype.kind == "f" and (classes % 1).any():
        raise ValueError(f"classes: got {labels}; expected whole numbers or text")
    return classes, order


def _of_classes(W: Array, b: Array, order: Array) -> tuple[Array, Array]:
    """The last layer for classes in another order, and with one output if these are two."""
    if len(order) > 2:
        return W[order], b[order]
    if len(b) == 2:  # softmax: the log-odds are the difference
        W, b = W[1:] - W[:1], b[1:] - b[:1]
    return (W, b) if order[1] == 1 else (-W, -b)


# --- from scikit-learn --------------------------------------------------------------------------


def read(estimator: Any) -> PortableNetwork:
    """The network of a fitted estimator.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        It may be fastgrad's own.

    Raises
    ------
    TypeError
        Something else.
    ValueError
        It is not fitted, or has a step that cannot be carried over.
    """
    chain = Chain("estimator")
    perceptron = _tell(chain, type(estimator).__name__, estimator)
    network = chain.network()
    spec = network.spec
    if isinstance(perceptron, MLPClassifier):
        spec = replace(spec, metadata=_metadata(perceptron))
    fitted = getattr(estimator, "regressor_", estimator)
    if (names := getattr(fitted, "feature_names_in_", None)) is not None:
        spec = replace(spec, inputs={**spec.inputs, "names": [str(name) for name in names]})
    return PortableNetwork(spec, network.arrays)


def _tell(chain: Chain, place: str, estimator: Any) -> Any:
    """Tell the chain what an estimator computes; the perceptron in it."""
    if not isinstance(
        estimator, TransformedTargetRegressor | Pipeline | MLPClassifier | MLPRegressor
    ):
        raise TypeError(f"estimator: {place}: got {shown(estimator)}; expected {_EXPECTED}")
    owner = type(estimator).__module__.partition(".")[0]
    if owner not in ("sklearn", "fastgrad"):  # whose predict may be another
        received = f"{type(estimator).__name__}, a class of {type(estimator).__module__}"
        raise chain.error(place, received, _EXPECTED)
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise chain.error(place, "an estimator that is not fitted", _EXPECTED) from None
    if isinstance(estimator, TransformedTargetRegressor):
        perceptron = _tell(chain, "regressor_", estimator.regressor_)
        mean, scale = _moments(chain, "transformer_", estimator.transformer_)
        chain.scaling("transformer_", 0.0, scale, mean)
        return perceptron
    if isinstance(estimator, Pipeline):
        *steps, (name, last) = estimator.steps
        for step, transformer in steps:
            if transformer not in (None, "passthrough"):
                mean, scale = _moments(chain, step, transformer)
                with np.errstate(divide="ignore"):
                    chain.scaling(step, mean, 1 / scale)
        return _tell(chain, name, last)
    _tell_layers(chain, place, estimator)
    return estimator


def _moments(chain: Chain, place: str, transformer: Any) -> tuple[Array, Array]:
    """Mean and standard deviation that a scaler subtracts and divides by."""
    if type(transformer) is not StandardScaler:
        raise chain.error(place, shown(transformer), "a StandardScaler")
    n = transformer.n_features_in_
    mean = transformer.mean_ if transformer.with_mean else np.zeros(n)
    scale = transformer.scale_ if transformer.with_std else np.ones(n)
    return mean, scale


def _tell_layers(chain: Chain, place: str, estimator: Any) -> None:
    if getattr(estimator, "encode", None) is not None:  # of fastgrad.sklearn
        raise chain.error(place, "an encoder of tables", "encode=None, or a TableModel")
    f, n_hidden = estimator.activation, len(estimator.coefs_) - 1
    hidden = f if isinstance(f, list | tuple) else [f] * n_hidden
    activations = [*hidden, estimator.out_activation_]
    layers = zip(estimator.coefs_, estimator.intercepts_, activations, strict=True)
    for l, (W, b, f) in enumerate(layers, start=1):
        chain.layer(f"{place}: layer {l}", np.ascontiguousarray(W.T), b)
        if f in ("softmax", "exp"):
            chain.link(f"{place}: layer {l}", f)
        else:
            chain.activation(f"{place}: layer {l}", _NAMES.get(f, f))


def _metadata(classifier: Any) -> dict[str, Any]:
    """The labels, unless they are the ids 0 ... K - 1 or each sample may have several."""
    classes = classifier.classes_
    are_ids = classes.dtype.kind in "iu" and (classes == np.arange(len(classes))).all()
    if are_ids or classifier._label_binarizer.y_type_.startswith("multilabel"):
        return {}
    metadata = TargetEncoder("classification", classes.tolist()).metadata
    TargetEncoder.from_metadata(metadata)  # which checks that a file can hold them
    return metadata
