"""Mixtures of data sets: which ones, how many lines of each, one charset, and the batches."""
