"""Checks in a real browser, which `make test` does not run."""
