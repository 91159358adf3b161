"""Synthetic lines as image files and a list, from which ocr-convert makes the same records."""

import os
import shutil
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.synthesis import source
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.damage import cut_file, flip_bit
from tests.beam_jobs.synthesis.synthesis_case import CHARSET, SynthesisTest
from tests.messages import user_error

IMAGE = "train/00000/00000011.jpg"  # in the second part
PART = "train-00001-of-00003.list"


def read_tree(folder: str) -> dict[str, bytes]:
    """All files but the description, by their paths."""
    files = {}
    for path in storage.find(os.path.join(folder, "**")):
        if os.path.isfile(path) and not path.endswith("images.json"):
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


class ImageOutputTest(parameterized.TestCase, SynthesisTest):
    def setUp(self):
        super().setUp()
        self.settings = {"write": "images"}

    def convert_images(self, **changes) -> str:
        """Converts the list, as a user would; returns the data set's folder."""
        converted = os.path.join(self.folder, "converted")
        given = {
            "list_paths": (os.path.join(self.output, "train.txt"),),
            "image_root": self.output,
            "charset_path": os.path.join(self.output, "charset.txt"),
            "output": converted,
            "image_width": 128,
        }
        convert(ConversionConfig(**{**given, **changes}), workers=1)
        return converted

    def test_convert_writes_the_records_of_a_direct_synthesis(self):
        result = self.synthesize(**self.settings)
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(result, {"split": "train", "read": 25, "written": 25, "refused": {}, "shards": 3})
        records = os.path.join(self.folder, "records")
        self.synthesize(output=records)
        self.assert_same_lines(self.read_lines(self.convert_images()), self.read_lines(records))

    def test_convert_writes_the_same_lines_of_any_width(self):
        self.synthesize(image_width=0, max_reject_fraction=1, **self.settings)
        records = os.path.join(self.folder, "records")
        self.synthesize(image_width=0, max_reject_fraction=1, output=records)
        converted = self.convert_images(image_width=0, image_encoding="uint8")
        self.assert_same_lines(self.read_lines(converted), self.read_lines(records))

    def test_the_folder_has_images_list_charset_and_description(self):
        self.synthesize(**self.settings)
        files = read_tree(self.output)
        parts = [f"train-{number:05d}-of-00003.list" for number in range(3)]
        drawn = [f"train/00000/{number:08d}.jpg" for number in range(25)]
        self.assertCountEqual(files, [*parts, *drawn, "train.txt", "train.rejects.tsv", "charset.txt"])
        self.assertEqual(files["train.txt"], b"".join(files[part] for part in parts))
        self.assertEqual([row.split()[0].decode() for row in files["train.txt"].splitlines()], drawn)
        self.assertEqual(read_charset(os.path.join(self.output, "charset.txt")), CHARSET)
        split = load_dataset_info(self.output, "images.json").find_split("train")
        self.assertEqual((split.read, split.written), (25, 25))
        self.assertEqual(
            sum(shard.bytes for shard in split.shards),
            sum(len(data) for name, data in files.items() if name in {*parts, *drawn}),
        )

    @parameterized.parameters(10, 11, 22, 34)  # the first ten tell how large images are
    def test_a_resumed_run_has_the_bytes_of_an_uninterrupted_one(self, after):
        whole = os.path.join(self.folder, "whole")
        self.synthesize(output=whole, **self.settings)
        self.interrupt_run(after, **self.settings)
        self.assertFalse(os.path.exists(os.path.join(self.output, "train.txt")))
        self.assertEqual(self.count_rendered(**self.settings), 10 + 25 - (after - 10) // 10 * 10)
        self.assertEqual(read_tree(self.output), read_tree(whole))

    @parameterized.product(damage=(os.remove, flip_bit, lambda path: cut_file(path, 5)), name=(IMAGE, PART))
    def test_the_same_call_repairs_damage(self, damage, name):
        self.synthesize(**self.settings)
        before = read_tree(self.output)
        damage(os.path.join(self.output, name))
        self.assertEqual(self.count_rendered(**self.settings), 10)
        self.assertEqual(read_tree(self.output), before)

    @parameterized.parameters("train.txt", "charset.txt")
    def test_missing_list_and_charset_are_restored_without_rendering(self, name):
        self.synthesize(**self.settings)
        before = read_tree(self.output)
        os.remove(os.path.join(self.output, name))
        self.assertEqual(self.count_rendered(**self.settings), 0)
        self.assertEqual(read_tree(self.output), before)

    def test_overwrite_removes_old_images_and_keeps_other_files(self):
        with mock.patch.object(source, "_FOLDER_LINES", 10):
            self.synthesize(**self.settings)
        self.assertLen(os.listdir(os.path.join(self.output, "train")), 3)
        storage.make_folder(os.path.join(self.output, "train", "mine"))
        self.synthesize(split="test", **self.settings)
        test = {name: data for name, data in read_tree(self.output).items() if name.startswith("test")}
        self.synthesize(overwrite=True, seed=1, **self.settings)
        files = read_tree(self.output)
        self.assertLen([name for name in files if name.startswith("train/")], 25)
        self.assertEqual(os.listdir(os.path.join(self.output, "train")), ["00000", "mine"])
        self.assertEqual({name: files[name] for name in test}, test)
        self.assertEqual(list(load_dataset_info(self.output, "images.json").splits), ["test", "train"])

    @parameterized.parameters("train.txt", IMAGE, "charset.txt")
    def test_unknown_files_are_replaced_only_with_overwrite(self, name):
        path = os.path.join(self.output, name)
        os.makedirs(os.path.dirname(path))
        if name == "charset.txt":
            Charset("abc").write(path)
        else:
            shutil.copy(os.path.join(self.folder, "text.txt"), path)
        with user_error("files of split", "images.json", "--overwrite"):
            self.synthesize(**self.settings)
        self.synthesize(overwrite=True, **self.settings)
        self.assertEqual(read_charset(os.path.join(self.output, "charset.txt")), CHARSET)

    def test_a_wrong_charset_file_is_replaced_only_with_overwrite(self):
        path = os.path.join(self.output, "charset.txt")
        os.makedirs(self.output)
        with open(path, "wb") as file:
            file.write(b"\xff\xfe")
        with user_error("charset.txt", "--overwrite"):
            self.synthesize(**self.settings)
        self.synthesize(overwrite=True, **self.settings)
        self.assertEqual(read_charset(path), CHARSET)

    def test_reading_images_as_records_names_the_remedy(self):
        self.synthesize(**self.settings)
        message = f"^data set {self.output}: received image files .*convert with .*--image_root={self.output}"
        with self.assertRaisesRegex(UserError, message):
            load_dataset_info(self.output)

    def test_records_and_images_need_separate_folders(self):
        self.synthesize(**self.settings)
        for overwrite in (False, True):
            with user_error(f"output {self.output}", "images.json", "--output"):
                self.synthesize(overwrite=overwrite)
            with user_error(f"output {self.output}", "images.json", "--output"):
                self.convert_images(output=self.output, overwrite=overwrite)
        self.assertEqual(self.count_rendered(**self.settings), 0)

    def test_a_second_split_must_have_the_same_charset(self):
        self.synthesize(**self.settings)
        other = os.path.join(self.folder, "other.txt")
        Charset("abc").write(other)
        with user_error("charset (by SHA-256)", "--output"):
            self.synthesize(split="test", charset_path=other, text=("charset",), **self.settings)

    def test_a_full_disk_is_refused_before_rendering(self):
        with (
            mock.patch.object(storage, "free_bytes", return_value=1),
            self.assertRaisesRegex(UserError, "free space, expected about 0.1 MB for 25 rows as JPEG"),
        ):
            self.synthesize(**self.settings)


if __name__ == "__main__":
    tf.test.main()
