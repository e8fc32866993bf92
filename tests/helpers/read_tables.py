"""Tables read from text, as lists, and the messages of those that are refused."""

import io

import pytest

from fastgrad.data.table import read_table


def values(table):
    """The columns as lists, with None where missing."""
    return {
        name: [
            None if value is None or value != value else value  # noqa: PLR0124
            for value in column.values.tolist()
        ]
        for name, column in table.columns.items()
    }


def read(text, /, **arguments):
    return values(read_table(io.StringIO(text), **arguments))


def refusal(text, /, **arguments):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the tests compare the whole message
        read_table(io.StringIO(text), **arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix("StringIO").removeprefix(", ").removeprefix(": ")
