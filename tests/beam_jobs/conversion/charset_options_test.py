"""Conversions with a charset file of another kind."""

import os

import tensorflow as tf

from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.beam_jobs.conversion.conversion_case import ConversionTest
from tests.messages import user_error
from tests.samples import CHARSET, write_lines, write_list


class CharsetBlankTest(ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 4)
        self.charset = os.path.join(self.folder, "dictionary.txt")
        with open(self.charset, "w") as file:
            file.write("\n".join("0123"))

    def test_a_label_with_the_character_of_the_blanks_row_is_refused_and_says_so(self):
        write_list(self.folder, ["0.png\t12", "1.png\t20", "2.png\t3"])
        self.convert(charset_path=self.charset, max_reject_fraction=0.5)
        [[_, _, reason, detail]] = self.read_rejects()
        self.assertEqual(reason, "unknown_character")
        self.assertIn(
            "'0' is row 0 of the charset file, which stands for the blank: --charset_blank=none", detail
        )

    def test_a_dictionary_without_a_row_for_the_blank_converts_text_and_ids(self):
        write_list(self.folder, ["0.png\t0123", "1.png 0 3", "2.png\t10"])
        self.convert(charset_path=self.charset, charset_blank="none")
        self.assertEqual(load_dataset_info(self.output).charset.characters, "0123")
        self.assertEqual(self.read_labels(), {"0.png": [[0, 1, 2, 3]], "1.png": [[0, 3]], "2.png": [[1, 0]]})

    def test_another_row_for_the_blank_is_another_conversion(self):
        # With the same characters, ids of a list would mean others.
        write_list(self.folder, ["0.png 1 2"])
        with open(self.charset, "w") as file:
            file.write("<blank>\n0\n1\n2\n3\n")
        self.convert(charset_path=self.charset)
        with open(self.charset, "w") as file:
            file.write("0\n1\n2\n3\n")
        with user_error("split 'train'", "charset_blank none", "charset_blank None"):
            self.convert(charset_path=self.charset, charset_blank="none")


class WhiteSpaceTest(ConversionTest):
    def test_white_space_at_the_ends_of_labels_is_kept_and_said(self):
        write_lines(self.folder, 12)
        write_list(self.folder, [f"{n}.png\t{n} " for n in range(10)] + ["10.png\t b", "11.png\ta b"])
        with self.assertLogs(level="WARNING") as logs:
            self.convert()
        [message] = logs.output
        self.assertRegex(
            message, r"11 labels begin or end with white space, such as that of '\d+.png'; it is kept"
        )
        self.assertEqual(self.read_labels()["10.png"], [CHARSET.encode(" b")])
        statistics = load_dataset_info(self.output).find_split("train").statistics
        self.assertCountEqual(statistics, ["label_lengths", "widths", "characters"])


class NormalizeTest(ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 3)
        write_list(self.folder, ["0.png\te\u0301", "1.png\té", "2.png\t１"])
        self.charset = os.path.join(self.folder, "accents.txt")
        with open(self.charset, "w", encoding="utf-8") as file:
            file.write("<blank>\né\n1\n")

    def test_labels_that_only_normalising_fits_are_refused_with_the_flag(self):
        self.convert(charset_path=self.charset, max_reject_fraction=1.0)
        self.assertEqual(
            [row[3].rpartition("; ")[2] for row in self.read_rejects()],
            ["NFC would fit: --normalize=NFC", "NFKC would fit: --normalize=NFKC"],
        )
        self.assertNotIn("normalize", load_dataset_info(self.output).find_split("train").sources)

    def test_normalised_labels_fit_and_the_data_set_says_how_it_was_made(self):
        self.convert(charset_path=self.charset, normalize="NFKC")
        self.assertEqual(self.read_labels(), {"0.png": [[0]], "1.png": [[0]], "2.png": [[1]]})
        self.assertEqual(load_dataset_info(self.output).find_split("train").sources["normalize"], "NFKC")
        with user_error("split 'train'", "normalize NFC", "normalize NFKC"):
            self.convert(charset_path=self.charset, normalize="NFC")


if __name__ == "__main__":
    tf.test.main()
