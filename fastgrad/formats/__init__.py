"""From (description, arrays) to files and back."""
