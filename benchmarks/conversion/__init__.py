"""Benchmarks of conversion: speed, growth, kills, damage and cost."""
