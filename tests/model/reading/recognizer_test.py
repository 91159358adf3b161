"""Reading with a run's weights, and what is refused."""

import os
import pathlib

import h5py
import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging import fitting
from tests.samples import CHARSET, draw_levels, encode_image, shallow_network


class RecognizerTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(shallow_network())

    def make_run(self, charset=CHARSET, height=32, width=64, fit="exact", invert="never"):
        """A run whose weights are the initial ones."""
        path = os.path.join(self.create_tempdir().full_path, "run")
        info = DatasetInfo(charset, Geometry(height, width), "uint8", fit=fit, invert=invert)
        run = open_run(RunFolder(path), RunConfig(TrainConfig(), "data"), info)
        build_densenet(height=height, classes=charset.classes).save_weights(
            os.path.join(run.weights, "best.weights.h5")
        )
        return path

    def test_reads_alone_as_among_others_of_any_width(self):
        recognizer = Recognizer(self.make_run(), batch_size=3)
        lines = [draw_levels(n, width=width) for n, width in enumerate([64, 300, 57, 64, 66, 8, 305, 64])]
        for line, reading in zip(lines, recognizer.read_many(lines), strict=True):
            alone = recognizer.read(line)
            self.assertEqual(reading.text, alone.text)
            self.assertAllClose(reading.confidence, alone.confidence)
            self.assertAllClose([c[1:] for c in reading.characters], [c[1:] for c in alone.characters])
            self.assertTrue(all(0 <= c.start < c.end <= line.shape[1] for c in reading.characters))

    def test_decodes_as_its_arguments_say(self):
        path, lines = self.make_run(), [draw_levels(n, width=width) for n, width in enumerate([64, 300, 57])]
        plain = list(Recognizer(path).read_many(lines))
        for reading, digits in zip(plain, Recognizer(path, characters="01").read_many(lines), strict=True):
            self.assertContainsSubset(set(digits.text), set("01"))
            self.assertEqual(reading.alternatives, ())
        words = self.create_tempfile("words.txt", "12\n7a\n").full_path
        for reading in Recognizer(path, lexicon=words, nbest=2).read_many(lines):
            self.assertIn(reading.text, ("12", "7a"))
            self.assertLen(reading.characters, 2)
            self.assertEqual({text for text, _ in reading.alternatives}, {"12", "7a"})
            self.assertLess(sum(confidence for _, confidence in reading.alternatives), 1)
        with self.assertRaises(TypeError):
            Recognizer(path, lexikon=words)
        with self.assertRaisesRegex(UserError, "--characters: received 'x'"):
            Recognizer(path, characters="x")

    def test_tuned_settings_of_the_run_count(self):
        path, line = self.make_run(), draw_levels(0, width=300)
        before = Recognizer(path, beam_width=5).read(line)
        TunedSettings(temperatures={"beam": 5.0}).save(path)
        self.assertLess(Recognizer(path, beam_width=5).read(line).confidence, before.confidence)

    def test_reads_paths_bytes_pictures_and_arrays(self):
        recognizer, levels = Recognizer(self.make_run()), draw_levels(1)
        data, path = encode_image(levels), os.path.join(self.create_tempdir().full_path, "line.png")
        with open(path, "wb") as file:
            file.write(data)
        picture = PIL.Image.open(path)
        colours = np.repeat(levels[..., None], 3, axis=-1)
        expected = recognizer.read(levels)
        for image in (path, pathlib.Path(path), data, picture, levels[..., None], colours):
            self.assertEqual(recognizer.read(image), expected)
        self.assertEqual(picture.size, (64, 32))  # as open as it was

    def test_an_image_that_cannot_be_read_leaves_the_others(self):
        recognizer, levels = Recognizer(self.make_run()), draw_levels(1)
        odd = [b"none", "no/such/file.png", levels.astype(np.float32), draw_levels(2, width=6)]
        first, *refusals, last = recognizer.read_many([levels, *odd, levels])
        reasons = ["damaged_image", "missing_image", "unsupported_image", "wrong_size"]
        self.assertEqual([refusal.reason for refusal in refusals], reasons)
        self.assertEqual(first, last)

    def test_a_characters_place_is_in_pixels_of_the_image(self):
        recognizer, levels = Recognizer(self.make_run()), draw_levels(1)
        large = recognizer.read(np.kron(levels, np.ones((3, 3), np.uint8)))
        fitted = recognizer.prepare(np.kron(levels, np.ones((3, 3), np.uint8)))
        small = recognizer.read(fitted.levels)
        self.assertNotEmpty(small.characters)
        for one, other in zip(small.characters, large.characters, strict=True):
            self.assertAllClose([3 * one.start, 3 * one.end], [other.start, other.end])

    def test_scales_other_heights_and_accepts_any_width(self):
        recognizer = Recognizer(self.make_run())
        levels = images.decode(encode_image(draw_levels(1, height=64, width=300)))
        self.assertEqual(recognizer.prepare(levels).levels.shape, (32, 150))
        self.assertEqual(recognizer.read(levels).text, recognizer.read(fitting.fit_height(levels, 32)).text)

    @parameterized.parameters(("exact", 64), ("resize", 64), ("pad", 64), ("pad", 0))
    def test_a_line_is_fitted_as_those_of_the_data_set_were(self, fit, width):
        recognizer, geometry = Recognizer(self.make_run(width=width, fit=fit)), Geometry(32, width)
        same, short, small = draw_levels(1, width=64), draw_levels(2, 32, 40), draw_levels(3, 16, 20)
        for line in (same,) if fit == "exact" else (same, short, small):
            self.assertAllEqual(recognizer.prepare(line).levels, fitting.fit_line(line, geometry, fit))
        long = draw_levels(4, 64, 400)
        fitted = fitting.fit_line(long, geometry, fit) if fit == "resize" else fitting.fit_height(long, 32)
        self.assertAllEqual(recognizer.prepare(long).levels, fitted)

    def test_a_line_light_on_dark_is_inverted_as_those_of_the_data_set_were_or_as_told(self):
        dark = np.full((32, 64), 230, np.uint8)
        dark[8:24, 8:50:6] = 30
        run = self.make_run(invert="auto")
        self.assertAllEqual(Recognizer(run).prepare(255 - dark).levels, dark)
        self.assertAllEqual(Recognizer(run, invert="never").prepare(255 - dark).levels, 255 - dark)
        self.assertAllEqual(Recognizer(run, invert="always").prepare(dark).levels, 255 - dark)

    def test_refuses_a_line_without_a_frame(self):
        with self.assertRaisesRegex(Refused, "wrong_size: 6 pixels wide"):
            Recognizer(self.make_run()).read(draw_levels(1, width=6))

    def test_missing_weights_are_an_error(self):
        run = self.make_run()
        os.remove(os.path.join(run, "weights", "best.weights.h5"))
        with self.assertRaisesRegex(UserError, "received no weights in it, expected weights/best.weights.h5"):
            Recognizer(run)

    def test_weights_of_another_charset_are_an_error(self):
        run, other = self.make_run(), self.make_run(Charset("xyz"))
        with self.assertRaisesRegex(UserError, "with 4 classes, expected the characters of .* with 14 classes"):
            Recognizer(run, os.path.join(other, "weights", "best.weights.h5"))

    def test_a_weights_file_that_lacks_a_layer_is_an_error(self):
        run = self.make_run()
        with h5py.File(os.path.join(run, "weights", "best.weights.h5"), "a") as file:
            del file["layers/dense"]
        with self.assertRaisesRegex(UserError, "weights .*expected weights of a network with 14 classes"):
            Recognizer(run)

    def test_a_folder_that_is_no_run_is_an_error(self):
        folder, run = self.create_tempdir().full_path, self.make_run()
        os.mkdir(os.path.join(folder, "1"))
        with open(os.path.join(folder, "1", "export.json"), "w"):
            pass
        file = os.path.join(run, "config.json")
        for path, received in (
            (os.path.join(folder, "none"), "no such folder"),
            (file, "a file"),
            (os.path.join(run, "weights"), "another folder"),
            (folder, "a folder that has exports in it: 1"),
        ):
            with self.assertRaisesRegex(UserError, f"received {received}, expected the folder of a run"):
                Recognizer(path)
        os.remove(file)
        with self.assertRaisesRegex(UserError, "received the folder of a data set, or"):
            Recognizer(run)

    def test_a_damaged_configuration_is_an_error(self):
        run = self.make_run()
        for content in ("{", "{}", "[1]"):
            with open(os.path.join(run, "config.json"), "w") as file:
                file.write(content)
            with self.assertRaisesRegex(
                UserError, "config.json: received .* expected the configuration of a training"
            ):
                Recognizer(run)

    def test_read_accepts_one_image_and_read_many_several(self):
        recognizer = Recognizer(pathlib.Path(self.make_run()))
        with self.assertRaisesRegex(TypeError, "one image .str. in place of several: use read"):
            recognizer.read_many("line.png")

    def test_the_first_readings_wait_for_one_batch_alone(self):
        recognizer, taken = Recognizer(self.make_run(), batch_size=2), []
        readings = recognizer.read_many(taken.append(k) or draw_levels(k) for k in range(100))
        next(readings)
        self.assertLen(taken, 2)
        self.assertLen(list(readings), 99)

    def test_without_a_best_epoch_the_last_one_reads(self):
        run = self.make_run()
        weights = os.path.join(run, "weights")
        os.remove(os.path.join(weights, "best.weights.h5"))
        for epoch in (1, 2, 12):
            model = build_densenet(height=32, classes=CHARSET.classes, seed=epoch)
            model.save_weights(os.path.join(weights, f"epoch-{epoch:04d}.weights.h5"))
        self.assertAllEqual(Recognizer(run).network.model.get_weights()[0], model.get_weights()[0])
        first = build_densenet(height=32, classes=CHARSET.classes, seed=1)
        chosen = Recognizer(run, "epoch-0001.weights.h5")
        self.assertAllEqual(chosen.network.model.get_weights()[0], first.get_weights()[0])


if __name__ == "__main__":
    tf.test.main()
