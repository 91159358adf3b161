"""A conversion that was lost, and the same command again: resumed, refused, or started again."""

import itertools
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion import job as conversion_job
from densenet_ocr.beam_jobs.engine import split_runner
from densenet_ocr.beam_jobs.engine.split_state import SplitState, hold_split
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.beam_jobs.damage import Killed, cut_file, flip_bit
from tests.messages import user_error
from tests.samples import write_lines, write_list


class ResumeTest(parameterized.TestCase, ConversionTest):
    """Runs that are lost, and the same command again."""

    def setUp(self):
        super().setUp()
        write_lines(self.folder, 20)
        write_list(self.folder, [*(f"{n}.png {n % 10 + 1}" for n in range(20)), "none.png 1", "0.png 3"])
        self.whole = os.path.join(self.folder, "whole")
        self.settings = {"lines_per_shard": 4, "max_reject_fraction": 0.1}
        self.convert(output=self.whole, **self.settings)

    def lose_run(self, after: int, **changes) -> None:
        """A run that ends as one that is killed does, when it has read some images."""
        reads = itertools.count(1)

        def read_file(path: str) -> bytes:
            if next(reads) > after:
                raise Killed("by the test")
            return original(path)

        original = images.read_file
        with (
            mock.patch.object(images, "read_file", read_file),
            self.assertRaises(Killed),
        ):
            self.convert(**{**self.settings, **changes})

    def count_reads(self, **changes) -> int:
        """Images that a run reads."""
        with mock.patch.object(images, "read_file", side_effect=images.read_file) as read:
            self.convert(**{**self.settings, **changes})
        return read.call_count

    @parameterized.parameters(0, 1, 7, 12, 20)
    def test_the_same_command_resumes_to_the_bytes_of_an_uninterrupted_run(self, after):
        self.lose_run(after)
        self.assertFalse(os.path.exists(os.path.join(self.output, "dataset.json")))
        self.convert(**self.settings)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_only_what_is_missing_is_read(self):
        self.lose_run(13)
        finished = len(os.listdir(os.path.join(self.output, "train.unfinished"))) - 2  # identity and plan
        self.assertGreater(finished, 0)
        self.assertLessEqual(self.count_reads(), 21 - 3 * finished)

    @parameterized.named_parameters(("gone", os.remove), ("cut", cut_file), ("flipped", flip_bit))
    def test_a_finished_shard_is_checked_and_written_again_where_it_is(self, damage):
        self.lose_run(13)
        [shard, *_] = [name for name in sorted(os.listdir(self.output)) if name.endswith(".tfrecord")]
        damage(os.path.join(self.output, shard))
        self.convert(**self.settings)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    @parameterized.parameters(b"", b"{", b"[]", b'{"digest": "another"}')
    def test_a_report_of_another_job_is_ignored(self, data):
        self.lose_run(13)
        state = os.path.join(self.output, "train.unfinished")
        [report, *_] = [name for name in sorted(os.listdir(state)) if name[0].isdigit()]
        with open(os.path.join(state, report), "wb") as file:
            file.write(data)
        self.convert(**self.settings)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_a_run_started_with_other_settings_is_refused_with_what_changed(self):
        self.lose_run(13)
        names = sorted(os.listdir(self.output))
        with user_error(f"split 'train' of {self.output}", "seed 5", "seed 0", "started", "--overwrite"):
            self.convert(**self.settings, seed=5)
        self.assertEqual(sorted(os.listdir(self.output)), names)

    def test_a_changed_list_is_refused(self):
        self.lose_run(13)
        with open(os.path.join(self.folder, "train.txt"), "a") as file:
            file.write("1.png 4\n")
        with user_error("lists (by SHA-256)", "started"):
            self.convert(**self.settings)

    def test_a_resumed_run_may_allow_more_refusals(self):
        self.lose_run(13)
        self.convert(**{**self.settings, "max_reject_fraction": 0.5})
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_overwrite_starts_again_with_other_settings(self):
        self.lose_run(13, seed=5)
        self.convert(**self.settings, overwrite=True)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_overwrite_starts_again_after_an_interrupted_run_without_overwrite(self):
        self.lose_run(13)
        self.assertEqual(self.count_reads(overwrite=True), 21)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_overwrite_resumes_an_interrupted_run_that_had_overwrite(self):
        self.convert(**self.settings, seed=5)
        self.lose_run(13, overwrite=True)
        self.assertLess(self.count_reads(overwrite=True), 15)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_a_run_killed_at_its_very_end_leaves_a_published_split(self):
        with mock.patch.object(SplitState, "remove", side_effect=Killed), self.assertRaises(Killed):
            self.convert(**self.settings)
        self.convert(**self.settings)
        self.assertEqual(read_folder(self.output), read_folder(self.whole))

    def test_two_at_once_into_one_split_are_refused(self):
        with (
            hold_split(self.output, "train", conversion_job._TERMS),
            user_error(f"split 'train' of {self.output}", "a second conversion", "--output"),
        ):
            self.convert(**self.settings)
        self.assertEqual(os.listdir(self.output), [])

    def test_two_at_once_into_two_splits_both_end_in_the_description(self):
        def convert_another(*_, **__):
            write.side_effect = run_shards
            self.convert(**self.settings, split="test")
            return run_shards(*_, **__)

        run_shards = split_runner.run_shards
        with mock.patch.object(split_runner, "run_shards", side_effect=convert_another) as write:
            self.convert(**self.settings)
        self.assertEqual(list(load_dataset_info(self.output).splits), ["test", "train"])


if __name__ == "__main__":
    tf.test.main()
