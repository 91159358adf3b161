"""Benchmarks of training: speed beside the notebook's, memory, kills, and time to accuracy."""
