"""Augmentation of training lines, inside the tf.data graph."""
