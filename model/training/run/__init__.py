"""A run on disk: its folder, configuration, history, checkpoints and weights files."""
