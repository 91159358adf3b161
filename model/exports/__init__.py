"""Exports of a network: SavedModel, ONNX, TFLite; written, and compared with the run."""
