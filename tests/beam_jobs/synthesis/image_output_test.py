"""Made lines as image files and a list, which convert reads as the records that they would have been."""

import os
import shutil
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, read_charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.conversion.resume_test import cut_file, flip_bit
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


class MadeImagesTest(parameterized.TestCase, SynthesisTest):
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

    def test_convert_makes_of_them_what_records_hold(self):
        result = self.synthesize(**self.settings)
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(result, {"split": "train", "read": 25, "written": 25, "refused": {}, "shards": 3})
        records = os.path.join(self.folder, "records")
        self.synthesize(output=records)
        self.assert_same_lines(self.read_lines(self.convert_images()), self.read_lines(records))

    def test_lines_of_any_width_are_the_same_too(self):
        self.synthesize(image_width=0, max_reject_fraction=1, **self.settings)
        records = os.path.join(self.folder, "records")
        self.synthesize(image_width=0, max_reject_fraction=1, output=records)
        converted = self.convert_images(image_width=0, image_encoding="uint8")
        self.assert_same_lines(self.read_lines(converted), self.read_lines(records))

    def test_the_folder_holds_images_a_list_a_charset_and_a_description(self):
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
    def test_a_run_that_was_lost_goes_on_to_the_bytes_of_an_undisturbed_one(self, after):
        whole = os.path.join(self.folder, "whole")
        self.synthesize(output=whole, **self.settings)
        self.lose_run(after, **self.settings)
        self.assertFalse(os.path.exists(os.path.join(self.output, "train.txt")))
        self.assertEqual(self.count_drawn(**self.settings), 10 + 25 - (after - 10) // 10 * 10)
        self.assertEqual(read_tree(self.output), read_tree(whole))

    @parameterized.product(damage=(os.remove, flip_bit, lambda path: cut_file(path, 5)), name=(IMAGE, PART))
    def test_the_same_call_mends_what_is_damaged(self, damage, name):
        self.synthesize(**self.settings)
        before = read_tree(self.output)
        damage(os.path.join(self.output, name))
        self.assertEqual(self.count_drawn(**self.settings), 10)
        self.assertEqual(read_tree(self.output), before)

    @parameterized.parameters("train.txt", "charset.txt")
    def test_the_same_call_writes_again_what_no_line_has_to_be_drawn_for(self, name):
        self.synthesize(**self.settings)
        before = read_tree(self.output)
        os.remove(os.path.join(self.output, name))
        self.assertEqual(self.count_drawn(**self.settings), 0)
        self.assertEqual(read_tree(self.output), before)

    def test_overwrite_leaves_no_image_of_the_old_split_and_what_others_put_there(self):
        self.synthesize(lines=1025, lines_per_shard=1000, **self.settings)
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
    def test_files_that_nothing_vouches_for_are_not_replaced_unless_told(self, name):
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

    def test_a_charset_that_is_none_is_replaced_where_told(self):
        path = os.path.join(self.output, "charset.txt")
        os.makedirs(self.output)
        with open(path, "wb") as file:
            file.write(b"\xff\xfe")
        with user_error("charset.txt", "--overwrite"):
            self.synthesize(**self.settings)
        self.synthesize(overwrite=True, **self.settings)
        self.assertEqual(read_charset(path), CHARSET)

    def test_who_takes_images_for_records_is_told_to_convert_them(self):
        self.synthesize(**self.settings)
        told = f"^data set {self.output}: received image files .*convert with .*--image_root={self.output}"
        with self.assertRaisesRegex(UserError, told):
            load_dataset_info(self.output)

    def test_records_and_images_go_to_folders_of_their_own(self):
        self.synthesize(**self.settings)
        for overwrite in (False, True):
            with user_error(f"output {self.output}", "images.json", "--output"):
                self.synthesize(overwrite=overwrite)
            with user_error(f"output {self.output}", "images.json", "--output"):
                self.convert_images(output=self.output, overwrite=overwrite)
        self.assertEqual(self.count_drawn(**self.settings), 0)

    def test_a_second_split_has_the_first_ones_charset(self):
        self.synthesize(**self.settings)
        other = os.path.join(self.folder, "other.txt")
        Charset("abc").write(other)
        with user_error("charset (by SHA-256)", "--output"):
            self.synthesize(split="test", charset_path=other, text=("charset",), **self.settings)

    def test_nothing_is_drawn_where_images_find_no_space(self):
        with (
            mock.patch.object(storage, "free_bytes", return_value=1),
            self.assertRaisesRegex(UserError, "free space, expected about 0.1 MB for 25 rows as JPEG"),
        ):
            self.synthesize(**self.settings)


if __name__ == "__main__":
    tf.test.main()
