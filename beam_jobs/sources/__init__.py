"""Where lines come from: list files, LMDB, images alone."""
