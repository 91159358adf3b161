"""The memory of a batch, and what is said where it does not fit."""

from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.training import memory
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.inputs import warn_of_repeats
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo, SplitInfo
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.mixtures.mixture import Mixture, Part
from tests.messages import user_error
from tests.samples import CHARSET

LINES = DatasetInfo(CHARSET, Geometry(32, 280), "uint8")
GIB = 2**30


class MemoryTest(parameterized.TestCase, tf.test.TestCase):
    def check(self, batch_size: int, available: int | None, info: DatasetInfo = LINES) -> None:
        with mock.patch.object(memory, "read_available_memory", return_value=available):
            config = TrainConfig(batch_size=batch_size)
            memory.check_memory(config, DeviceConfig(), tf.distribute.get_strategy(), info)

    @parameterized.parameters((64, 2 * GIB), (512, 24 * GIB), (100_000, None))
    def test_a_batch_that_fits_or_may_fit_passes_without_a_word(self, batch_size, available):
        with self.assertNoLogs(level="WARNING"):
            self.check(batch_size, available)

    def test_a_batch_that_surely_does_not_fit_is_refused_with_one_that_does(self):
        with user_error("batch_size 100000", "2598.4 GB", "25.8 GB", "--batch_size=991"):
            self.check(100_000, 24 * GIB)
        self.check(991, 24 * GIB)

    def test_a_batch_at_the_limit_is_warned_of(self):
        with self.assertLogs(level="WARNING") as logs:
            self.check(1024, 24 * GIB)
        self.assertIn("--batch_size=991", "".join(logs.output))

    @parameterized.parameters((8, 2900), (4, 3300))
    def test_lines_of_any_width_count_by_their_mean(self, frame_stride, bytes_per_pixel):
        widths = {"widths": {"100": 3, "500": 1}}
        split = SplitInfo((ShardInfo("train", 4, 99, ""),), 4, {}, widths, {})
        info = DatasetInfo(CHARSET, Geometry(32, 0, frame_stride), "uint8", {"train": split})
        expected = 10 * 32 * 200 * bytes_per_pixel
        self.assertEqual(memory.estimate_memory(TrainConfig(batch_size=10), info), expected)

    def test_a_graphics_card_counts_by_its_share_and_is_refused_later(self):
        with (
            mock.patch.object(tf.config, "list_logical_devices", return_value=["GPU:0"]),
            mock.patch.object(memory, "total_memory", return_value=48 * GIB),
        ):
            config, devices = TrainConfig(batch_size=1600), DeviceConfig(gpu_memory_fraction=0.5)
            with self.assertLogs(level="WARNING"):
                memory.check_memory(config, devices, tf.distribute.get_strategy(), LINES)
            with user_error("batch_size 2000", "25.8 GB", "--batch_size="):
                config = TrainConfig(batch_size=2000)
                memory.check_memory(config, devices, tf.distribute.get_strategy(), LINES)

    def test_a_batch_larger_than_the_split_is_warned_of(self):
        split = SplitInfo((ShardInfo("train", 38, 999, ""),), 38, {}, {}, {})
        info = DatasetInfo(CHARSET, Geometry(32, 64), "uint8", {"train": split})
        with self.assertLogs(level="WARNING") as logs:
            warn_of_repeats(TrainConfig(batch_size=64), Mixture((Part("data", info),)))
        self.assertIn("split 'train' has 38 lines", "".join(logs.output))

    def test_this_machine_has_memory(self):
        self.assertGreater(memory.read_available_memory(), 2**20)


if __name__ == "__main__":
    tf.test.main()
