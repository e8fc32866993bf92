"""Checkpoints that have been edited: what is wrong is named, and nothing wrong is accepted."""

import json
import re

import pytest
from helpers.model_files import header_and_rest, with_header

import fastgrad as fg

ADAM = {
    "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "decoupled_weight_decay": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": -5}, "steps: got -5; expected an integer of at least 0"),
        ({"steps": 10**30}, "steps: got 1000000000000000000000000000000; expected an integer"),
        ({"lr": 10**400}, "lr: got 1000"),
        ({"lr": -1}, "lr: got -1; expected a finite number at least 0"),
        ({"fit": [0, "x"]}, "fit[1]: got 'x'; expected an integer of at least 0"),
        ({"optimizer": "Adan"}, "optimizer: got 'Adan'; did you mean 'Adam'?"),
        ({"rule": "lion"}, "rule: got 'lion'; expected one of adam, adam_eps_hat, amsgrad"),
        ({"numbers": {}}, "numbers: got {}; expected beta1, beta2, eps, weight_decay, decoupled"),
        ({"numbers": {**ADAM, "beta1": 5}}, "beta1: got 5; expected a finite number at least 0"),
        ({"numbers": {**ADAM, "eps": float("nan")}}, "eps: got nan; expected a finite number"),
        ({"numbers": {**ADAM, "x": 1}}, "expected beta1, beta2, eps, weight_decay, decoupled"),
        ({"schedule": {"name": "Constant", "lr": 1, "x": 1}}, "Constant: got 'x'; expected one"),
        ({"average": ["XMA", 0.9, [0.1, 1]]}, "average: got 'XMA'; expected one of EMA, SWA"),
        ({"unknown": 1}, "state: got 'unknown'; expected one of also, apart, average, clip, fit"),
    ],
)
def test_a_changed_state_is_refused_by_the_name_of_what_is_wrong(change, message, tmp_path):
    path, net = tmp_path / "checkpoint.safetensors", fg.Network([3, 4, 1], seed=0)
    fg.save_checkpoint(path, net, fg.Adam())
    header, rest = header_and_rest(path.read_bytes())
    state = json.loads(header["__metadata__"]["state"])
    assert state["numbers"] == ADAM
    header["__metadata__"]["state"] = json.dumps(state | change)
    path.write_bytes(with_header(header, rest))
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        fg.resume(path)
    assert str(caught.value).startswith(f"{path}: got a damaged checkpoint (")
    assert len(str(caught.value)) < 500


def test_the_numbers_of_a_checkpoint_are_in_the_order_of_the_rule(tmp_path):
    path, net = tmp_path / "checkpoint.safetensors", fg.Network([3, 4, 1], seed=0)
    optimizer = fg.Adam()
    optimizer._numbers = dict(reversed(optimizer._numbers.items()))
    fg.save_checkpoint(path, net, optimizer)
    assert fg.resume(path).optimizer.h.tolist() == optimizer.h.tolist()
