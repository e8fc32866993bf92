"""Networks from modules of PyTorch: users' own classes, and what cannot be carried over."""

import copy

import numpy as np
import pytest
from helpers.error_messages import assert_names
from helpers.foreign_networks import assert_close

import fastgrad as fg

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, functional = torch.nn, torch.nn.functional
prune = pytest.importorskip("torch.nn.utils.prune")
pytestmark = pytest.mark.torch


class Calls(nn.Module):
    """Layers, and a forward of the test's."""

    def __init__(self, forward, n=4):
        super().__init__()
        self.one, self.two = nn.Linear(n, n), nn.Linear(n, n)
        self.block = nn.Sequential(nn.Linear(n, n), nn.Tanh())
        self.act = nn.SiLU()
        self.register_buffer("mean", torch.linspace(-1, 1, n))
        self.register_buffer("std", torch.linspace(0.5, 2, n)[None])
        self.given = forward

    def forward(self, x):
        return self.given(self, x)


#: What users write, with the activations that it stands for.
FORWARDS = {
    "modules": (lambda m, x: m.two(m.act(m.one(x))), ["silu", "identity"]),
    "one activation for all": (
        lambda m, x: m.block(m.act(m.two(m.act(m.one(x))))),
        ["silu", "silu", "tanh"],
    ),
    "functions": (lambda m, x: m.two(functional.relu(m.one(x))), ["relu", "identity"]),
    "torch": (lambda m, x: m.two(torch.tanh(m.one(x))), ["tanh", "identity"]),
    "methods": (lambda m, x: m.two(m.one(x).relu()), ["relu", "identity"]),
    "in place": (lambda m, x: m.two(torch.relu_(m.one(x))), ["relu", "identity"]),
    "parameters": (
        lambda m, x: m.two(functional.leaky_relu(m.one(x), 0.2)),
        ["leaky_relu(slope=0.2)", "identity"],
    ),
    "names": (
        lambda m, x: m.two(functional.elu(m.one(x), alpha=0.5)),
        ["elu(alpha=0.5)", "identity"],
    ),
    "gelu": (lambda m, x: m.two(functional.gelu(m.one(x))), ["gelu", "identity"]),
    "tanh gelu": (
        lambda m, x: m.two(functional.gelu(m.one(x), approximate="tanh")),
        ["gelu_tanh", "identity"],
    ),
    "flattened": (lambda m, x: m.one(torch.flatten(x, 1)), ["identity"]),
    "a view": (lambda m, x: m.one(x.view(x.size(0), -1)), ["identity"]),
    "a shape": (lambda m, x: m.one(x.reshape(x.shape[0], 4)), ["identity"]),
    "scaled": (lambda m, x: m.mean + 2 * m.one((x - m.mean) / m.std), ["identity"]),
    "by a number": (lambda m, x: m.two(torch.tanh(m.one(x / 255)).mul(3)), ["tanh", "identity"]),
    "weights": (lambda m, x: functional.linear(x, m.one.weight), ["identity"]),
    "weights and bias": (
        lambda m, x: functional.linear(x, m.one.weight, bias=m.one.bias),
        ["identity"],
    ),
}


@pytest.mark.parametrize("written", FORWARDS)
def test_users_own_classes(written, rng):
    forward, activations = FORWARDS[written]
    module = Calls(forward).eval()
    net = fg.from_torch(module)
    assert list(net.activations) == activations
    X = rng.normal(size=(30, 4)).astype(np.float32)
    assert_close(net.forward(X), module(torch.from_numpy(X)).detach().numpy())


class Scaled(nn.Linear):
    """A class derived from a layer: what its forward does counts, not its name."""

    def forward(self, x):
        return functional.tanh(super().forward(x))


#: Modules, and the link of their cost.
ENDS = {
    "softmax": (lambda: [nn.Linear(4, 3), nn.Softmax(dim=1)], "softmax"),
    "log softmax": (lambda: [nn.Linear(4, 3), nn.LogSoftmax(dim=-1)], "softmax"),
    "sigmoid": (lambda: [nn.Linear(4, 1), nn.Sigmoid()], "sigmoid"),
    "nothing": (lambda: [nn.Linear(4, 2)], "identity"),
    "no bias": (lambda: [nn.Linear(4, 2, bias=False)], "identity"),
    "a derived class": (lambda: [Scaled(4, 2)], "identity"),
    "identities": (lambda: [nn.Identity(), nn.Flatten(), nn.Linear(4, 2)], "identity"),
    "batch norm first": (lambda: [nn.BatchNorm1d(4), nn.Linear(4, 2)], "identity"),
    "batch norm between": (
        lambda: [nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)],
        "identity",
    ),
    "batch norm after": (
        lambda: [nn.Linear(4, 5), nn.ReLU(), nn.BatchNorm1d(5, affine=False), nn.Linear(5, 2)],
        "identity",
    ),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sequences(end, dtype):
    torch.manual_seed(0)
    make, link = ENDS[end]
    module, X = nn.Sequential(*make()).to(dtype), torch.randn(200, 4, dtype=dtype) * 2 + 1
    module(X)  # gives batch norm its statistics
    before = copy.deepcopy(module.state_dict())
    net = fg.from_torch(module)
    assert all((tensor == before[name]).all() for name, tensor in module.state_dict().items())
    assert module.training
    assert net.heads[0].cost.link == link
    expected = module.eval()(X).detach()
    expected = expected.exp() if end == "log softmax" else expected
    assert_close(net.predict(X.numpy()), expected.numpy())


@pytest.mark.parametrize("dim", [(), (1,), (-1,)])
def test_one_output_may_be_squeezed(dim):
    class Squeezed(Scaled):
        def forward(self, x):
            return super().forward(x).squeeze(*dim)

    module, X = Squeezed(4, 1), torch.randn(9, 4)
    p = fg.from_torch(module).predict(X.numpy())
    assert_close(p, module(X).detach().numpy()[:, None])


def test_a_module_with_constants_is_not_changed():
    module = Calls(lambda m, x: m.one(x - torch.tensor([1.0, 2, 3, 4])))
    before = {*vars(module)}
    net = fg.from_torch(module)
    assert net.inputs.mean.tolist() == [1, 2, 3, 4]
    assert {*vars(module)} == before


def test_scaled_inputs_are_standardised():
    module = Calls(lambda m, x: m.one((x - m.mean) / m.std))
    net = fg.from_torch(module)
    assert (net.inputs.mean == module.mean.numpy()).all()
    W = module.one.weight.detach().numpy()
    assert (net.layers[0].W == W).all()


def test_batch_norm_of_the_inputs_is_their_standardisation():
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    module(torch.randn(50, 4))
    net = fg.from_torch(module)
    assert net.inputs.standardized
    assert (net.inputs.mean == module[0].running_mean.numpy()).all()


def test_a_softmax_needs_its_cost():
    module = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))
    assert_names(lambda: fg.from_torch(module, "mse"), ["cost: got 'mse'", "softmax"])


@pytest.mark.parametrize("training", [True, False])
def test_dropout_by_a_function(training):
    def forward(m, x):
        x = functional.dropout(functional.relu(m.one(x)), 0.3, training=m.training)
        return m.two(x)

    assert fg.from_torch(Calls(forward).train(training)).layers[0].dropout == 0.3


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of PyTorch itself
def test_a_module_that_was_compiled():
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    assert fg.from_torch(torch.compile(module)).activations == ("tanh",)


def tied():
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    module[2].weight = module[0].weight
    return module


def hooked():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].register_forward_hook(lambda _module, _inputs, output: 2 * output)
    return module


def replaced():
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].forward = torch.tanh
    return module


class Two(nn.Module):
    def forward(self, x, y):
        return x * y


def without_using(m, x):
    x = m.one(x)
    x.relu_()
    return m.two(x)


linear = nn.Linear
#: Each module with what the error names.
FAULTS = {
    "convolution": (lambda: [nn.Conv1d(1, 1, 1)], ["0", "Conv1d"]),
    "PReLU": (lambda: [linear(2, 2), nn.PReLU()], ["1", "PReLU"]),
    "LSTM": (lambda: [nn.LSTM(2, 2)], ["0", "LSTM"]),
    "layer norm": (lambda: [nn.Sequential(linear(2, 2), nn.LayerNorm(2))], ["0.1", "LayerNorm"]),
    "softplus": (lambda: [linear(2, 2), nn.Softplus(beta=2)], ["1", "Softplus(beta=2"]),
    "hardtanh": (lambda: [linear(2, 2), nn.Hardtanh(-2, 2)], ["1", "Hardtanh(min_val=-2"]),
    "softmax inside": (lambda: [linear(2, 2), nn.Softmax(1), linear(2, 2)], ["2", "softmax"]),
    "softmax over samples": (lambda: [linear(2, 2), nn.Softmax(0)], ["1", "dim=1"]),
    "two activations": (lambda: [linear(2, 2), nn.ReLU(), nn.Tanh()], ["2", "tanh"]),
    "batch norm without statistics": (
        lambda: [nn.BatchNorm1d(2, track_running_stats=False), linear(2, 2)],
        ["0", "track_running_stats"],
    ),
    "two widths": (
        lambda: [nn.BatchNorm1d(2), nn.BatchNorm1d(3), linear(3, 1)],
        ["1", "3 numbers"],
    ),
    "a width that is not the layer's": (
        lambda: [nn.BatchNorm1d(3), linear(2, 1)],
        ["1", "a scaling of 3 numbers"],
    ),
    "not finite": (
        lambda: [nn.utils.skip_init(linear, 2, 2).apply(lambda m: m.weight.data.fill_(np.nan))],
        ["0", "NaN"],
    ),
    "dropout of the outputs": (lambda: [linear(2, 2), nn.Dropout(0.2)], ["dropout"]),
    "another axis": (lambda: [nn.Flatten(0), linear(2, 2)], ["0", "Flatten(start_dim=0"]),
    "half precision": (lambda: [linear(2, 2).half()], ["0", "float16"]),
    "bfloat16": (lambda: [linear(2, 2).bfloat16()], ["0", "bfloat16"]),
    "a lazy module": (lambda: [nn.LazyLinear(2)], ["0", "lazy"]),
    "no numbers": (lambda: [linear(2, 2, device="meta")], ["0", "meta"]),
    "weight norm": (
        lambda: [nn.utils.parametrizations.weight_norm(linear(2, 2))],
        ["0", "parametrization"],
    ),
    "pruning": (
        lambda: [linear(2, 2), prune.l1_unstructured(linear(2, 2), "weight", 1)],
        ["1", "hook"],
    ),
    "no layer": (list, ["no layer"]),
    "an ensemble": (
        lambda: [fg.Ensemble([fg.Network([2, 1], seed=k) for k in (0, 1)]).to_torch()],
        ["0", "Mean("],
    ),
}
MODULE_FAULTS = {
    "weight tying": (tied, ["2", "0", "its own weights"]),
    "hooks": (hooked, ["1", "hook"]),
    "a forward of its own": (replaced, ["0", "forward"]),
    "skip connection": (lambda: Calls(lambda m, x: x + m.one(x)), ["add", "skip"]),
    "the other way round": (lambda: Calls(lambda m, x: m.one(x) + x), ["add", "skip"]),
    "branches": (
        lambda: Calls(lambda m, x: torch.cat([m.one(x), m.two(x)], 1)),
        ["two", "branch"],
    ),
    "a layer twice": (lambda: Calls(lambda m, x: m.one(m.one(x).relu())), ["one", "again"]),
    "control flow": (
        lambda: Calls(lambda m, x: m.one(x) if x.sum() > 0 else m.two(x)),
        ["control flow"],
    ),
    "a loop over rows": (lambda: Calls(lambda m, x: [m.one(row) for row in x]), ["traced"]),
    "an error of its own": (lambda: Calls(lambda m, x: m.three(x)), ["three"]),
    "several outputs": (lambda: Calls(lambda m, x: (m.one(x), m.one.bias)), ["several outputs"]),
    "in place without its result": (lambda: Calls(without_using), ["two", "branch"]),
    "an unknown function": (lambda: Calls(lambda m, x: m.one(x).cumsum(1)), ["cumsum"]),
    "inside a module": (
        lambda: nn.Sequential(Calls(lambda m, x: m.one(x).cumsum(1))),
        ["0.cumsum"],
    ),
    "another shape": (lambda: Calls(lambda m, x: m.one(x).view(-1, 2)), ["view", "(-1, 2)"]),
    "a product": (lambda: Calls(lambda m, x: m.one(x) * m.one.weight), ["mul", "(4, 4)"]),
    "a difference the other way": (
        lambda: Calls(lambda m, x: 1 - m.one(x)),
        ["sub(1, one)", "x - c"],
    ),
    "divided by zero": (lambda: Calls(lambda m, x: m.one(x) / 0), ["truediv", "infinity"]),
    "two inputs": (Two, ["y", "second input"]),
    "squeezed": (lambda: Calls(lambda m, x: m.one(x).squeeze()), ["squeeze", "one output"]),
    "dropout at all times": (
        lambda: Calls(lambda m, x: m.two(functional.dropout(m.one(x)))).eval(),
        ["dropout", "self.training"],
    ),
    "no module": (lambda: {"0.weight": 1}, ["module: got", "torch.nn.Module"]),
}


@pytest.mark.parametrize("fault", [*FAULTS, *MODULE_FAULTS])
def test_what_cannot_be_carried_over_is_named(fault):
    if fault in FAULTS:
        make, words = FAULTS[fault]
        module = nn.Sequential(*make())
    else:
        make, words = MODULE_FAULTS[fault]
        module = make()
    assert_names(lambda: fg.from_torch(module), words)


class Drawing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x) + torch.randn(2)


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("w", torch.ones(3, 1))

    def forward(self, x):
        h = self.layer(x)
        return h * self.w


class Square(Rows):
    def forward(self, x):
        h = self.layer(x)
        return h * h


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Drawing, "a tensor that each call of forward draws anew"),
        (Rows, r"a tensor of shape \(3, 1\); expected a number per column"),
        (Square, "expected x \\+ c"),
    ],
)
def test_arithmetic_of_another_kind_is_named(module, expected):
    with pytest.raises(ValueError, match=expected):
        fg.from_torch(module())
