"""Comparisons with a tolerance, and numerical derivatives."""

import numpy as np


def assert_close(actual, expected, rtol, what=""):
    """Compare with the largest element as the scale, as rounding errors of sums go."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, what
    largest, error = np.abs(expected).max(), np.abs(actual - expected).max()
    allowed = rtol * largest + 1e-16  # which rounding may leave of terms that cancel
    assert error <= allowed, f"{what} is off by {error:.2g}, allowed {allowed:.2g}"


def assert_same_gradients(actual, expected, rtol):
    assert_close(actual.C, expected.C, rtol, "C")
    for l, (dC_dW, dC_db) in enumerate(zip(expected.dC_dW, expected.dC_db, strict=True), start=1):
        assert_close(actual.dC_dW[l - 1], dC_dW, rtol, f"dC_dW of layer {l}")
        assert_close(actual.dC_db[l - 1], dC_db, rtol, f"dC_db of layer {l}")
    assert_close(actual.dC_da0, expected.dC_da0, rtol, "dC_da0")


def assert_same_parameters(net, oracle, rtol):
    for l, (layer, W, b) in enumerate(zip(net.layers, oracle.W, oracle.b, strict=True), start=1):
        assert_close(layer.W, W, rtol, f"W of layer {l}")
        assert_close(layer.b, b, rtol, f"b of layer {l}")


def parameters(net):
    """A copy of every weight and bias."""
    return [array.copy() for layer in net.layers for array in (layer.W, layer.b)]


STEP = 6e-6  # balances the error of the difference, of order STEP**2, with rounding


def central_differences(C, array, positions):
    """(C(x + h) - C(x - h)) / 2h for some elements x of an array that C() depends on."""
    differences = []
    for position in positions:
        x = array[position]
        array[position] = x + STEP
        above = C()
        array[position] = x - STEP
        below = C()
        array[position] = x
        differences.append((above - below) / (2 * STEP))
    return np.array(differences)
