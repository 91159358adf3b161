"""Lines are drawn from all shards, and by the seed alone."""

import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.inspection import line_sample
from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord.records import read_records
from tests.samples import convert_lines, draw_levels


class LineSampleTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.data = convert_lines(self.create_tempdir().full_path, 40, lines_per_shard=4)
        self.info = load_dataset_info(self.data)

    def sample(self, count: int, seed: int = 0) -> list[str]:
        lines = sample_lines(folder=self.data, info=self.info, split="train", count=count, seed=seed)
        return [line.key for line in lines]

    def test_a_line_has_its_pixels_text_and_key(self):
        lines = sample_lines(folder=self.data, info=self.info, split="train", count=5, seed=0)
        self.assertLen({line.key for line in lines}, 5)
        for line in lines:
            number = int(line.key.removesuffix(".png"))
            self.assertEqual(line.text, str(number))
            self.assertAllEqual(line.levels, draw_levels(number))

    def test_the_seed_chooses(self):
        self.assertEqual(self.sample(10, seed=1), self.sample(10, seed=1))
        self.assertNotEqual(self.sample(10, seed=1), self.sample(10, seed=2))

    def test_all_lines_are_drawn_sooner_or_later(self):
        drawn = {key for seed in range(40) for key in self.sample(8, seed)}
        self.assertLen(drawn, 40)

    def test_a_smaller_split_has_each_line_once(self):
        self.assertCountEqual(self.sample(1000), [f"{number}.png" for number in range(40)])

    def test_only_some_shards_are_read(self):
        reader = mock.patch.object(line_sample.records, "read_records", side_effect=read_records)
        with mock.patch.object(line_sample, "MOST_SHARDS", 3), reader as read:
            self.assertLen(self.sample(10), 10)
        self.assertEqual(read.call_count, 3)

    def test_as_many_shards_are_read_as_the_lines_take(self):
        with mock.patch.object(line_sample, "MOST_SHARDS", 3):
            self.assertLen(self.sample(17), 17)
            self.assertLen(self.sample(1000), 40)

    def test_a_shard_that_cannot_be_read_is_named(self):
        name = self.info.splits["train"].shards[3].name
        os.remove(os.path.join(self.data, name))
        with self.assertRaisesRegex(UserError, rf"shard .*{name}: received FileNotFoundError.*--verify"):
            self.sample(40)


if __name__ == "__main__":
    tf.test.main()
