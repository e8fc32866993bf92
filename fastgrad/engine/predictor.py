"""Predicts single rows, from Python, in little more time than their loops take."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numba import types

from .. import frames
from ..codegen.dtypes import numba_type
from ..codegen.intrinsics import call
from ..codegen.jit import PLAIN_PYTHON, compile_loop
from ..codegen.loop_errors import guarded
from ..codegen.signatures import Array
from ..model.standardization import Inputs, Targets
from .descriptor_builder import PassDescriptor
from .entry_points import row_pass_address, row_predictor
from .row_pass import SLOT
from .workspace import aligned

__all__ = ["Predictor"]


class Predictor:
    """Predictions of one row at a time: see `Network.predictor`.

    Any number of threads can use one at the same time.

    Attributes
    ----------
    n_inputs, n_outputs : int
        Numbers in a row, and in its prediction.
    dtype : numpy.dtype
        Of a row that need not be converted: the network's.
    of_result : numpy.dtype
        Of a prediction: the network's, or float64 if its targets are standardised.
    """

    def __init__(
        self,
        descriptors: Sequence[PassDescriptor],
        inputs: Inputs,
        targets: Targets,
        may_raise: bool,
    ) -> None:
        self.dtype, self._of_targets = inputs.mean.dtype, (targets, targets.version)
        self.of_result = np.dtype(np.float64) if targets.standardized else self.dtype
        self.n_inputs, self.n_outputs = inputs.mean.size, targets.mean.size
        self._names, self._descriptors = inputs.names, descriptors
        self._memory = aligned(len(descriptors) * SLOT.itemsize, np.uint8).view(SLOT)
        for slot, descriptor in zip(self._memory, descriptors, strict=True):
            slot["descriptor"], slot["layers"], slot["n_layers"] = descriptor.addresses
        shared = self._memory[0]
        shared["n_slots"] = len(descriptors)
        shared["n_inputs"], shared["n_outputs"] = self.n_inputs, self.n_outputs
        shared["target_mean"] = targets.mean.ctypes.data
        shared["target_scale"] = targets.scale.ctypes.data
        self._slots = int(self._memory.ctypes.data)
        shared["run"] = self._address = row_pass_address(self.dtype, self.of_result)
        predict = row_predictor(self.dtype, self.of_result)
        self._predict = guarded(predict) if may_raise else predict

    def __repr__(self) -> str:
        """The numbers in a row and in its prediction, and their dtypes."""
        return f"<Predictor {self.n_inputs}-{self.n_outputs}: {self.dtype} to {self.of_result}>"

    def __reduce__(self) -> Any:
        """Raise: what it is made of are addresses."""
        name = type(self).__name__
        raise TypeError(
            f"pickle: got a {name}; expected its network, which makes another with predictor()"
        )

    def __call__(self, x: Any, out: Array | None = None) -> Array:
        """The prediction of a row.

        Parameters
        ----------
        x : array_like
            (n_0,) or (1, n_0). A C-contiguous, writable array of the network's dtype is not copied.
            A row of a DataFrame as a Series or a mapping, or a DataFrame of one row: its values are
            taken by the names of the network's inputs.
        out : ndarray, optional
            Where to write it: C-contiguous, of the dtype `of_result`, and (n_L,) or (1, n_L) as x
            is.

        Returns
        -------
        ndarray
            `out`, or a new array of that shape.

        Raises
        ------
        ValueError, TypeError
            The shape or the dtype of an array is wrong, or a number in x is not finite.
        """
        prediction = out
        if prediction is None:
            is_flat = getattr(x, "ndim", 1) == 1
            shape = self.n_outputs if is_flat else (1, self.n_outputs)
            prediction = np.empty(shape, self.of_result)
        if type(x) is np.ndarray:  # numba takes a masked array for one of all its numbers
            try:  # as in `writes`, whose call takes a tenth of the time of a small network
                if self._predict(self._slots, x, prediction):
                    return prediction
            except TypeError:
                pass
        return self._converted(x, out)

    def is_current(self, targets: Targets) -> bool:
        """Return whether its predictions are in the unit of these targets, as they are now."""
        mine, version = self._of_targets
        return mine is targets and version == targets.version

    def writes(self, x: Any, prediction: Array) -> bool:
        """Write the prediction of a row, unless an array is not as in a call; return whether."""
        try:
            written: bool = self._predict(self._slots, x, prediction)
        except TypeError:  # there is no compiled code for such arrays
            return False
        return written

    def _converted(self, x: Any, out: Any) -> Array:
        """The same for an x of any kind; or the error."""
        is_flat = np.ndim(x) < 2
        convert = frames.row if is_flat else frames.matrix
        row = convert("x", x, self.dtype, self.n_inputs, self._names)
        if len(row) != 1:
            raise ValueError(f"x: got {len(row)} rows; expected one, or `predict` of a network")
        shape = (self.n_outputs,) if is_flat else (1, self.n_outputs)
        if out is None:
            out = np.empty(shape, self.of_result)
        elif not isinstance(out, np.ndarray):
            received = type(out).__name__
            raise TypeError(f"out: got {received}; expected an array of {self.of_result}")
        elif out.shape != shape or out.dtype != self.of_result or not out.flags.carray:
            received = f"shape {out.shape}, strides {out.strides} and dtype {out.dtype}"
            expected = f"a C-contiguous, writable array of shape {shape} and {self.of_result}"
            raise ValueError(f"out: got {received}; expected {expected}")
        self.writes(row.copy(), out.reshape(1, -1))
        prediction: Array = out
        return prediction

    @cached_property
    def kernel(self) -> Any:
        """The prediction as a function ``kernel(x, out)`` for your own compiled code.

        Compiled when it is first asked for. The arrays are as in a call, and x is not checked for
        numbers that are not finite.
        """
        address, slots, n, m = self._address, self._slots, self.n_inputs, self.n_outputs

        def predict(x: Array, out: Array) -> None:
            if x.size != n or out.size != m:
                raise ValueError("x, out: their sizes are not those of the network")
            call(address, (x, out), (slots,))

        if PLAIN_PYTHON:
            return predict
        pair = numba_type(self.dtype), numba_type(self.of_result)
        signatures = [types.void(*(types.Array(number, n, "C") for number in pair)) for n in (1, 2)]
        kernel: Any = numba.njit(signatures)(predict)
        kernel.predictor = self  # to which the addresses belong
        return kernel

    @cached_property
    def address(self) -> int:
        """The address of the prediction as a C function, ``void (*)(const x[], out[])``.

        Compiled when it is first asked for, and valid for as long as this object lives. The numbers
        are of the dtypes above, and are not checked.
        """
        run, slots, n, m = self._address, self._slots, self.n_inputs, self.n_outputs

        def predict(x: Any, out: Any) -> None:
            call(run, (numba.carray(x, n), numba.carray(out, m)), (slots,))

        pair = numba_type(self.dtype), numba_type(self.of_result)
        return compile_loop(predict, [*pair], cached=False)
