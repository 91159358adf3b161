"""TFRecord files: framing, the shards of a split, local copies of remote shards."""
