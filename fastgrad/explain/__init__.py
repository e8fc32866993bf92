"""The numbers behind one derivative, equation by equation: see `Network.explain`."""
