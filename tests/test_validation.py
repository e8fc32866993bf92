"""Attributes that do not exist are refused when they are set."""

import copy
import pickle

import pytest
from helpers.ten_samples import X, network, y

import fastgrad as fg


@pytest.mark.parametrize(
    ("of", "name", "hint"),
    [
        (lambda: network().layers[0], "trainabel", "Layer: got an attribute 'trainabel'; did you"
         " mean 'trainable'? expected one of W, b, dropout, l1, l2, lr_scale, "),
        (lambda: network().inputs, "nois", "did you mean 'noise'? expected one of dropout, mean, "),
        (lambda: network().layers[0], "lr", "did you mean 'lr_scale'?"),
        (fg.Adam, "learning_rate", "did you mean 'lr'? expected one of clip_norm, clip_value, "),
        (fg.LBFGS, "max_iter", "expected one of clip_norm, clip_value, follows_lr, h, history_si"),
        (network, "learning_rate", "expected one of engine, inputs, "),
        (lambda: copy.deepcopy(network()), "metdata", "did you mean 'metadata'? expected one of "),
        (lambda: pickle.loads(pickle.dumps(fg.SGD(0.1))), "clipnorm", "did you mean 'clip_norm'?"),
    ],
)  # fmt: skip
def test_a_misspelt_attribute_is_refused(of, name, hint):
    thing = of()
    with pytest.raises(AttributeError) as caught:
        setattr(thing, name, 1)
    assert hint in str(caught.value)
    assert "penalty" not in str(caught.value)  # nobody can set it
    assert not hasattr(thing, name)


def test_a_method_is_not_overwritten():
    net = network()
    with pytest.raises(AttributeError, match="Network: got an attribute 'cost'; "):
        net.cost = "mae"
    assert net.cost(X, y) > 0


def test_a_subclass_has_attributes_of_its_own():
    class Own(fg.SGD):
        def __init__(self):
            self.note = "mine"
            super().__init__(0.1)

    own = Own()
    own.note = own._private = "changed"
    with pytest.raises(AttributeError, match="did you mean 'note'"):
        own.notes = "changed"
    assert copy.deepcopy(own).note == "changed"
