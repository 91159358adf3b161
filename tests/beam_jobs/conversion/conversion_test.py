"""What conversions write, read back."""

import hashlib
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.messages import user_error
from tests.samples import CHARSET, conversion, draw_levels, encode_image, write_lines, write_list


class RecordsTest(ConversionTest):
    def test_pixels_and_labels_read_back_as_they_were_drawn(self):
        write_lines(self.folder, 20)
        result = self.convert()
        lines = self.read_lines()
        self.assertLen(lines, 20)
        for number in range(20):
            [(image, label)] = lines[f"{number}.png"]
            self.assertEqual(image.tobytes(), images.normalise(draw_levels(number)).tobytes())
            self.assertEqual(label, [int(digit) for digit in str(number)])
        self.assertContainsSubset(
            {"split": "train", "read": 20, "written": 20, "refused": {}, "shards": 3}, result
        )

    def test_inverted_lines_become_the_records_of_those_that_are_not(self):
        write_lines(self.folder, 4)
        for number in range(4):
            levels = np.full((32, 64), 200 + number, np.uint8)
            levels[8:24, 8:50:6] = 30
            for name, drawn in ((f"{number}.png", levels), (f"dark/{number}.png", 255 - levels)):
                os.makedirs(os.path.dirname(os.path.join(self.folder, name)), exist_ok=True)
                with open(os.path.join(self.folder, name), "wb") as file:
                    file.write(encode_image(drawn))
        other = os.path.join(self.folder, "inverted")
        self.convert()
        self.convert(output=other, image_root=os.path.join(self.folder, "dark"), invert="auto")
        self.assertEqual(
            [shard.crc32c for shard in load_dataset_info(other).splits["train"].shards],
            [shard.crc32c for shard in load_dataset_info(self.output).splits["train"].shards],
        )
        self.assertEqual(load_dataset_info(other).invert, "auto")
        with user_error(f"data set {other}: invert", "received never", "auto", "--output"):
            self.convert(output=other, split="test")

    def test_uint8_and_float32_read_back_bit_identical(self):
        write_lines(self.folder, 10)
        outputs = {encoding: os.path.join(self.folder, encoding) for encoding in ("uint8", "float32")}
        for encoding, output in outputs.items():
            self.convert(output=output, image_encoding=encoding)
        levels, floats = (self.read_lines(output) for output in outputs.values())
        self.assertEqual(list(levels), list(floats))
        for key in levels:
            self.assertEqual(levels[key][0][0].tobytes(), floats[key][0][0].tobytes())
            self.assertEqual(levels[key][0][1], floats[key][0][1])

    def test_rows_of_ids_and_of_text_and_odd_rows_become_records(self):
        write_lines(self.folder, 4)
        rows = ["\ufeff0.png 1 2\r", "", "1.png\tb a\r", " .\\2.png  3 ", "./3.png\t4 "]
        write_list(self.folder, rows)
        self.convert()
        expected = {"0.png": "01", "1.png": "b a", ".\\2.png": "2", "./3.png": "4 "}
        self.assertEqual(self.read_labels(), {key: [CHARSET.encode(text)] for key, text in expected.items()})

    def test_another_run_writes_the_same_bytes(self):
        write_lines(self.folder, 12)
        write_list(self.folder, [f"{n}.png 1" for n in range(12)] + ["none.png 1", "0.png 2"])
        outputs = [os.path.join(self.folder, name) for name in ("one", "two")]
        for output in outputs:
            self.convert(output=output, max_reject_fraction=1.0)
        self.assertEqual(*map(read_folder, outputs))

    def test_another_seed_has_another_order(self):
        write_lines(self.folder, 12)
        orders = []
        for seed in (0, 1):
            self.convert(seed=seed, overwrite=True)
            orders.append(list(self.read_lines()))
        self.assertNotEqual(*orders)
        self.assertCountEqual(*orders)

    def test_a_finished_folder_holds_shards_rejects_and_description_alone(self):
        write_lines(self.folder, 12)
        self.convert()
        self.assertEqual(
            sorted(os.listdir(self.output)),
            [
                "dataset.json",
                "train-00000-of-00002.tfrecord",
                "train-00001-of-00002.tfrecord",
                "train.rejects.tsv",
            ],
        )
        self.assertEqual(self.read_rejects(), [])

    def test_the_description_has_statistics_and_sources(self):
        write_lines(self.folder, 12)
        self.convert(seed=3)
        info = load_dataset_info(self.output)
        split = info.find_split("train")
        self.assertEqual((info.charset, info.geometry), (CHARSET, Geometry(32, 64)))
        self.assertEqual([shard.records for shard in split.shards], [8, 4])
        self.assertEqual(split.statistics["label_lengths"], {"1": 10, "2": 2})
        self.assertEqual(split.statistics["widths"], {"64": 12})
        self.assertEqual(
            split.statistics["characters"], {str(k): 4 if k == 1 else 2 if k == 0 else 1 for k in range(10)}
        )
        with open(os.path.join(self.folder, "train.txt"), "rb") as file:
            sha256 = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(
            split.sources,
            {
                "lists (by SHA-256)": [sha256],
                "list_encoding": "utf-8",
                "image_root": self.folder,
                "lines_per_shard": 8,
                "seed": 3,
                "duplicates": "last",
                "validation_fraction": 0.0,
            },
        )
        self.assertContainsSubset(["command", "started", "packages"], info.provenance["train"])


class ConfigTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("split", "a-b", "letters"),
        ("split", "", "letters"),
        ("split", "../x", "letters"),
        ("split", "train\n", "letters"),
        ("lines_per_shard", 0, "1 or more"),
        ("seed", -1, "0 or more"),
        ("seed", 2**63, "9223372036854775807"),
        ("max_reject_fraction", 1.01, "at most 1"),
        ("max_reject_fraction", -0.5, "0 or more"),
        ("max_reject_fraction", float("nan"), "at most 1"),
        ("duplicates", "all", "last, first, refuse, keep"),
        ("fit", "crop", "exact, resize, pad"),
        ("image_encoding", "png", "float32, uint8"),
        ("validation_fraction", 1.0, "less than 1"),
        ("validation_fraction", -0.1, "0 or more"),
    )
    def test_refuses_a_wrong_value(self, name, value, expected):
        with user_error(name, repr(value), expected, f"--{name}"):
            conversion("/none", **{name: value})

    @parameterized.parameters(
        ("image_height", 6, "image height: received 6, expected at least 7 pixels"),
        ("image_width", 6, "image width: received 6, expected at least 7 pixels"),
        (
            "list_encoding",
            "utf-16",
            "list encoding: received 'utf-16', expected a text encoding that Python knows and that holds ASCII",
        ),
    )
    def test_refuses_an_encoding_or_size_that_cannot_be(self, name, value, message):
        with self.assertRaisesRegex(UserError, f"^{message}"):
            conversion("/none", **{name: value})

    def test_refuses_validation_as_name_of_the_other_split(self):
        with self.assertRaisesRegex(UserError, "^split: received 'validation', expected another split"):
            conversion("/none", split="validation", validation_fraction=0.1)

    @parameterized.parameters(
        ({"list_paths": ()}, "none"),
        ({"lmdb_path": "lines.lmdb"}, "--list and --lmdb"),
    )
    def test_input_is_named_in_one_way(self, changes, received):
        with user_error("input", received, "either --list or --lmdb"):
            conversion("/none", **changes)

    def test_the_default_is_the_notebooks_size(self):
        given = conversion("/none", image_width=280)
        self.assertEqual(given.geometry, Geometry())
        self.assertEqual(
            (given.image_encoding, given.max_reject_fraction, given.duplicates), ("float32", 0.01, "last")
        )


if __name__ == "__main__":
    tf.test.main()
