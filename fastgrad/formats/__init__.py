"""File formats: (spec, arrays) to files and back."""
