"""Benchmarks of reading from object stores."""
