"""What helps before and after a fit: learning-rate finder, gradient check, warm-up."""
