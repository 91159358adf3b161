"""Training on several machines: who takes part, whether they still answer, and what they share."""
