"""Normalising and its inverse, level by level."""

import numpy as np
import PIL.Image
import tensorflow as tf

from densenet_ocr.pipeline import images

LEVELS = np.arange(256, dtype=np.uint8)


class NormaliseTest(tf.test.TestCase):
    def test_equals_the_notebooks_arithmetic_to_the_bit(self):
        image = PIL.Image.fromarray(LEVELS.reshape(16, 16))
        expected = np.array(image, "f") / 255.0 - 0.5
        tensor = images.normalise(LEVELS.reshape(16, 16))
        self.assertEqual(tensor.dtype, np.float32)
        self.assertEqual(tensor.tobytes(), expected.tobytes())

    def test_denormalise_restores_every_level(self):
        levels = images.denormalise(images.normalise(LEVELS))
        self.assertEqual(levels.dtype, np.uint8)
        self.assertAllEqual(levels, LEVELS)

    def test_denormalise_accepts_tensors_of_any_shape(self):
        tensor = tf.constant(images.normalise(LEVELS).reshape(2, 8, 16, 1))
        self.assertAllEqual(images.denormalise(tensor), LEVELS.reshape(2, 8, 16, 1))


if __name__ == "__main__":
    tf.test.main()
