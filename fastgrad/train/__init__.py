"""The course of a fit: epochs, options, callbacks, history."""
