"""Shards behind URLs: the same batches as from local files, from checked copies that are removed or kept."""

import concurrent.futures
import errno
import os
import shutil
import tempfile
from unittest import mock

from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset import evaluation_input, read_first_lines, training_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord.shards import CachedCopies, Shards, TemporaryCopies, reading_errors
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import convert_lines
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3

LINES = 40  # in five shards, one more than are read side by side


class ShardsTest(StoreCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.local = convert_lines(folder, LINES)

    def setUp(self):
        super().setUp()
        storage.upload_folder(self.local, self.url("data"))

    def read(self, folder: str, count: int = 7, **options) -> list[tuple[list[bytes], bytes]]:
        """The keys and the images of the first batches."""
        batches = training_input(
            folder=folder, info=load_dataset_info(folder), split="train", batch_size=8, seed=3, **options
        )
        return [
            (batch["key"].numpy().tolist(), batch["image"].numpy().tobytes()) for batch in batches.take(count)
        ]

    @parameterized.named_parameters(("from the start", {}), ("resumed", {"first_step": 9, "shuffle_buffer": 5}))
    def test_training_input_is_that_of_local_files(self, options):
        # Seven batches span two passes.
        self.assertEqual(self.read(self.url("data"), **options), self.read(self.local, **options))

    def test_evaluation_input_is_that_of_local_files(self):
        keys = [
            [
                key
                for batch in evaluation_input(
                    folder=folder, info=load_dataset_info(folder), split="train", batch_size=7
                )
                for key in batch["key"].numpy().tolist()
            ]
            for folder in (self.url("data"), self.local)
        ]
        self.assertEqual(*keys)
        self.assertLen(set(keys[0]) - {b""}, LINES)

    def test_first_lines_are_those_of_local_files(self):
        lines = [
            read_first_lines(folder=folder, info=load_dataset_info(folder), split="train", count=3)
            for folder in (self.url("data"), self.local)
        ]
        self.assertEqual(*([line.key for line in found] for found in lines))

    def test_requests_that_fail_change_nothing(self):
        with serve_faults(self.server, share=0.2, seed=2) as (url, proxy), use_s3(url):
            self.assertEqual(self.read(self.url("data")), self.read(self.local))
        self.assertGreater(proxy.failed.total(), 0)

    def test_temporary_copies_are_removed_after_reading(self):
        cache = os.path.dirname(storage.find_cache_folder())
        self.read(self.url("data"))
        left = [name for _, _, names in os.walk(cache) for name in names if name.endswith(".tfrecord")]
        self.assertEmpty(left)

    def test_copies_of_a_killed_process_are_removed_by_the_next(self):
        copies = TemporaryCopies()
        parent = os.path.join(os.path.dirname(storage.find_cache_folder()), "shards")
        (mine,) = os.listdir(parent)
        storage.make_folder(os.path.join(parent, "abandoned"))
        TemporaryCopies()
        self.assertIn(mine, os.listdir(parent))
        self.assertNotIn("abandoned", os.listdir(parent))
        del copies

    def test_a_cache_is_filled_once(self):
        cache, downloads = self.create_tempdir().full_path, mock.Mock(wraps=storage.download)
        with mock.patch.object(storage, "download", downloads):
            first = self.read(self.url("data"), cache=cache)
            self.assertEqual(downloads.call_count, 5)
            self.assertEqual(self.read(self.url("data"), cache=cache), first)
        self.assertEqual(downloads.call_count, 5)
        self.assertEqual(self.read(self.local), first)

    def test_a_damaged_copy_in_the_cache_is_replaced(self):
        cache = self.create_tempdir().full_path
        first = self.read(self.url("data"), cache=cache)
        (path, *_) = storage.find("*.tfrecord", cache)
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"damage")
        self.assertEqual(self.read(self.url("data"), cache=cache), first)

    def test_processes_that_share_a_cache_fetch_a_shard_once(self):
        cache, info = self.create_tempdir().full_path, load_dataset_info(self.local)
        shard, downloads = info.splits["train"].shards[0], mock.Mock(wraps=storage.download)
        users = [CachedCopies(cache) for _ in range(4)]
        with mock.patch.object(storage, "download", downloads), concurrent.futures.ThreadPoolExecutor() as pool:
            paths = list(pool.map(lambda user: user.fetch(self.url(f"data/{shard.name}"), shard), users))
        self.assertLen(set(paths), 1)
        self.assertEqual(downloads.call_count, 1)

    def test_other_bytes_than_the_description_has_are_refused(self):
        name = load_dataset_info(self.local).splits["train"].shards[2].name
        size = storage.size(self.url(f"data/{name}"))
        storage.write_atomically(self.url(f"data/{name}"), bytes(size))
        wrong = f"{name}: received {size} bytes with a CRC-32C of"
        with self.assertRaisesRegex(UserError, wrong), reading_errors():
            self.read(self.url("data"))

    def test_a_missing_shard_is_refused_before_reading(self):
        name = load_dataset_info(self.local).splits["train"].shards[4].name
        storage.remove(self.url(f"data/{name}"))
        with self.assertRaisesRegex(UserError, f"{name}: received no such file"):
            Shards(self.url("data"), load_dataset_info(self.url("data")), "train")

    @parameterized.parameters(("cache", "--cache"), (None, "XDG_CACHE_HOME"))
    def test_a_full_disk_is_named(self, cache, remedy):
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        folder = cache and self.create_tempdir().full_path
        self.enter_context(mock.patch.object(storage, "download", side_effect=full))
        with self.assertRaisesRegex(UserError, f"No space left on device.*{remedy}"), reading_errors():
            self.read(self.url("data"), cache=folder)
