"""The asv suite: what is timed at every commit."""
