"""Benchmarks of training: speed beside the notebook's, memory, kills and options of the network."""
