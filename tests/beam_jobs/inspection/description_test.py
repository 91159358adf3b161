"""The description has the numbers of dataset.json."""

import contextlib
import dataclasses
import io
import os

import tensorflow as tf

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.inspection.config import DescribeConfig
from densenet_ocr.beam_jobs.inspection.job import describe, format_dataset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import REASONS, UserError
from tests.samples import CHARSET, conversion, convert_lines, write_lines, write_list


class DescriptionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def rows(self) -> dict[str, str]:
        """The rows of the description, their texts by their names."""
        rows = [line.strip().split("  ", 1) for line in format_dataset(**self.where()) if "  " in line.strip()]
        return {name: text.strip() for name, text in rows}

    def where(self) -> dict:
        info = load_dataset_info(os.path.join(self.folder, "data"))
        return {"folder": "data", "info": info, "splits": list(info.splits)}

    def describe(self, **changes) -> tuple[str, dict]:
        """What is printed, and the result."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            result = describe(DescribeConfig(data=os.path.join(self.folder, "data"), workers=1, **changes))
        return output.getvalue(), result

    def convert_some_refused(self) -> None:
        write_lines(self.folder, 12)
        write_list(self.folder, [f"{n}.png\t{n}" for n in range(12)] + ["12.png\t1", "13.png\t1", "14.png"])
        convert(conversion(self.folder, max_reject_fraction=1.0, image_encoding="uint8"), workers=1)

    def test_has_the_lines_and_the_charset(self):
        convert_lines(self.folder, 12)
        shown = self.rows()
        self.assertEqual(shown["lines"], "64x32 pixels, stored as float32, fit exact")
        self.assertEqual(shown["charset"], f"13 characters, SHA-256 {CHARSET.sha256}")
        self.assertEqual(shown["splits"], "train (12)")

    def test_has_the_account_of_rows(self):
        self.convert_some_refused()
        shown = self.rows()
        self.assertEqual(shown["rows"], "15 read = 12 written + 3 refused")
        self.assertEqual(shown["refused"], f"2 missing_image  {REASONS['missing_image']}")
        self.assertEqual(shown["1 no_label"], REASONS["no_label"])

    def test_has_shards_lengths_widths_and_characters(self):
        convert_lines(self.folder, 12, image_encoding="uint8")
        shown = self.rows()
        self.assertStartsWith(shown["shards"], "2 of ")
        self.assertEqual(shown["label lengths"], "1 to 2, median 1")
        self.assertEqual(shown["widths"], "all 64")
        self.assertEqual(shown["characters"], "10 of the charset's 13 occur, 3 never; 14 in all labels")
        self.assertStartsWith(shown["most frequent"], "'1' 4  '0' 2  '2' 1")
        self.assertStartsWith(shown["rarest"], "'9' 1  '8' 1")

    def test_has_the_sources_and_the_provenance(self):
        convert_lines(self.folder, 12, seed=7)
        text, (_, info, _) = "\n".join(format_dataset(**self.where())), self.where().values()
        split, provenance = info.splits["train"], info.provenance["train"]
        for source in split.sources:
            self.assertIn(f" {source} ", text)
        self.assertRegex(text, r"seed +7\n")
        for shown in (provenance["started"], "apache-beam 2.", os.path.basename(provenance["command"][0])):
            self.assertIn(shown, text)

    def test_a_split_without_lines_or_provenance_is_described_too(self):
        convert_lines(self.folder, 2)
        where = self.where()
        split = dataclasses.replace(where["info"].splits["train"], shards=(), read=0, statistics={})
        where["info"] = where["info"].with_split("train", split, {})
        text = "\n".join(format_dataset(**where))
        self.assertIn("0 read = 0 written + 0 refused", text)
        self.assertRegex(text, r"label lengths +none")

    def test_columns_are_aligned(self):
        self.convert_some_refused()
        lines = list(format_dataset(**self.where()))
        rows = lines[lines.index("split train") + 1 :]
        self.assertLen({line.index(text) for line in rows for text in ("15 read", "all 64") if text in line}, 1)

    def test_returns_the_counts_of_each_split(self):
        self.convert_some_refused()
        _, result = self.describe()
        size = sum(shard.bytes for shard in self.where()["info"].splits["train"].shards)
        counts = {"read": 15, "written": 12, "refused": {"missing_image": 2, "no_label": 1}}
        self.assertEqual(
            result,
            {
                "data": os.path.join(self.folder, "data"),
                "splits": {"train": {**counts, "shards": 2, "bytes": size}},
                "verified": None,
            },
        )
        self.assertIs(self.describe(verify=True)[1]["verified"], True)

    def test_one_split_can_be_named(self):
        convert_lines(self.folder, 4)
        convert(conversion(self.folder, split="test"), workers=1)
        self.assertEqual(list(self.describe()[1]["splits"]), ["test", "train"])
        text, result = self.describe(split="test")
        self.assertEqual(list(result["splits"]), ["test"])
        self.assertNotIn("split train", text)
        with self.assertRaisesRegex(UserError, "split: received 'dev', expected .*: test, train"):
            self.describe(split="dev")

    def test_a_data_set_without_a_whole_split_is_refused(self):
        convert_lines(self.folder, 2)
        data = os.path.join(self.folder, "data")
        load_dataset_info(data).without_split("train").save(data)
        with self.assertRaisesRegex(UserError, "received no complete split"):
            self.describe()


if __name__ == "__main__":
    tf.test.main()
