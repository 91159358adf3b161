"""Training: configuration, loop, checkpoints, callbacks, the run folder."""
