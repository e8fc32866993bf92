"""One compiled pass over the samples, and what drives it."""
