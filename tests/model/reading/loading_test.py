"""What the flags of a binary choose to read with."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.reading.config import ModelConfig
from densenet_ocr.model.reading.loading import choose_network
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline.errors import UserError
from tests.model.keras2.keras2_case import draw_layers, shallow, write_keras2
from tests.samples import CHARSET, draw_levels


class LoadingTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(shallow())
        self.folder = self.create_tempdir().full_path
        self.weights = write_keras2(os.path.join(self.folder, "weights-densent-20.hdf5"), draw_layers())
        self.charset = os.path.join(self.folder, "charset.txt")
        CHARSET.write(self.charset)

    def choose(self, **given):
        return choose_network(ModelConfig(**given))

    def test_weights_of_the_notebook_read(self):
        network = self.choose(weights=self.weights, charset=self.charset)
        self.assertEqual((network.name, network.info.charset), (self.weights, CHARSET))
        kernel = draw_layers()[0][1]["kernel"]
        self.assertAllEqual(network.model.get_weights()[0], kernel)
        reading = Recognizer(network).read(draw_levels(1, height=64, width=300))
        self.assertLessEqual(set(reading.text), set(CHARSET.characters))

    def test_the_charset_file_may_lack_a_row_for_the_blank(self):
        with open(self.charset, "w", encoding="utf-8") as file:
            file.write("\n".join(CHARSET.characters))
        with self.assertRaisesRegex(UserError, "--charset_blank=none"):
            self.choose(weights=self.weights, charset=self.charset)
        network = self.choose(weights=self.weights, charset=self.charset, charset_blank="none")
        self.assertEqual(network.info.charset, CHARSET)

    @parameterized.parameters(
        ({"checkpoint": "c.h5"}, "received --checkpoint, expected --model, a run"),
        ({"model": "run", "weights": "w.h5"}, "received --model and --weights, expected --model"),
        ({"weights": "w.h5", "checkpoint": "c.h5"}, "received --weights and --checkpoint"),
        ({"model": "run", "image_height": 48}, "image_height: received 48, expected none beside --model"),
        ({"model": "run", "charset": "c.txt"}, "charset: received c.txt, expected none beside --model"),
        (
            {"model": "run", "charset_blank": "none"},
            "charset_blank: received none, expected none beside --model",
        ),
        ({"weights": "w.h5"}, "received none beside --weights, expected the charset file"),
    )
    def test_one_of_them_has_to_be_named_with_what_it_needs(self, given, message):
        with self.assertRaisesRegex(UserError, message):
            self.choose(**given)

    def test_a_folder_of_weights_is_a_model(self):
        with self.assertRaisesRegex(UserError, "received a folder, .*by --model"):
            self.choose(weights=self.folder, charset=self.charset)

    def test_another_height_is_refused(self):
        with self.assertRaisesRegex(UserError, "height"):
            self.choose(weights=self.weights, charset=self.charset, image_height=64)


if __name__ == "__main__":
    tf.test.main()
