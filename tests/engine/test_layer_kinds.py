"""The seam between the passes and the kinds of layers: loops behind addresses, shapes, views."""

import numpy as np
import pytest
from helpers.comparison import assert_close, central_differences
from helpers.run_mode import PLAIN

import fastgrad as fg
from fastgrad.codegen.jit import kernel
from fastgrad.engine import engine
from fastgrad.engine.descriptor import (
    biases_of,
    layer_at,
    panels_at,
    vector_at,
    weights_of,
)
from fastgrad.engine.layer_kinds.base import Columns, LayerKind
from fastgrad.engine.layer_kinds.dense import DENSE

# --- a kind of the test's own: u_i = b_i + w_i a_i, with as many nodes as the layer before --------


@kernel
def forward(ctx, l, a_before, nodes, panels):
    layer = layer_at(ctx, l)
    w, b = (
        weights_of(ctx, ctx.descriptor.parameters, layer),
        biases_of(ctx, ctx.descriptor.parameters, layer),
    )
    a, u = panels_at(ctx, layer, a_before), panels_at(ctx, layer, layer.u)
    for p in range(panels[0], panels[1]):
        for i in range(nodes[0], min(nodes[1], layer.nodes)):
            for s in range(a.shape[2]):
                u[p, i, s] = b[i] + w[i, 0] * a[p, i, s]


@kernel
def backward(ctx, l, panels):
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    w = weights_of(ctx, ctx.descriptor.parameters, layer)
    d, d_before = (
        panels_at(ctx, layer, layer.d),
        panels_at(ctx, layer, before.d),
    )
    for p in range(panels[0], panels[1]):
        for i in range(layer.nodes):
            for s in range(d.shape[2]):
                d_before[p, i, s] = w[i, 0] * d[p, i, s]
    if l > 1:
        df = panels_at(ctx, layer, before.u)
        for p in range(panels[0], panels[1]):
            for i in range(layer.nodes):
                for s in range(d.shape[2]):
                    d_before[p, i, s] *= df[p, i, s]


@kernel
def gradient(ctx, l, dC, nodes, panels, accumulates):
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    dw, db = weights_of(ctx, dC, layer), biases_of(ctx, dC, layer)
    d, a = panels_at(ctx, layer, layer.d), panels_at(ctx, layer, before.a)
    for i in range(nodes[0], min(nodes[1], layer.nodes)):
        if not accumulates:
            dw[i, 0], db[i] = 0, 0
        for p in range(panels[0], panels[1]):
            for s in range(d.shape[2]):
                dw[i, 0] += d[p, i, s] * a[p, i, s]
                db[i] += d[p, i, s]


@kernel
def forward_one(ctx, l):
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    w = weights_of(ctx, ctx.descriptor.parameters, layer)
    b = biases_of(ctx, ctx.descriptor.parameters, layer)
    a, u = vector_at(ctx, layer, before.a), vector_at(ctx, layer, layer.u)
    for i in range(layer.nodes):
        u[i] = b[i] + w[i, 0] * a[i]


@kernel
def backward_one(ctx, l):
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    w = weights_of(ctx, ctx.descriptor.parameters, layer)
    d, d_before = vector_at(ctx, layer, layer.d), vector_at(ctx, layer, before.d)
    for i in range(layer.nodes):
        d_before[i] = w[i, 0] * d[i]


@kernel
def gradient_one(ctx, l):
    layer, before = layer_at(ctx, l), layer_at(ctx, l - 1)
    dw = weights_of(ctx, ctx.descriptor.dC, layer)
    db = biases_of(ctx, ctx.descriptor.dC, layer)
    d, a = vector_at(ctx, layer, layer.d), vector_at(ctx, layer, before.a)
    for i in range(layer.nodes):
        dw[i, 0], db[i] = d[i] * a[i], d[i]


DIAGONAL = LayerKind(
    "diagonal", lambda before: Columns(1, 16), forward, backward, gradient,
    forward_one, backward_one, gradient_one,
)  # fmt: skip


@pytest.fixture
def diagonal(monkeypatch):
    monkeypatch.setattr(engine, "DENSE", DIAGONAL)
    net = fg.Network([5, 5, 5], "tanh", cost="mse", dtype="float64", seed=0)
    assert net.layers  # made while the kind is another
    monkeypatch.undo()
    return net


def test_another_kind_has_shapes_of_its_own(diagonal):
    assert [layer.W.shape for layer in diagonal.layers] == [(5, 1)] * 2
    assert diagonal.n_parameters == 20
    (w_1, b_1), (w_2, b_2) = [(layer.W[:, 0], layer.b) for layer in diagonal.layers]
    x = np.random.default_rng(0).normal(size=(30, 5))
    expected = b_2 + w_2 * np.tanh(b_1 + w_1 * x)
    assert_close(diagonal.forward(x), expected, 1e-14)
    assert_close(diagonal.forward(x[:1]), expected[:1], 1e-14)


@pytest.mark.parametrize("S", [1, 20])
def test_another_kind_has_the_gradient_of_its_own_loops(diagonal, S):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(S, 5)), rng.normal(size=(S, 5))
    g = diagonal.gradients(x, y)
    places = [(i, 0) for i in range(5)]
    for layer, dC_dW, dC_db in zip(diagonal.layers, g.dC_dW, g.dC_db, strict=True):
        slopes = central_differences(lambda: diagonal.cost(x, y), layer.W, places)
        assert_close(dC_dW[:, 0], slopes, 1e-7)
        slopes = central_differences(lambda: diagonal.cost(x, y), layer.b, list(range(5)))
        assert_close(dC_db, slopes, 1e-7)
    inputs = [(s, j) for s in range(S) for j in range(5)]
    slopes = central_differences(lambda: diagonal.cost(x, y), x, inputs)
    assert_close(g.dC_da0.ravel(), slopes, 1e-7)


@pytest.mark.parametrize("batch_size", [1, 16])
def test_another_kind_is_trained(diagonal, batch_size):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    y = np.tanh(2 * x + 0.3)
    epochs = 2 if PLAIN else 100
    history = diagonal.fit(x, y, epochs=epochs, batch_size=batch_size, optimizer=fg.Adam(0.01))
    assert history.cost[-1] < (1 if PLAIN else 0.01) * history.cost[0]


@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_dense_layer_behind_addresses_gives_the_same_bits(batch_size, monkeypatch):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))

    def trained():
        net = fg.Network([3, 20, 7, 2], "tanh", cost="mse", seed=0, dropout=0.1)
        net.fit(X, Y, epochs=2, batch_size=batch_size)
        return net.parameters.tobytes(), net.gradients(X, Y).dC_da0.tobytes()

    expected = trained()
    by_address = DENSE._replace(name="dense by address", is_compiled_into_passes=False)
    monkeypatch.setattr(engine, "DENSE", by_address)
    assert trained() == expected
