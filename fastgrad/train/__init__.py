"""Training: options, epochs, callbacks, history."""
