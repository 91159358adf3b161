"""What a training shows and records while it runs: callbacks, TensorBoard, curves."""
