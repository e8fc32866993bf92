"""Networks as modules of PyTorch, and back: state dicts, outputs, programs."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from helpers.foreign_networks import (
    EVERY_ACTIVATION,
    TASKS,
    assert_close,
    assert_same_numbers,
    network,
    samples,
)
from helpers.grids import grid

import fastgrad as fg

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
pytestmark = pytest.mark.torch


def outputs(module, X):
    return module(torch.from_numpy(X)).detach().numpy()


def tensors(path):
    return pytest.importorskip("safetensors.torch").load_file(path)


@pytest.mark.parametrize(
    ("activation", "dtype", "n_layers", "task"),
    grid(EVERY_ACTIVATION, ["float32", "float64"], [1, 2, 3, 4], TASKS),
)
def test_the_round_trip(activation, dtype, n_layers, task):
    net = network(task, activation, dtype, n_layers)
    module, X = net.to_torch(), samples(net)
    assert_close(outputs(module, X), net.forward(X))
    back = fg.from_torch(module, net.cost_function)
    assert_same_numbers(net, back)
    assert back.activations == net.activations
    assert back.inputs.standardized
    assert back.targets.standardized == net.targets.standardized


@pytest.mark.parametrize("task", TASKS)
def test_the_file_is_the_state_dict(task, tmp_path):
    net = network(task)
    net.inputs.dropout, net.layers[0].dropout = 0.1, 0.5
    net.save(tmp_path / "net.safetensors")
    module = net.to_torch()
    of_file = tensors(tmp_path / "net.safetensors")
    assert module.state_dict().keys() == of_file.keys()
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            tensor.fill_(7)
    module.load_state_dict(of_file)
    assert_same_numbers(net, fg.from_torch(module, net.cost_function))


def test_a_plain_sequential_takes_the_file(tmp_path):
    net = fg.Network([4, 8, 3], activations="gelu")
    net.save(tmp_path / "net.safetensors")
    module = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3))
    module.load_state_dict(tensors(tmp_path / "net.safetensors"))
    X = samples(net)
    assert_close(outputs(module, X), net.forward(X))


def test_dropout_and_frozen_layers_come_back():
    net = network("classes")
    net.inputs.dropout, net.layers[0].dropout = 0.1, 0.5
    net.layers[1].trainable = False
    module = net.to_torch()
    assert not module.training
    assert [p.requires_grad for p in module.parameters()] == [True, True, False, False, True, True]
    back = fg.from_torch(module.train())
    assert back.inputs.dropout == 0.1
    assert [layer.dropout for layer in back.layers] == [0.5, 0, 0]
    assert [layer.trainable for layer in back.layers] == [True, False, True]


def test_the_weights_are_copies():
    net = network("classes")
    module = net.to_torch()
    with torch.no_grad():
        module.get_submodule("0").weight.zero_()
    assert net.layers[0].W.all()
    module = nn.Sequential(nn.Linear(2, 2))
    net = fg.from_torch(module)
    net.layers[0].W[:] = 0
    assert module[0].weight.abs().min() > 0


def test_no_random_number_is_drawn():
    torch.manual_seed(0)
    expected = torch.get_rng_state()
    network("classes").to_torch()
    assert (torch.get_rng_state() == expected).all()


def test_it_trains_with_the_losses_of_torch():
    net = network("classes")
    module, X = net.to_torch(), samples(net)
    y = np.arange(len(X)) % 3
    loss = nn.CrossEntropyLoss()(module(torch.from_numpy(X)), torch.from_numpy(y))
    loss.backward()
    gradients = net.gradients(X, y)
    assert_close(loss.detach().numpy(), np.asarray(gradients.C))
    assert_close(module.get_submodule("0").weight.grad.numpy(), gradients.dC_dW[0])


def test_the_module_can_be_pickled():
    net = network("numbers", "sin")
    X = samples(net)
    module = pickle.loads(pickle.dumps(net.to_torch()))
    assert_close(outputs(module, X), net.forward(X))


def test_a_custom_activation_is_named():
    cube = fg.Activation("cube", f=lambda u: u**3, df=lambda u: 3 * u * u)
    net = fg.Network([3, 4, 4, 1], activations=["tanh", cube, "identity"])
    with pytest.raises(ValueError, match="layer 2: got the custom activation 'cube'"):
        net.to_torch()


# --- what predicts -------------------------------------------------------------------------------


def ensemble(cost, sizes=(4, 6, 3), weights=(0.5, 0.3, 0.2)):
    nets = [fg.Network([*sizes], cost=cost, seed=seed) for seed in range(len(weights))]
    return fg.Ensemble(nets, weights)


@pytest.mark.parametrize("cost", ["softmax_cross_entropy", "sigmoid_cross_entropy", "poisson"])
@pytest.mark.parametrize("weights", [(0.5, 0.3, 0.2), (1.0,)])
def test_an_ensemble_predicts(cost, weights, tmp_path):
    several = ensemble(cost, weights=weights)
    module, X = several.to_torch(), samples(several[0])
    assert_close(outputs(module, X), several.predict(X))
    several.save(tmp_path / "several.safetensors")
    module.load_state_dict(tensors(tmp_path / "several.safetensors"))


def test_one_link_per_head():
    several = ensemble([("mse", 1), ("softmax_cross_entropy", 2), ("poisson", 1)], (4, 6, 4))
    X = samples(several[0])
    assert_close(outputs(several.to_torch(), X), several.predict(X))


@pytest.mark.parametrize("members", [1, 3])
def test_the_model_of_a_table_predicts_within_its_limits(members, rng):
    table = {"a": rng.normal(size=60), "b": np.array(["x", "y"] * 30)}
    y = 10 * table["a"] + (table["b"] == "x")
    model = fg.TableModel(members=members, epochs=3, seed=0).fit({**table, "y": y}, target="y")
    far = {"a": np.linspace(-1e3, 1e3, 9), "b": np.array(["x"] * 9)}
    p = model.predict(far)
    assert len(set(p.ravel())) < 9
    received = outputs(model.to_torch(), model.inputs(far))
    assert_close(received.ravel(), p.ravel())


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The folder of a program, with inputs and predictions."""
    from fastgrad.formats import torch as as_torch  # noqa: PLC0415 - where PyTorch is

    folder = tmp_path_factory.mktemp("program")
    several = ensemble("softmax_cross_entropy")
    as_torch.write(folder / "several.pt2", several.portable())
    X = samples(several[0])
    np.savez(folder / "samples.npz", X=X, p=several.predict(X))
    return folder


def test_a_program_needs_pytorch_alone(program):
    """It takes any number of rows; -I keeps fastgrad out of sight."""
    code = """
import sys, numpy, torch
file = numpy.load("samples.npz")
X, p = torch.from_numpy(file["X"]), file["p"]
predict = torch.export.load("several.pt2").module()
for S in (1, 2, len(X)):
    assert abs(predict(X[:S]).detach().numpy() - p[:S]).max() < 1e-6
assert "fastgrad" not in sys.modules
"""
    subprocess.run([sys.executable, "-I", "-c", code], cwd=program, check=True)


def test_a_program_is_not_written_over_a_folder(tmp_path):
    from fastgrad.formats import torch as as_torch  # noqa: PLC0415 - where PyTorch is

    with pytest.raises(IsADirectoryError, match="a file's name"):
        as_torch.write(tmp_path, network("classes").portable())
