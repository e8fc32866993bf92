"""Methods that write a model for other programs; the formats are imported when they are used."""

from typing import TYPE_CHECKING, Any

from ..validation import shown
from .portable import PortableModel

if TYPE_CHECKING:
    from ..optim.base import Optimizer

__all__ = ["Exports", "NetworkExports"]


class Exports:
    """Base of what can be exported: `Network`, `Ensemble` and `TableModel`."""

    def portable(self) -> PortableModel:
        """What every format writes: specifications and copies of the arrays."""
        raise NotImplementedError

    def to_onnx(
        self, path: Any, *, outputs: str = "labels", opset: int = 17, check: bool = True
    ) -> None:
        """Write an ONNX file, which onnxruntime and others run; needs `pip install onnx`.

        Everything is inside: scaling of inputs and targets, missing values, categories, labels. Of
        a network or arrays the input is "X", (N, n_0). Of a table each column that is used is an
        input of its name, (N, 1): numbers float64, NaN where missing; dates int64, microseconds
        since 1970, -2^63 where missing; categories and booleans text, "" where missing, numbers
        among them as "1.5" or "3". N is any.
        The file's entry "fastgrad" among its metadata says in JSON what each of them is.

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced, atomically.
        outputs : {"labels", "scores"}, default "labels"
            "labels": of classes "label" (N,) and "probabilities" (N, K), or "scores" (N, n_L)
            where the cost gives none; of numbers one output (N, n_L), named as the target or
            "prediction". "scores": the output "scores" (N, n_L) alone, as `predict` of a network
            returns it; categories are given as int64, their position, and any other number is no
            category. Such a file has operators of the domain ai.onnx only.
        opset : int, default 17
            The version of the operators, at least 13.
        check : bool, default True
            Whether onnxruntime computes 260 rows, in batches of 1, 2 and 257, before the file is
            written, which must be those of fastgrad: numbers up to 1e-6 of the largest, and what
            rounding of the inputs changes besides; labels equal unless that close to a tie.
            Without onnxruntime the file is written unchecked.

        Raises
        ------
        ModuleNotFoundError
            If the library onnx is not installed.
        OSError
            If the file cannot be written.
        ValueError, TypeError
            A wrong argument, an activation of one's own, a weight that is not finite, or the check
            has failed. An existing file then is unchanged, likewise after the others.
        """
        from . import onnx  # noqa: PLC0415 - needs a library

        onnx.write(path, self.portable(), outputs=outputs, opset=opset, check=check)

    def to_c(
        self, path: Any, *, name: str | None = None, train: "bool | Optimizer" = False
    ) -> None:
        """Write one C99 header: predictions with their preprocessing, and on demand training.

        It compiles as C++ too, allocates nothing and needs only the C standard library. With a
        table's model a row is a structure with a field per column. The header has 8 examples and a
        self-test that compares their predictions with those of this model.

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced.
        name : str, optional
            What all names in C begin with, an identifier; by default the name of the file.
        train : bool or Optimizer, default False
            Whether the header can also train: a step on one sample, the same as that of `step`,
            with the settings of this optimizer, which begins anew, its learning rate constant;
            True: Adam. For a single network without dropout, noise and max_norm: of a table
            ``TableModel(members=1, dropout=0)``.

        Raises
        ------
        ValueError
            If something cannot be written in C: the layer, what it has and what is expected.
        """
        from ..optim.adam import Adam  # noqa: PLC0415 - unless it trains, not needed
        from ..optim.base import Optimizer  # noqa: PLC0415
        from .c import header  # noqa: PLC0415 - not needed to train

        if not isinstance(train, bool | Optimizer):
            raise TypeError(f"train: got {shown(train)}; expected True, False or an optimizer")
        optimizer = Adam() if train is True else train or None
        header.write(path, self.portable(), name, optimizer)

    def to_torch(self) -> Any:
        """Return a module of PyTorch, in evaluation mode, with copies of the weights.

        Of an `Ensemble` it computes what `predict` does: links and the weighted mean are a part of
        it. Of a `TableModel` likewise, within its limits, from the encoded inputs, which are
        ``model.inputs(table)``: numbers, or of classes the probabilities. Its state dict has the
        names and tensors of the file that `save` writes. Frozen layers have no gradients. Noise of
        the inputs and the penalties l1, l2 and max_norm, which are parts of training, are left out.

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        ModuleNotFoundError
            If PyTorch is not installed.
        ValueError
            A custom activation, which PyTorch does not have; the message names its layer.
        """
        from . import torch  # noqa: PLC0415 - needs a library

        return torch.predictor_of(self.portable())

    def to_keras(self, path: Any) -> None:
        """Write a .keras file, whose model predicts the same in Keras 3.

        It ends with the link, such as softmax, and loads in safe mode. Of a chain of layers it is a
        Sequential model; a functional one where Keras has an operation instead of a layer (sin,
        gelu_tanh), of several networks, whose weighted mean it is, of several costs, and of limits.
        A table's model takes the encoded inputs, ``model.inputs(table)``. Dropout, noise of the
        inputs, l1, l2 and frozen layers are there for further training.

        Parameters
        ----------
        path : str or path-like
            The file, with the suffix .keras; an existing one is replaced, atomically.

        Raises
        ------
        ModuleNotFoundError
            Without Keras or a backend of it.
        ValueError
            If the path has another suffix, or an activation is a custom one; the message names its
            layer.
        """
        from .keras import writer  # noqa: PLC0415 - needs a library

        writer.write(path, self.portable())


class NetworkExports(Exports):
    """Base of `Network`: what a single network can be besides."""

    def to_torch(self) -> Any:
        """Return the network as a Sequential of PyTorch, in evaluation mode, with its weights.

        It computes what `forward` does: logits where the cost is a cross-entropy, as PyTorch's
        losses take them. Its state dict has the names and tensors of the network's file, so that
        ``module.load_state_dict(safetensors.torch.load_file(path))`` loads what `save` has written.
        Inputs are standardised by a layer "input", outputs decoded by "target", in float64. Frozen
        layers have no gradients; dropout is there for further training. Noise of the inputs and the
        penalties l1, l2 and max_norm, which are parts of training, are left out.

        Returns
        -------
        torch.nn.Sequential

        Raises
        ------
        ModuleNotFoundError
            If PyTorch is not installed.
        ValueError
            A custom activation, which PyTorch does not have; the message names its layer.
        """
        from . import torch  # noqa: PLC0415 - needs a library

        (network,) = self.portable().networks
        return torch.module_of(network)

    def to_sklearn(self) -> Any:
        """Return a fitted estimator of scikit-learn, with the weights of the network.

        Classes: an MLPClassifier, with labels 0 ... K - 1 or those in the metadata, and one output
        for two classes, which is the difference of two outputs where the network has these.
        Numbers: an MLPRegressor. Where inputs are standardised it is the last step of a Pipeline
        after a StandardScaler, and where targets are, in a TransformedTargetRegressor. It can be
        trained further with `partial_fit`, by Adam and scikit-learn's loss.

        Returns
        -------
        MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor

        Raises
        ------
        ModuleNotFoundError
            If scikit-learn is not installed.
        ValueError
            What scikit-learn does not have: other activations than identity, sigmoid, tanh and
            relu, different ones in the hidden layers, one at the output, several costs. The
            message names the layer.
        """
        from . import sklearn  # noqa: PLC0415 - needs a library

        return sklearn.estimator_of(self.portable())
