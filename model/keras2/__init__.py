"""Weights of the original notebook, in the files that Keras 2 wrote."""
