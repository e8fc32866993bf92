"""The command line, `fastgrad`."""
