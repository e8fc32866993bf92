"""Models as C: one header, without dependencies."""
