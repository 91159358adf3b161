"""The image path of pipeline.images in TensorFlow, for graphs: the same numbers to the last bit."""

import tensorflow as tf


def normalise(image):
    """float32 grey/255 - 0.5 of uint8 grey levels, any shape; float32 is normalised already and stays.

    By way of float64: in float32 a compiled graph multiplies by 1/255, which differs in the last bit for 111 of
    the 256 levels. Looking levels up in a table is as exact and takes six times as long on a CPU.
    """
    if image.dtype == tf.float32:
        return image
    return tf.cast(tf.cast(image, tf.float64) / 255, tf.float32) - 0.5
