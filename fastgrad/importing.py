"""Networks from other libraries and their files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .checkpoint import networks_of
from .formats import state_dict
from .formats.portable import PortableNetwork
from .kernels.activations import Activation
from .kernels.costs import Cost
from .network import Network

__all__ = ["from_keras", "from_onnx", "from_safetensors", "from_sklearn", "from_torch"]


def from_torch(module: Any, cost: str | Cost | None = None) -> Network:
    """The network of a module of PyTorch, with its weights bit for bit.

    What `forward` does is traced with `torch.fx`, so that modules of your own are read as a
    Sequential is, with calls such as ``F.relu(x)``, ``(x - self.mean) / self.std`` and, at the end,
    ``x.squeeze(1)``, of which the outputs are (S, 1) here. The module is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        A chain of Linear, activations, Dropout, BatchNorm1d, Flatten and Identity, each taking
        what the one before it gives; on any device, in float32 or float64. BatchNorm1d, of which
        the running statistics are taken, becomes a part of the weights, or the standardisation of
        the inputs if it is the first layer. A Softmax, LogSoftmax or Sigmoid at the end becomes the
        link of the cost: `Network.predict` gives probabilities. Layers without gradients are
        frozen.
    cost : str or Cost, optional
        The cost of the network, which a module does not have. By default "squared_error";
        "softmax_cross_entropy" where it ends with a softmax, and "sigmoid_cross_entropy" with a
        sigmoid. For a module that gives logits, say which of the two.

    Returns
    -------
    Network

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    TypeError
        Something else than a module, or than a cost.
    ValueError
        What cannot be carried over: other layers, branches, control flow, weights that layers
        share, hooks and parametrizations, half precision. The message names the layer.
    """
    from .formats import torch_reader  # noqa: PLC0415 - needs a library

    return _network("module", torch_reader.read(module, cost))


def _network(source: str, read: PortableNetwork) -> Network:
    """The network of what a format has read."""
    return networks_of(source, {"": read.spec}, read.arrays)[0]


def from_keras(model: Any, cost: str | Cost | None = None) -> Network:
    """The network of a model of Keras, or of a .keras file.

    Parameters
    ----------
    model : keras.Model or path-like
        A Sequential or functional model whose layers follow one another: Dense, activations,
        Dropout, GaussianNoise of the inputs, BatchNormalization and Normalization as they predict,
        Rescaling, Flatten. A .keras file is read with h5py, without Keras; nothing in it is run.
    cost : str or Cost, optional
        The cost of the network. By default "squared_error", after a softmax or a sigmoid the
        cross-entropy, after an exponential "poisson".

    Raises
    ------
    ModuleNotFoundError
        If h5py, which reads files, is not installed.
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is something else.
    ValueError
        If a layer cannot be carried over, which the message names: others than these, custom
        ones, branches, other dtypes than float32 and float64; or the file is damaged.
    """
    from .formats.keras import reader  # noqa: PLC0415 - needs a library

    source = str(model) if isinstance(model, str | Path) else "model"
    return _network(source, reader.read(model, cost))


def from_onnx(path: Any, cost: str | Cost | None = None) -> Network:
    """Read the network of an ONNX file, as PyTorch, skl2onnx and `Network.to_onnx` write them.

    The file must be a chain with one input and one output of numbers: Gemm, or MatMul and Add;
    activations, each one operator or several, recognised by their values; scaling of inputs and
    outputs; BatchNormalization; Dropout, Flatten, Identity. Beside an output of probabilities
    there may be one of labels. What follows the last layer is the link of the cost: Softmax (also
    LogSoftmax, instead of which `predict` then gives probabilities), Sigmoid or Exp. Nothing in
    the file is run but elementwise operators on a few numbers.

    Parameters
    ----------
    path : path-like
        The file.
    cost : str or Cost, optional
        The cost of the network, which a file does not have. By default "squared_error"; after a
        softmax or a sigmoid the cross-entropy, after an exponential "poisson".

    Returns
    -------
    Network
        Of the dtype of the weights.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModuleNotFoundError
        If the library onnx is not installed.
    ValueError, TypeError
        The file is damaged or of another kind, the node named is no part of a chain, or the cost
        does not fit its end.
    """
    from .formats import onnx  # noqa: PLC0415 - needs a library

    return _network(path, onnx.read(path, cost))


def from_safetensors(
    path: Any,
    activation: str | Activation | Sequence[str | Activation],
    cost: str | Cost | None = None,
) -> Network:
    """Read the network of weights and biases in a safetensors file, as PyTorch names them.

    The tensors are those of a chain of dense layers, such as "0.weight" and "0.bias", or
    "fc1.weight" and "fc2.weight": the names differ by a number, whose value is the order of the
    layers. `load` reads the files of fastgrad.

    Parameters
    ----------
    path : path-like
        The file.
    activation : str, Activation or sequence of them
        What the file does not have: one for all hidden layers, one per hidden layer, or one per
        layer.
    cost : str or Cost, optional
        The cost of the network, by default "squared_error"; after a "sigmoid" of the last layer
        "sigmoid_cross_entropy".

    Returns
    -------
    Network
        Of the dtype of the weights.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError, TypeError
        The file is damaged, of fastgrad, or has another tensor than (n_l, n_(l-1)) weights and
        (n_l,) biases of float32 or float64; the names of the layers do not tell their order; the
        number of activations does not fit.
    """
    return _network(str(path), state_dict.read(path, activation, cost))


def from_sklearn(estimator: Any) -> Network:
    """The network of a fitted perceptron of scikit-learn, with its weights bit for bit.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        A perceptron, scikit-learn's or that of `fastgrad.sklearn`, alone, as the last step of a
        Pipeline after a StandardScaler, or in a TransformedTargetRegressor with one. The scalers
        become the standardisation of inputs and targets, and labels of classes other than 0 ... K -
        1 are in `Network.metadata`, under "classes". The cost is that of the estimator, whose
        penalty alpha is left out.

    Returns
    -------
    Network
        `predict` gives the probabilities of the classes, in their order: of two classes that of
        the second, (S, 1).

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.
    TypeError
        Another kind of estimator.
    ValueError
        It is not fitted, or has a step that cannot be carried over; the message names it.
    """
    from .formats import sklearn  # noqa: PLC0415 - needs a library

    return _network("estimator", sklearn.read(estimator))
