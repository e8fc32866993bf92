"""What stands on `fit_many`: ensembles, cross-validation, bootstrap samples, searches."""
