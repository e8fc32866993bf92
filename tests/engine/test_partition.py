"""The plan: over which index each equation is partitioned."""

import pytest

import fastgrad as fg

#: sizes, batch size, whether the gradient is partitioned over samples, layer 1 over nodes
PLANS = [
    ([4, 32, 32, 32, 1], 256, True, False),
    ([4, 32, 32, 32, 1], 128, True, False),
    ([4, 32, 32, 32, 1], 32, True, False),
    ([4, 32, 32, 32, 1], 31, False, False),  # less than a panel for each half
    ([20, 100, 100, 5], 32, False, False),  # as many weights as activations
    ([4, 32, 32, 32, 1], 4096, False, False),  # enough work for many threads
    ([17, 64, 64, 6], 64, True, False),
    ([784, 128, 10], 64, False, True),
    ([784, 128, 10], 1, False, False),
    ([784, 128, 10], 1024, False, False),  # more activations than weights
    ([16, 128, 10], 64, True, False),
    ([16, 128, 10], 31, False, False),  # few inputs
    ([4, 8, 1], 32, True, False),  # a panel for each half
    ([4, 8, 1], 31, False, False),
]


@pytest.mark.parametrize(("sizes", "batch_size", "halves", "first_by_nodes"), PLANS)
def test_plans(sizes, batch_size, halves, first_by_nodes):
    plan = fg.Network(sizes).plan(batch_size)
    assert (plan.sizes, plan.batch_size) == (tuple(sizes), batch_size)
    assert (plan.in_halves, plan.first_by_nodes) == (halves, first_by_nodes)


def test_print():
    assert str(fg.Network([784, 128, 10]).plan(64)).splitlines() == [
        "batch of 64; partitioned over samples s or nodes i, - not at all",
        "layer   nodes           eq. 1, 2  eq. 3, 5  eq. 6, 7  update",
        "1       784 to 128      i         s         i         i",
        "2       128 to 10       s         s         i         i",
    ]


def test_print_of_a_small_network():
    lines = str(fg.Network([4, 32, 32, 32, 1]).plan(256)).splitlines()
    assert lines[2:] == [
        "1       4 to 32         s         s         s         -",
        "2       32 to 32        s         s         s         -",
        "3       32 to 32        s         s         s         -",
        "4       32 to 1         s         s         s         -",
    ]


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="batch_size: got 0; expected an integer of at least 1"):
        fg.Network([1, 1]).plan(0)
