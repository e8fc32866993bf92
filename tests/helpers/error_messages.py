"""The messages of errors, for tests that compare them."""

import pytest


def error_of(call, *arguments, **options):
    """The message of the ValueError that a call raises."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the callers compare all of it
        call(*arguments, **options)
    return str(caught.value)


def message_of(call):
    """The message of the ValueError or TypeError that a call raises: one line, and what to do."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message or "did you mean" in message
    assert len(message) < 250
    return message


def assert_names(call, parts):
    """The message of a call's error contains each of these."""
    message = message_of(call)
    for part in parts:
        assert part in message
