"""Conversions with --charset=auto."""

import itertools
import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.messages import user_error
from tests.samples import write_lines, write_list


class AutoTest(ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 6)
        write_list(self.folder, ["0.png\tba", "1.png\ta春", "2.png\té b ", "3.png\tab"])

    def convert(self, **changes) -> dict:
        return super().convert(**{"charset_path": "auto", "list_format": "auto", **changes})

    def read_charset(self) -> str:
        return load_dataset_info(self.output).charset.characters

    def test_the_charset_has_the_characters_of_the_labels_by_code_point_and_lies_beside_the_data(self):
        self.assertEqual(self.convert()["refused"], {})
        self.assertEqual(self.read_charset(), " abé春")
        self.assertEqual(read_charset(os.path.join(self.output, "charset.txt")), Charset(" abé春"))
        self.assertEqual(self.read_labels()["2.png"], [Charset(" abé春").encode("é b ")])

    def test_rows_with_rare_characters_are_refused_and_counted(self):
        result = self.convert(charset_min_count=2, max_reject_fraction=0.5)
        self.assertEqual(self.read_charset(), "ab")
        self.assertEqual((result["written"], result["refused"]), (2, {"unknown_character": 2}))

    def test_controls_are_no_classes_and_rows_with_them_are_refused_with_advice(self):
        rows = ["0.png\tab\t0.98", "1.png\ta\0b", "2.png\ta\ufeffb", "3.png\ta\x85b", "4.png\tab", "5.png\tba"]
        write_list(self.folder, rows)
        with self.assertLogs(level="WARNING") as logs:
            result = self.convert(list_format="text", max_reject_fraction=0.9)
        self.assertIn(r"'\t' (U+0009) 1 times, '\x85' (U+0085) 1 times", logs.output[0])
        self.assertEqual(self.read_charset(), ".089ab")
        self.assertEqual((result["written"], result["refused"]), (2, {"unknown_character": 4}))
        details = [detail for *_, detail in self.read_rejects()]
        self.assertIn("cut -f1,2 takes the first two", next(d for d in details if "U+0009" in d))
        self.assertLen([d for d in details if d.endswith("remove them from the label")], 3)

    def test_characters_that_show_nothing_are_kept_and_warned_of_but_for_joiners(self):
        write_list(self.folder, ["0.png\ta\u200bb", "1.png\ta\u200b\u2060b", "2.png\ta\u200d\u200cb"])
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(self.convert()["refused"], {})
        self.assertEqual(self.read_charset(), "ab\u200b\u200c\u200d\u2060")
        self.assertEndsWith(logs.output[0], r"'\u200b' (U+200B) 2 times, '\u2060' (U+2060) 1 times")

    def test_labels_are_normalised_before_they_are_counted(self):
        write_list(self.folder, ["0.png\te\u0301", "1.png\t１"])
        self.convert(normalize="NFKC")
        self.assertEqual(self.read_charset(), "1é")

    def test_a_second_split_takes_the_charset_of_the_first(self):
        self.convert()
        write_list(self.folder, ["4.png\tab", "5.png\tabc"])
        with self.assertLogs(level="INFO") as logs:
            result = self.convert(split="test", max_reject_fraction=0.5)
        self.assertIn("charset: the 5 characters of the data set", "\n".join(logs.output))
        self.assertEqual((result["written"], result["refused"]), (1, {"unknown_character": 1}))

    def test_the_same_command_resumes_and_keeps(self):
        rows = [f"{n}.png\t{n}{chr(97 + n)}" for n in range(6)]
        write_list(self.folder, rows)
        settings = {"lines_per_shard": 2, "validation_fraction": 0.4}
        whole = os.path.join(self.folder, "whole")
        self.convert(output=whole, **settings)
        read, left = images.read_file, itertools.count(3, -1)

        def read_three(path: str) -> bytes:
            if not next(left):
                raise KeyboardInterrupt
            return read(path)

        with (
            mock.patch.object(images, "read_file", read_three),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.convert(**settings)
        for _ in range(2):
            self.convert(**settings)
            self.assertEqual(read_folder(self.output), read_folder(whole))

    def test_ids_have_no_characters(self):
        write_list(self.folder, ["0.png 1 2", "1.png 3"])
        with user_error("charset auto", "a row of ids", "train.txt:1", "--charset=FILE"):
            self.convert(list_format="ids")

    def test_another_charset_in_the_folder_is_not_replaced(self):
        os.makedirs(self.output)
        Charset("xyz").write(os.path.join(self.output, "charset.txt"))
        with user_error("output", "charset.txt", "--overwrite"):
            self.convert()

    def test_options_of_auto_and_of_files_exclude_each_other(self):
        with user_error("charset_min_count", "2", "1 without --charset=auto", "Leave --charset_min_count out"):
            self.convert(charset_path="charset.txt", charset_min_count=2)
        with user_error("charset_blank", "none", "first_row with --charset=auto"):
            self.convert(charset_blank="none")


if __name__ == "__main__":
    tf.test.main()
