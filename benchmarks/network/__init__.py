"""Benchmarks of changes to the network: options, and frames of 4 pixels."""
