"""A model that does not reproduce the golden line of its export is refused."""

import dataclasses
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.golden_line import check_golden
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.pipeline.exports.sample_export import INFO, LINES, LOGITS, write_export
from tests.samples import draw_levels, encode_image


class GoldenLineTest(parameterized.TestCase, tf.test.TestCase):
    def test_the_line_goes_to_the_model_as_it_was_drawn(self):
        seen = []
        folder = write_export(self.create_tempdir().full_path)
        check_golden(folder, LINES, lambda *given: seen.append(given) or LOGITS[None])
        ((levels, widths),) = seen
        self.assertAllEqual(levels[0], draw_levels(1))
        self.assertAllEqual(widths, [64])

    def test_a_difference_within_the_tolerance_passes(self):
        check_golden(write_export(self.create_tempdir().full_path), LINES, lambda *_: LOGITS[None] + 9e-4)

    @parameterized.parameters(
        (" 深a", "read ' 深a', expected '深 a'"), ("深 ab", "of 4 classes that read None")
    )
    def test_another_text_is_refused(self, characters, message):
        lines = dataclasses.replace(LINES, charset=Charset(characters))
        with self.assertRaisesRegex(UserError, message):
            check_golden(write_export(self.create_tempdir().full_path), lines, lambda *_: LOGITS[None])

    def test_another_height_is_refused(self):
        lines = dataclasses.replace(LINES, geometry=Geometry(48, 64))
        with self.assertRaisesRegex(UserError, "golden.png of height 32, expected 48, the height of the model"):
            check_golden(write_export(self.create_tempdir().full_path), lines, lambda *_: LOGITS[None])

    def test_a_model_that_fails_is_refused(self):
        def fail(levels, widths):
            raise RuntimeError("tensorflow/lite/kernels/squeeze.cc:63 1 != 2\nmore")

        with self.assertRaisesRegex(UserError, r"a model that fails on golden.png: \S*squeeze.cc:63 1 != 2, "):
            check_golden(write_export(self.create_tempdir().full_path), LINES, fail)

    @parameterized.parameters(
        (LOGITS + 0.02, "up to 0.02, expected 0.001 at most"),
        (np.where(LOGITS > 15, np.nan, LOGITS), "up to nan"),
        (LOGITS[1:], "up to inf"),
        (LOGITS[:, 1:], "up to inf"),
    )
    def test_other_logits_are_refused(self, logits, message):
        with self.assertRaisesRegex(UserError, f"logits of golden.png that differ .*{message}"):
            check_golden(write_export(self.create_tempdir().full_path), LINES, lambda *_: logits[None])

    @parameterized.parameters(("float32", 1.1e-3), ("int8", 2.0), ("int8", 1e9))
    def test_a_tolerance_beyond_that_of_any_export_is_refused(self, precision, tolerance):
        info = dataclasses.replace(INFO, precision=precision, tolerance=tolerance)
        folder = write_export(self.create_tempdir().full_path, info)
        with user_error(f"export {folder}", f"a tolerance of {tolerance:.2g}", "ocr-export"):
            check_golden(folder, LINES, lambda *_: LOGITS[None])

    @parameterized.parameters("golden.png", "golden.npy")
    def test_a_missing_or_damaged_file_is_refused(self, name):
        folder = write_export(self.create_tempdir().full_path)
        path = os.path.join(folder, name)
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) // 2)
        with self.assertRaisesRegex(UserError, "a damaged golden.png or golden.npy"):
            check_golden(folder, LINES, lambda *_: LOGITS[None])
        os.remove(path)
        with self.assertRaisesRegex(UserError, f"received no {name}"):
            check_golden(folder, LINES, lambda *_: LOGITS[None])

    def test_a_line_of_absurd_size_is_not_computed(self):
        folder = write_export(self.create_tempdir().full_path)
        with open(os.path.join(folder, "golden.png"), "wb") as file:
            file.write(encode_image(draw_levels(1, width=10**6)))
        with self.assertRaisesRegex(UserError, "golden.npy of 8 frames, expected 125000"):
            check_golden(folder, LINES, lambda *_: self.fail("computed"))

    def test_an_array_of_absurd_size_is_refused(self):
        folder = write_export(self.create_tempdir().full_path)
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6)}
        with open(os.path.join(folder, "golden.npy"), "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
        with self.assertRaisesRegex(UserError, "damaged golden.png or golden.npy"):
            check_golden(folder, LINES, lambda *_: LOGITS[None])

    def test_a_pickle_is_not_opened(self):
        folder = write_export(self.create_tempdir().full_path)
        np.save(os.path.join(folder, "golden.npy"), np.array([{}], object), allow_pickle=True)
        with self.assertRaisesRegex(UserError, "damaged golden.png or golden.npy"):
            check_golden(folder, LINES, lambda *_: LOGITS[None])


if __name__ == "__main__":
    tf.test.main()
