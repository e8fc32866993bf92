"""Integer arithmetic that several rooms share."""

__all__ = ["ceil_div"]


def ceil_div(a: int, b: int) -> int:
    """Return a / b rounded up, for b above 0."""
    return -(-a // b)
