"""The faces that made lines are drawn in, and which characters each of them really draws."""
