"""dataset.json: what it holds, and when a reader refuses."""

import dataclasses
import json
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo, SplitInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging.fitting import FITS

SPLIT = SplitInfo(
    shards=(ShardInfo("t-00000-of-00002.tfrecord", 3, 900, "0000abcd"), ShardInfo("t-1", 2, 600, "00000001")),
    read=8,
    refused={"bad_id": 2, "missing_image": 1},
    statistics={"label_lengths": {"1": 3, "2": 2}, "widths": {"64": 5}, "characters": {"0": 7}},
    sources={"list_sha256": "ab", "seed": 0},
)
SHARD = {"name": "t", "records": 5, "bytes": 900, "crc32c": "0000abcd"}
INFO = DatasetInfo(
    Charset('a春 \u2028"'), Geometry(32, 64), "uint8", {"train": SPLIT}, {"train": {"seconds": 1}}
)


class DatasetInfoTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def save_changed(self, **changes):
        """Writes INFO's dataset.json with other fields."""
        with open(os.path.join(self.folder, "dataset.json"), "w", encoding="utf-8") as file:
            json.dump({**json.loads(INFO.to_json()), **changes}, file)

    def test_what_is_saved_loads_again(self):
        INFO.save(self.folder)
        self.assertEqual(load_dataset_info(self.folder), INFO)
        self.assertEqual(os.listdir(self.folder), ["dataset.json"])

    def test_the_file_says_what_a_reader_of_json_needs(self):
        content = json.loads(INFO.to_json())
        self.assertContainsSubset(
            {
                "schema_version": 1,
                "image_height": 32,
                "image_width": 64,
                "image_encoding": "uint8",
                "fit": "exact",
                "frame_stride": 8,
                "charset": 'a春 \u2028"',
                "charset_sha256": INFO.charset.sha256,
                "provenance": {"train": {"seconds": 1}},
            },
            content,
        )
        self.assertContainsSubset(
            {"read": 8, "written": 5, "refused": {"bad_id": 2, "missing_image": 1}}, content["splits"]["train"]
        )
        self.assertEqual(
            content["splits"]["train"]["shards"][0],
            {"name": "t-00000-of-00002.tfrecord", "records": 3, "bytes": 900, "crc32c": "0000abcd"},
        )

    @parameterized.parameters(*FITS)
    def test_fit_and_natural_width_load_again(self, fit):
        info = dataclasses.replace(INFO, fit=fit, geometry=Geometry(32, 0))
        info.save(self.folder)
        self.assertEqual(load_dataset_info(self.folder), info)
        self.assertEqual(load_dataset_info(self.folder).fit, fit)

    def test_the_inversion_loads_again(self):
        info = dataclasses.replace(INFO, invert="auto")
        info.save(self.folder)
        self.assertEqual(load_dataset_info(self.folder), info)

    def test_refuses_a_fit_that_is_not_known(self):
        with self.assertRaisesRegex(
            UserError, "^fit: received 'crop', expected exact, resize, pad. Set --fit.$"
        ):
            dataclasses.replace(INFO, fit="crop")

    def test_a_description_without_a_fit_is_of_exact_lines(self):
        older = json.loads(INFO.to_json())
        del older["fit"]
        storage.write_atomically(os.path.join(self.folder, "dataset.json"), json.dumps(older).encode())
        self.assertEqual(load_dataset_info(self.folder), INFO)

    @parameterized.parameters(7, 9, 0)
    def test_rows_read_are_rows_written_and_refused(self, read):
        with self.assertRaisesWithLiteralMatch(ValueError, f"{read} rows read, but 5 written and 3 refused"):
            dataclasses.replace(SPLIT, read=read)

    def test_splits_are_sorted_by_name(self):
        added = INFO.with_split("a", SPLIT, {"seconds": 2}).with_split("z", SPLIT, {"seconds": 3})
        self.assertEqual(list(added.splits), ["a", "train", "z"])
        self.assertEqual(list(added.provenance), ["a", "train", "z"])

    def test_a_split_added_and_removed_leaves_the_others(self):
        added = INFO.with_split("test", SPLIT, {"seconds": 2})
        self.assertEqual(added.find_split("test"), SPLIT)
        self.assertEqual(added.without_split("test"), INFO)

    def test_with_split_replaces_a_split_of_the_same_name(self):
        other = dataclasses.replace(SPLIT, read=6, refused={"bad_id": 1})
        replaced = INFO.with_split("train", other, {"seconds": 9})
        self.assertEqual(replaced.splits, {"train": other})
        self.assertEqual(replaced.provenance, {"train": {"seconds": 9}})

    def test_refuses_a_missing_split(self):
        with self.assertRaisesRegex(UserError, "^split: received 'test', expected .* splits: train"):
            INFO.find_split("test")

    def test_says_that_there_are_no_splits(self):
        with self.assertRaisesRegex(UserError, "received 'train', expected .* splits: it has none"):
            INFO.without_split("train").find_split("train")

    def test_refuses_an_unknown_encoding(self):
        with self.assertRaisesRegex(UserError, "image encoding: received 'int4', expected float32 or uint8"):
            dataclasses.replace(INFO, image_encoding="int4")

    def test_refuses_a_folder_without_metadata(self):
        with self.assertRaisesRegex(
            UserError, f"^data set {self.folder}: received no dataset.json.*ocr-convert with --output"
        ):
            load_dataset_info(self.folder)

    def assert_refused(self, received: str):
        with self.assertRaises(UserError) as caught:
            load_dataset_info(self.folder)
        message = str(caught.exception)
        self.assertStartsWith(message, f"data set {self.folder}/dataset.json: received {received}")
        self.assertRegex(message, "schema version 1.*--overwrite")

    @parameterized.named_parameters(
        ("cut_off", INFO.to_json()[:-40].encode(), "JSONDecodeError: "),
        ("empty", b"", "JSONDecodeError: "),
        ("another_json", b"[]", "ValueError: list in place of an object"),
        ("without_fields", b"{}", "KeyError: 'schema_version'"),
        ("not_utf8", b"\xff\xfe{", "UnicodeDecodeError: "),
    )
    def test_refuses_damaged_metadata(self, data, received):
        with open(os.path.join(self.folder, "dataset.json"), "wb") as file:
            file.write(data)
        self.assert_refused(received)

    def test_refuses_another_schema_version(self):
        self.save_changed(schema_version=2)
        self.assert_refused("ValueError: schema version 2")

    def test_refuses_a_frame_stride_that_no_network_has(self):
        self.save_changed(frame_stride=5)
        self.assert_refused("ValueError: frame_stride 5 in place of 8 or 4")

    def test_refuses_a_charset_that_is_not_the_hashed_one(self):
        self.save_changed(charset="b春 ")
        self.assert_refused("ValueError: the charset does not match its hash")

    def test_refuses_counts_that_do_not_add_up(self):
        split = {**json.loads(INFO.to_json())["splits"]["train"], "read": 9}
        self.save_changed(splits={"train": split})
        self.assert_refused("ValueError: 9 rows read, but 5 written and 3 refused")

    @parameterized.parameters(
        ({"written": 4}, "4 lines written, but 5 records in the shards"),
        ({"statistics": {"label_lengths": {"1": 4}}}, "statistics of another number of lines than 5"),
        ({"statistics": {"widths": {"64": 6}}}, "statistics of another number of lines than 5"),
    )
    def test_refuses_sums_that_are_not_those_of_the_shards(self, changes, received):
        split = {**json.loads(INFO.to_json())["splits"]["train"], **changes}
        self.save_changed(splits={"train": split})
        self.assert_refused(f"ValueError: {received}")

    @parameterized.parameters(
        ({"invert": "foo"}, "invert 'foo'"),
        ({"fit": "crop"}, "fit 'crop'"),
        ({"image_encoding": "int4"}, "image encoding 'int4'"),
        ({"image_height": 10**9}, "image size 64x1000000000 pixels"),
        ({"image_width": 3}, "image width 3"),
        ({"charset": "aa"}, "charset duplicated characters"),
    )
    def test_names_the_file_and_no_flag_for_a_value_that_cannot_be(self, changes, received):
        self.save_changed(**changes)
        self.assert_refused(f"ValueError: {received}")
        with self.assertRaises(UserError) as caught:
            load_dataset_info(self.folder)
        self.assertNotIn("Set --", str(caught.exception))

    def test_refuses_a_shard_without_its_size(self):
        split = {**json.loads(INFO.to_json())["splits"]["train"], "shards": [{"name": "t", "records": 5}]}
        self.save_changed(splits={"train": split})
        self.assert_refused("TypeError: ")

    @parameterized.parameters(
        ({"name": "../outside.tfrecord"}, "a shard named '../outside.tfrecord'"),
        ({"name": "/data/outside.tfrecord"}, "a shard named '/data/outside.tfrecord'"),
        ({"name": ".."}, "a shard named '..'"),
        ({"name": None}, "a shard named None"),
        ({"bytes": 4}, "a shard of 5 records in 4 bytes"),
        ({"records": 10**15, "bytes": 10**9}, "a shard of 1000000000000000 records in 1000000000 bytes"),
        ({"records": 5.0}, "a shard of 5.0 records"),
        ({"bytes": True}, "a shard of 5 records in True bytes"),
    )
    def test_refuses_shards_elsewhere_or_of_absurd_sizes(self, changes, received):
        split = json.loads(INFO.to_json())["splits"]["train"]
        self.save_changed(splits={"train": {**split, "shards": [{**SHARD, **changes}]}})
        self.assert_refused(f"ValueError: {received}")

    @parameterized.parameters(
        ({"widths": {"1000000000": 5}}, "ValueError: a line 1000000000 pixels wide in split train"),
        ({"widths": {"64": -5}}, "ValueError: widths: a number that is no count"),
        ({"widths": {"wide": 5}}, "ValueError: "),
        ({"characters": {"0": "many"}}, "ValueError: characters: a number that is no count"),
    )
    def test_refuses_absurd_statistics(self, statistics, received):
        split = json.loads(INFO.to_json())["splits"]["train"]
        self.save_changed(splits={"train": {**split, "statistics": statistics}})
        self.assert_refused(received)

    def test_refuses_a_split_whose_files_would_lie_elsewhere(self):
        split = json.loads(INFO.to_json())["splits"]["train"]
        self.save_changed(splits={"../train": split})
        self.assert_refused("ValueError: a split named '../train'")

    @parameterized.parameters((10**9, 64), (4096, 10**6), (32.5, 64), ("32", 64))
    def test_refuses_an_absurd_size(self, height, width):
        self.save_changed(image_height=height, image_width=width)
        with self.assertRaisesRegex(UserError, "received"):
            load_dataset_info(self.folder)

    def test_refuses_json_that_would_fill_the_memory_or_the_stack(self):
        path = os.path.join(self.folder, "dataset.json")
        storage.write_atomically(path, b"[" * 10**6)
        self.assert_refused("ValueError: JSON that is nested too deeply")
        with open(path, "wb") as file:
            file.truncate(10**10)
        self.assert_refused("ValueError: 10,000,000,000 bytes")


if __name__ == "__main__":
    tf.test.main()
