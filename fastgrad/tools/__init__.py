"""Tools around training: learning-rate finder, gradient check, ahead-of-time compilation."""
