"""A page about a model on a split: how good it is, for which lines, and where it fails."""
