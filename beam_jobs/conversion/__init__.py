"""The conversion job: list files or an LMDB become a split of a data set."""
