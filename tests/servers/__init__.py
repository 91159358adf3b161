"""Servers on loopback for tests and benchmarks: stores, a web server, and a proxy that fails on purpose."""
