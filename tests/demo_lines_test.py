"""Drawn lines of digits: lists, charset and images that a conversion takes."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from beam_jobs.conversion import convert
from beam_jobs.digit_lines import DIGITS, draw_line, draw_lists
from pipeline import images
from pipeline.charset import read_charset
from pipeline.images import Geometry
from tests.samples import conversion

COUNTS = {"train": 12, "test": 5}


class DrawListsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.draw(seed=0)

    def draw(self, seed: int) -> str:
        folder = self.create_tempdir().full_path
        draw_lists(output=folder, counts=COUNTS, geometry=Geometry(32, 112), seed=seed)
        return folder

    def read(self, name: str, folder: str = "") -> bytes:
        with open(os.path.join(folder or self.folder, name), "rb") as file:
            return file.read()

    def read_all(self, folder: str) -> list[bytes]:
        pictures = [os.path.join("images", name) for name in sorted(os.listdir(os.path.join(folder, "images")))]
        return [self.read(name, folder) for name in ("train.txt", "test.txt", "charset.txt", *pictures)]

    def test_a_conversion_takes_every_line(self):
        for split, count in COUNTS.items():
            config = conversion(
                self.folder,
                list_paths=(os.path.join(self.folder, f"{split}.txt"),),
                image_root=os.path.join(self.folder, "images"),
                split=split,
                image_width=112,
                max_reject_fraction=0.0,
            )
            self.assertEqual(convert(config, workers=1)["written"], count)

    def test_rows_are_in_the_notebooks_format(self):
        for split, count in COUNTS.items():
            rows = self.read(f"{split}.txt").decode().splitlines()
            self.assertLen(rows, count)
            for row in rows:
                self.assertRegex(row, r"^\d{6}\.jpg( ([1-9]|10)){3,5}$")

    def test_no_line_stands_in_two_lists_and_no_two_look_alike(self):
        rows = (self.read("train.txt") + self.read("test.txt")).decode().splitlines()
        pictures = {self.read(os.path.join("images", row.split()[0])) for row in rows}
        self.assertLen(pictures, sum(COUNTS.values()))

    def test_the_charset_is_the_digits(self):
        self.assertEqual(read_charset(os.path.join(self.folder, "charset.txt")), DIGITS)
        self.assertEqual(DIGITS.characters, "0123456789")

    def test_a_seed_gives_the_same_files_and_another_gives_others(self):
        self.assertEqual(self.read_all(self.draw(seed=0)), self.read_all(self.folder))
        self.assertNotEqual(self.read("train.txt", self.draw(seed=1)), self.read("train.txt"))


class DrawLineTest(parameterized.TestCase, tf.test.TestCase):
    def draw(self, text: str, geometry: Geometry, seed: int) -> np.ndarray:
        return np.asarray(draw_line(text, geometry, np.random.default_rng(seed)))

    @parameterized.product(size=[(32, 280), (32, 112), (7, 7), (9, 30), (64, 20)], seed=[0, 1, 2])
    def test_a_picture_has_the_size_it_was_asked_for(self, size, seed):
        levels = self.draw("01234", Geometry(*size), seed)
        self.assertEqual((levels.dtype, levels.shape), (np.uint8, size))

    def test_a_picture_shows_its_text(self):
        for seed in range(5):
            one, eight = (self.draw(text, Geometry(32, 112), seed).astype(int) for text in ("111", "888"))
            self.assertGreater(np.abs(one - eight).max(), 60)

    def test_a_picture_decodes_from_jpeg_in_its_own_size(self):
        folder = self.create_tempdir().full_path
        draw_lists(output=folder, counts={"train": 1}, geometry=Geometry(40, 200), seed=0)
        data = images.read_file(os.path.join(folder, "images", "000000.jpg"))
        self.assertEqual(images.decode_line(data, Geometry(40, 200), "exact").shape, (40, 200))


if __name__ == "__main__":
    tf.test.main()
