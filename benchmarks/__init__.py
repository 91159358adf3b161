"""Measurements that a person runs by hand, each a module with a command."""
