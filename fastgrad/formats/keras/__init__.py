"""Networks as .keras files of Keras 3, and from its models and files."""
