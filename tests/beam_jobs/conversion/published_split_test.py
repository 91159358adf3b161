"""A published split: kept, repaired, or replaced with --overwrite; a second split beside it."""

import os
import shutil
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.beam_jobs.damage import cut_file, flip_bit
from tests.messages import user_error
from tests.samples import CHARSET, conversion, draw_levels, encode_image, write_lines, write_list


class DataSetTest(parameterized.TestCase, ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 12)
        self.convert()

    def names(self) -> list[str]:
        return sorted(os.listdir(self.output))

    def test_the_same_command_keeps_a_published_split(self):
        before = read_folder(self.output)
        with mock.patch.object(images, "read_file", side_effect=AssertionError("read again")):
            result = self.convert()
        self.assertEqual((result["read"], result["written"], result["shards"]), (12, 12, 2))
        self.assertEqual(read_folder(self.output), before)

    @parameterized.named_parameters(
        ("gone", os.remove), ("cut", cut_file), ("flipped", flip_bit), ("empty", lambda path: cut_file(path, 0))
    )
    def test_the_same_command_repairs_a_split_whose_shard_is(self, damage):
        before = read_folder(self.output)
        damage(os.path.join(self.output, "train-00001-of-00002.tfrecord"))
        self.convert()
        self.assertEqual(read_folder(self.output), before)

    def test_a_shard_is_not_repaired_from_changed_images(self):
        shard = os.path.join(self.output, "train-00001-of-00002.tfrecord")
        os.remove(shard)
        for number in range(12):
            with open(os.path.join(self.folder, f"{number}.png"), "wb") as file:
                file.write(encode_image(draw_levels(number + 100)))
        with user_error(f"shard {shard}", "other bytes", "Images have changed", "--overwrite"):
            self.convert()

    @parameterized.named_parameters(
        ("a_setting", {"seed": 1}, "seed 1", "seed 0"),
        (
            "settings",
            {"lines_per_shard": 3, "duplicates": "keep"},
            "lines_per_shard 3, duplicates keep",
            "lines_per_shard 8, duplicates last",
        ),
        ("the_fit", {"fit": "pad"}, "fit pad", "fit exact"),
        ("the_encoding", {"image_encoding": "uint8"}, "image_encoding uint8", "image_encoding float32"),
    )
    def test_a_published_split_is_replaced_only_with_overwrite(self, changes, received, expected):
        before = read_folder(self.output)
        with user_error(f"split 'train' of {self.output}", received, expected, "--overwrite", "--output"):
            self.convert(**changes)
        self.assertEqual(read_folder(self.output), before)
        self.convert(overwrite=True, **changes)

    @parameterized.parameters(5, 100)
    def test_overwrite_replaces_the_split_and_leaves_no_shard_of_the_old_one(self, lines_per_shard):
        write_lines(self.folder, 15)
        self.convert(overwrite=True, lines_per_shard=lines_per_shard)
        shards = [shard.name for shard in load_dataset_info(self.output).find_split("train").shards]
        self.assertEqual(self.names(), sorted(["dataset.json", "train.rejects.tsv", *shards]))
        self.assertLen(self.read_lines(), 15)

    @parameterized.named_parameters(
        ("without_a_list", {"list_paths": ("none.txt",)}, []),
        ("with_a_list_of_no_rows", {"list_paths": (os.devnull,)}, []),
        ("without_images", {"image_root": "none"}, []),
        ("with_an_option_that_beam_does_not_know", {}, ["--runer=FlinkRunner"]),
    )
    def test_overwrite_keeps_the_old_split_where_the_new_one_cannot_begin(self, changes, beam_arguments):
        before = read_folder(self.output)
        with self.assertRaises(UserError):
            convert(
                conversion(self.folder, overwrite=True, **changes), workers=1, beam_arguments=beam_arguments
            )
        self.assertEqual(read_folder(self.output), before)

    def test_overwrite_keeps_the_old_split_without_disk_space(self):
        before = read_folder(self.output)
        with mock.patch.object(storage, "free_bytes", return_value=1), self.assertRaises(UserError):
            self.convert(overwrite=True)
        self.assertEqual(read_folder(self.output), before)

    def test_overwrite_leaves_other_splits_as_they_are(self):
        self.convert(split="test")
        before = read_folder(self.output)
        self.convert(overwrite=True, lines_per_shard=3)
        after = read_folder(self.output)
        for name in before:
            if name.startswith("test"):
                self.assertEqual(after[name], before[name])
        info = load_dataset_info(self.output)
        self.assertEqual(list(info.splits), ["test", "train"])
        self.assertEqual(list(info.provenance), ["test", "train"])
        self.assertLen(self.read_lines(split="test"), 12)

    def test_overwrite_of_the_only_split_may_change_what_splits_share(self):
        Charset("9876543210").write(os.path.join(self.folder, "charset.txt"))
        self.convert(overwrite=True, image_encoding="uint8")
        info = load_dataset_info(self.output)
        self.assertEqual((info.charset.characters, info.image_encoding), ("9876543210", "uint8"))

    def assert_refuses_to_join(self, subject: str, received: str, expected: str, **changes):
        before = read_folder(self.output)
        with user_error(f"data set {self.output}: {subject}", received, expected, "split train", "--output"):
            self.convert(split="test", **changes)
        self.assertEqual(read_folder(self.output), before)

    def test_a_second_split_has_the_first_ones_charset(self):
        other = Charset("0123456789 ab")
        other.write(os.path.join(self.folder, "other.txt"))
        path = os.path.join(self.folder, "other.txt")
        self.assert_refuses_to_join("charset (by SHA-256)", other.sha256, CHARSET.sha256, charset_path=path)

    def test_a_second_split_has_the_first_ones_size(self):
        self.assert_refuses_to_join("image size", "72x32", "64x32", image_width=72)

    def test_a_second_split_has_the_first_ones_encoding(self):
        self.assert_refuses_to_join("image encoding", "uint8", "float32", image_encoding="uint8")

    def test_unknown_files_are_replaced_only_with_overwrite(self):
        before = read_folder(self.output)
        os.remove(os.path.join(self.output, "dataset.json"))
        names = self.names()
        first = "train-00000-of-00002.tfrecord"
        with user_error(f"output {self.output}", "3 files of split 'train'", first, "--overwrite"):
            self.convert()
        self.assertEqual(self.names(), names)
        self.convert(overwrite=True)
        self.assertEqual(read_folder(self.output), before)

    def test_temporary_files_are_removed(self):
        before = read_folder(self.output)
        for name in ("train-00003-of-00007.tfrecord.tmp-0a1b2c3d", "dataset.json.tmp-0a1b2c3d"):
            shutil.copy(os.path.join(self.folder, "train.txt"), os.path.join(self.output, name))
        self.convert(overwrite=True)
        self.assertEqual(read_folder(self.output), before)

    def test_a_published_split_with_more_refusals_than_allowed_is_an_error(self):
        write_list(self.folder, [*(f"{n}.png 1" for n in range(9)), "none.png 1"])
        self.convert(overwrite=True, max_reject_fraction=0.1)
        with self.assertRaisesRegex(
            UserError, "received 1 of 10 refused .10.00%: 1 missing_image., the first: .*none.png.*at most 0"
        ):
            self.convert(max_reject_fraction=0.0)
        self.assertEqual(list(load_dataset_info(self.output).splits), ["train"])

    @parameterized.named_parameters(
        ("gone", os.remove, "no such file"),
        ("changed", lambda path: cut_file(path, 2), "other bytes than were written"),
    )
    def test_a_lost_rejects_file_is_an_error(self, damage, received):
        write_list(self.folder, [*(f"{n}.png 1" for n in range(9)), "none.png 1"])
        self.convert(overwrite=True, max_reject_fraction=0.1)
        path = os.path.join(self.output, "train.rejects.tsv")
        damage(path)
        with self.assertRaisesRegex(UserError, f"^rejects {path}: received {received}, .* with --overwrite"):
            self.convert(max_reject_fraction=0.1)

    def test_a_failing_runner_is_found_before_the_old_split_is_removed(self):
        before = read_folder(self.output)
        for arguments, received in (
            (["--runner=Nonsense"], "Beam options after --: received --runner=Nonsense"),
            (
                ["--runner=PortableRunner"],
                "runner PortableRunner: received NotImplementedError: You must specify",
            ),
        ):
            with self.assertRaisesRegex(UserError, f"^{received}"):
                convert(
                    conversion(self.folder, overwrite=True),
                    workers=1,
                    beam_arguments=arguments,
                    remote=RemoteConfig(shared_folders=(self.folder,)),
                )
        self.assertEqual(read_folder(self.output), before)

    def test_refuses_a_data_set_whose_description_is_damaged(self):
        with open(os.path.join(self.output, "dataset.json"), "w") as file:
            file.write("{")
        with self.assertRaisesRegex(
            UserError, "dataset.json: received JSONDecodeError.*delete it and convert every split"
        ):
            self.convert(split="test")


if __name__ == "__main__":
    tf.test.main()
