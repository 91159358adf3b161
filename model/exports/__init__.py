"""A network for other engines: SavedModel, ONNX, TFLite; written, proved to read the same, and read back."""
