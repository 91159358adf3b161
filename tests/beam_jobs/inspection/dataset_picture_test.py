"""The sheet of a data set has its lines, pixel by pixel, and charts of its counts."""

import dataclasses
import os

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.inspection.dataset_picture import WIDTH, draw_dataset
from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.picture import BAR
from tests.samples import convert_lines


def find_line(sheet: np.ndarray, levels: np.ndarray) -> bool:
    """Whether grey levels [h, w] stand somewhere on a sheet [H, W, 3]."""
    height, width = levels.shape
    grey = np.where(np.ptp(sheet, axis=-1) == 0, sheet[..., 0], -1)
    rows = np.lib.stride_tricks.sliding_window_view(grey, width, axis=1)
    for y, x in np.argwhere((rows[..., :4] == levels[0, :4]).all(axis=-1)):
        if np.array_equal(grey[y : y + height, x : x + width], levels):
            return True
    return False


class DatasetPictureTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.data = convert_lines(self.create_tempdir().full_path, 30)
        self.info = load_dataset_info(self.data)

    def draw(self, lines: int = 6, splits: tuple[str, ...] = ("train",), **changes):
        return draw_dataset(folder=self.data, info=self.info, splits=splits, lines=lines, seed=0, **changes)

    def test_lines_that_were_drawn_are_on_the_sheet(self):
        sheet = np.asarray(self.draw())
        for line in sample_lines(folder=self.data, info=self.info, split="train", count=6, seed=0):
            self.assertTrue(find_line(sheet, line.levels), line.key)

    def test_charts_are_above_the_lines(self):
        bars = np.flatnonzero((np.asarray(self.draw()) == np.array(BAR)).all(axis=-1).any(axis=1))
        self.assertNotEmpty(bars)
        self.assertLess(bars.max(), 400)

    def test_refusals_and_widths_get_charts_of_their_own(self):
        def count_bars():
            return np.sum((np.asarray(self.draw())[:400] == np.array(BAR)).all(axis=-1).any(axis=0))

        few, split = count_bars(), self.info.splits["train"]
        statistics = {**split.statistics, "widths": {"64": 10, "70": 20}}
        changed = dataclasses.replace(split, read=40, refused={"bad_id": 10}, statistics=statistics)
        self.info = self.info.with_split("train", changed, {})
        self.assertNotEqual(count_bars(), few)

    def test_every_split_has_its_section(self):
        self.info = self.info.with_split("test", self.info.splits["train"], {})
        both, one = self.draw(splits=("train", "test")), self.draw()
        self.assertGreater(both.height, 1.8 * one.height)

    def test_a_line_wider_than_the_sheet_makes_it_wider(self):
        self.data = convert_lines(
            self.create_tempdir().full_path, 2, image_width=3 * WIDTH, image_height=16, fit="resize"
        )
        self.info = load_dataset_info(self.data)
        self.assertGreater(self.draw().width, 3 * WIDTH)

    def test_a_split_without_a_line_still_has_a_sheet(self):
        split = dataclasses.replace(
            self.info.splits["train"], shards=(), read=3, refused={"bad_id": 3}, statistics={}
        )
        self.info = self.info.with_split("train", split, {})
        self.assertGreater(self.draw().height, 100)

    def test_a_file_that_is_no_font_is_refused(self):
        path = os.path.join(self.data, "dataset.json")
        with self.assertRaisesRegex(UserError, f"font {path}: received .*expected a font file.*Check --font."):
            self.draw(font=path)


if __name__ == "__main__":
    tf.test.main()
