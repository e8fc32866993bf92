"""Fixtures of the tests of data."""

import pytest
from helpers.tables import EXCERPTS, excerpt


@pytest.fixture(scope="session", params=EXCERPTS)
def frame(request):
    """A DataFrame of each excerpt of a public table."""
    return excerpt(request.param)
