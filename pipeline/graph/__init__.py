"""What exported models do with image files: pipeline.images, contrast and fitting in a TensorFlow graph."""
