"""Benchmarks of synthetic lines: growth, kills and likeness to real lines."""
