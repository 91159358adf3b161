"""An exported model's description on disk, and the SavedModel that TensorFlow alone can read."""
