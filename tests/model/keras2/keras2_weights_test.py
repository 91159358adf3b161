"""Weights that Keras 2 wrote read as they did there; what is not the notebook's network is refused by name."""

import os
import shutil
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras
from absl.testing import parameterized

from benchmarks.reading.keras2_weights import draw_charset, draw_lines, draw_weights, find_logits
from benchmarks.training import notebook
from densenet_ocr.model.keras2.file import is_keras2_file
from densenet_ocr.model.keras2.weights import load_keras2_model, read_keras2_layers
from densenet_ocr.model.training.weights import load_model
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.model.keras2.keras2_case import Keras2Case, draw_layers, shallow, write_keras2
from tests.model.training.transfer.transfer_case import make_run
from tests.samples import CHARSET


class EqualsKeras2Test(parameterized.TestCase, tf.test.TestCase):
    def check_equal(self, classes: int, height: int, save: Callable[[tf_keras.Model, str], None]) -> None:
        network, charset = notebook.build_network(classes, height), draw_charset(classes)
        draw_weights(network, seed=classes)
        path = os.path.join(self.create_tempdir().full_path, "weights-01-0.40.hdf5")
        save(network, path)
        self.assertTrue(is_keras2_file(path))
        ours, info = load_keras2_model(path, charset=charset, height=height)
        lines = draw_lines(height, 61)
        expected = find_logits(network, lines)
        self.assertGreater(np.std(expected, axis=1).min(), 1e-2)  # frames differ, so a mix-up would show
        self.assertAllClose(ours(lines, training=False), expected, rtol=0, atol=1e-4)
        self.assertEqual(
            (info.geometry, info.fit, info.charset.classes), (Geometry(height, 0), "exact", classes)
        )

    def test_the_notebooks_network(self):
        self.check_equal(5990, 32, lambda network, path: notebook.add_ctc(network).save_weights(path))

    @parameterized.product(classes=(3, 14, 97), height=(32, 48))
    def test_any_charset_and_height(self, classes, height):
        with shallow():
            self.check_equal(classes, height, lambda network, path: network.save_weights(path))

    def test_a_whole_model_with_its_optimizer(self):
        def save(network, path):
            model = notebook.add_ctc(network)
            notebook.compile_model(model)
            model.save(path)

        with shallow():
            self.check_equal(14, 32, save)

    def test_padded(self):
        with shallow():
            network, path = notebook.build_network(14), os.path.join(self.create_tempdir().full_path, "old.h5")
            draw_weights(network, seed=1)
            network.save_weights(path)
            ours, _ = load_keras2_model(path, charset=CHARSET, height=32, padded=True)
            lines = draw_lines(32, 61)
            logits = ours([np.pad(lines, ((0, 0), (0, 0), (0, 9), (0, 0))), np.array([61, 61])], training=False)
            self.assertAllClose(logits[:, :7], find_logits(network, lines), rtol=0, atol=1e-4)


class AcceptedTest(parameterized.TestCase, Keras2Case):
    @parameterized.parameters(27, 99, 998)
    def test_counters_start_anywhere(self, first):
        layers = draw_layers(first=first)
        read = read_keras2_layers(write_keras2(self.path, layers))
        for arrays, (_, expected) in zip(read, layers, strict=True):
            self.assertAllEqual(arrays[0], next(iter(expected.values())))

    def test_where_a_runs_own_file_belongs_it_is_refused(self):
        run, path = make_run(self.create_tempdir().full_path), write_keras2(self.path, self.layers)
        for name in (path, shutil.copy(path, os.path.join(run, "weights", "old.weights.h5"))):
            with self.assertRaisesRegex(
                UserError,
                f"weights {name}: received a file of Keras 2, .* --weights=FILE .* --init_from=FILE",
            ):
                load_model(run, name)


class RefusedTest(parameterized.TestCase, Keras2Case):
    def test_a_layer_too_few(self):
        self.refuse(
            r"received kernel \[1, 1, 72, 128\] in conv2d_3, layer 4 of those with weights, expected gamma "
            r"\[72\], beta \[72\], moving_mean \[72\], moving_variance \[72\], as the notebook's",
            self.layers[:3] + self.layers[4:],
        )
        self.refuse("received 12 layers with weights, expected 13", self.layers[:-1])

    def test_a_layer_too_many(self):
        extra = ("extra", {"kernel": np.ones([5, 5]), "bias": np.ones([5])})
        self.refuse(
            "received 14 layers with weights; extra is one too many, expected 13", [*self.layers, extra]
        )
        self.refuse(r"received kernel \[5, 5\], bias \[5\] in extra, layer 1 of", [extra, *self.layers])

    def test_another_growth(self):
        layers = self.change(2, kernel=np.ones([3, 3, 64, 12]), bias=np.ones([12]))
        self.refuse(
            r"received kernel \[3, 3, 64, 12\], bias \[12\] in conv2d_2, layer 3 .*\[3, 3, 64, 8\]", layers
        )

    def test_a_bias_too_many_or_too_few(self):
        self.refuse(
            r"received kernel \[5, 5, 1, 64\], bias \[64\] in conv2d_1, layer 1 of .* expected kernel "
            r"\[5, 5, 1, 64\], as",
            self.change(0, bias=np.ones([64])),
        )
        self.refuse(r"received kernel \[544, 14\] in out, layer 13 of", self.change(12, bias=None))

    def test_a_head_that_fits_no_height(self):
        layers = self.change(12, kernel=np.ones([500, 14]))
        self.refuse(
            r"received kernel \[500, 14\], bias \[14\] in out, layer 13 .* expected kernel \[408, 14\]", layers
        )

    def test_blocks_that_changed_places(self):
        # In the second and third block, norms and convolutions have the very same shapes.
        layers = [*self.layers]
        layers[5:7], layers[9:11] = layers[9:11], layers[5:7]
        self.refuse(
            "received batch_normalization_4 behind batch_normalization_5, expected layers in the", layers
        )

    @parameterized.parameters(
        (1, "moving_variance", -1.0, "variances below 0 in batch_normalization_1's moving_variance"),
        (2, "bias", np.nan, "numbers that are infinite or none in conv2d_2's bias"),
        (0, "kernel", 0.0, "nothing but zeros in conv2d_1's kernel"),
    )
    def test_numbers_that_no_training_leaves(self, number, name, value, message):
        array = np.full_like(self.layers[number][1][name], value)
        self.refuse(
            f"received {message}, expected finite weights, and variances of 0 or more",
            self.change(number, **{name: array}),
        )

    def test_a_charset_of_another_size(self):
        write_keras2(self.path, self.layers)
        with self.assertRaisesRegex(
            UserError,
            "received a last layer of 14 classes, expected 12: the charset's 11 characters and the blank. Give "
            "the charset that they were trained with, row by row. If duplicated rows were taken out of a char_",
        ):
            load_keras2_model(self.path, charset=draw_charset(12), height=32)
        with self.assertRaisesRegex(UserError, "14 classes, expected 13: .* --charset_blank=none."):
            load_keras2_model(self.path, charset=draw_charset(13), height=32)

    def test_another_height(self):
        write_keras2(self.path, self.layers)
        with self.assertRaisesRegex(
            UserError,
            "received a last layer for 4 rows of features, expected 6, which lines 48 high make. Set "
            "--image_height to the height that they were trained with: 31 to 38 make 4 rows.",
        ):
            load_keras2_model(self.path, charset=CHARSET, height=48)


if __name__ == "__main__":
    tf.test.main()
