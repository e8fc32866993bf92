"""Fixtures of the tests of training."""

import pytest

from fastgrad.train import fleet


@pytest.fixture
def compiled(monkeypatch):
    """The numbers of the networks that were trained in compiled calls."""
    members, train = [], fleet._Fleet._train_compiled

    def noted(self, group, chunk):
        members.extend(member.k for member in chunk)
        train(self, group, chunk)

    monkeypatch.setattr(fleet._Fleet, "_train_compiled", noted)
    return members
