"""Safetensors files as a header and numbers, to change either."""

import json


def header_and_rest(content):
    """The JSON of the header, without its checksum, and the bytes of the numbers."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"].pop("checksum", None)
    return header, content[end:]


def with_header(header, rest):
    """The bytes of a file."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest
