"""What the entries of a list mean is decided once per list, and doubtful lists are refused."""

from absl.testing import absltest, parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.lists.detection import find_format, reads_as_mixed
from densenet_ocr.pipeline.lists.opening import open_list
from densenet_ocr.pipeline.lists.rows import encode_entry
from tests.messages import user_error

# As of char_std_5990, with digits and without a space: 100 characters.
CHARSET = Charset("0123456789" + "".join(map(chr, range(0x4E00, 0x4E00 + 90))))
ENGLISH = Charset("0123456789 abcdefghijklmnopqrstuvwxyz")


class DetectionTest(parameterized.TestCase):
    def write(self, *rows: str) -> str:
        return self.create_tempfile("train.txt", "".join(f"{row}\n" for row in rows)).full_path

    def read(self, *rows: str, charset: Charset = CHARSET, **options) -> tuple[str, list[str]]:
        """Name of the format, and the text or reason of each entry."""
        path, labels = self.write(*rows), []
        list_format = find_format(path, ListConfig(**options), charset)
        entries = open_list(path, list_format, encoding="utf-8", image_root="/")
        for offset in entries.scan()[0].tolist():
            try:
                labels.append(charset.decode(encode_entry(entries.parse(offset), charset).label))
            except Refused as refusal:
                labels.append(refusal.reason)
        return list_format.name, labels

    @parameterized.parameters(
        (["0.jpg 11 12", "1.jpg 20", "2.jpg 3 4", "3.jpg 9999 1"], "ids", ["一丁", "三", "23", "bad_id"]),
        (["0.jpg\t20", "1.jpg 20", "2.jpg\t一", "3.jpg\t7"], "text", ["20", "no_label", "一", "7"]),
        (["0.jpg 一", "1.jpg 20", "2.jpg 丁", "3.jpg\t7"], "space", ["一", "20", "丁", "bad_row"]),
        (["0.jpg 999 1", "1.jpg 888 2"], "ids", ["bad_id", "bad_id"]),
        (["0.jpg", "1.jpg"], "text", ["no_label", "no_label"]),
        (["filename,words", '0.jpg,"2,0"', "1.jpg,20"], "csv", ["unknown_character", "20"]),
        (["Filename\tText", "0.jpg\t20"], "csv", ["20"]),
        (["filename,words", '0.jpg,"20', "1.jpg,7", '2.jpg,8"', "3.jpg,9"], "csv",
         ["bad_row", "7", "bad_row", "9"]),
        (["filename,words", '0.jpg, "20"', '1.jpg,7 "8"', '2.jpg,"7" 8', '3.jpg,"7",9', '"4.jpg","7"'], "csv",
         ["bad_row"] * 4 + ["7"]),
        (["filename, words", '0.jpg, "20"', "1.jpg, 7", "2.jpg,8"], "csv", ["20", "7", "8"]),
        (['{"filename": "0.jpg", "text": "20"}'], "jsonl", ["20"]),
        (['{"image": "0.jpg", "ground_truth": "{\\"gt_parse\\": {\\"a\\": 1}}"}'], "jsonl", ["bad_row"]),
        (["path;gt", '0.jpg;"[{""text"": ""20""}]"', "1.jpg;7"], "csv", ["bad_row", "7"]),
        (['{"img": "0.jpg", "label": "20"}', "1.jpg 20", '{"img": "2.jpg", "label": 20}'], "jsonl",
         ["20", "bad_row", "bad_row"]),
        (['{"0.jpg": "20", "1.jpg": "7"}'], "json", ["20", "7"]),
        (["{", '"0.jpg": "20",', '"0.jpg": "7"', "}"], "json", ["20", "7"]),
        (['[{"path": "0.jpg", "gt": "20"},', '{"path": "1.jpg"}]'], "json", ["20", "bad_row"]),
        (['{"metainfo": {}, "data_list": [{"img_path": "0.jpg", "instances": [{"text": "20"}]},',
          '{"img_path": "1.jpg", "instances": [{"text": "1"}, {"text": "2"}]}]}'], "json", ["20", "bad_row"]),
        (['["0.jpg", "1.jpg"]\t20', "2.jpg\t7", '["3.jpg\t7'], "paddle", ["20", "20", "7", "bad_path"]),
    )  # fmt: skip
    def test_auto_finds_the_format_and_refuses_rows_of_another_kind(self, rows, name, labels):
        self.assertEqual(self.read(*rows), (name, labels))

    def test_a_number_may_be_an_id_or_a_text_and_the_message_shows_both(self):
        rows = ["0.jpg 20", "1.jpg 7"]
        with user_error("list ", "'0.jpg 20'", "'三'", "'20'", "--list_format=ids", "space"):
            self.read(*rows)
        self.assertEqual(self.read(*rows, list_format="ids"), ("ids", ["三", "6"]))
        self.assertEqual(self.read(*rows, list_format="space"), ("space", ["20", "7"]))

    def test_several_numbers_in_each_row_are_ids_also_where_the_charset_has_a_space(self):
        self.assertEqual(
            self.read("0.jpg 3 12", "1.jpg 1 2", "2.jpg 9", charset=ENGLISH), ("ids", ["2a", "01", "8"])
        )

    @parameterized.parameters("12 2018", "04 12", "0 1")
    def test_numbers_that_are_no_ids_make_several_numbers_doubtful(self, text):
        with user_error("1 rows such as", text, "no ids of this charset, or a text", "--list_format=ids"):
            self.read(*["0.jpg 3 12"] * 10, f"1.jpg {text}", charset=ENGLISH)

    def test_numbers_beyond_the_charset_are_not_taken_for_texts(self):
        with user_error("numbers that are no ids of this charset", "--list_format"):
            self.read("0.jpg 2018", "1.jpg 1999", "2.jpg 3000")

    def test_several_numbers_behind_a_tab_are_doubtful_where_they_could_be_ids(self):
        rows = ["0.jpg\t3 12", "1.jpg\t1 2"]
        with user_error("2 rows such as", "ids or text", "--list_format"):
            self.read(*rows, charset=ENGLISH)
        self.assertEqual(self.read(*rows, "2.jpg\tscore", charset=ENGLISH)[1], ["3 12", "1 2", "score"])
        self.assertEqual(self.read(*rows)[1], ["unknown_character"] * 2)

    def test_a_list_of_two_kinds_is_refused(self):
        with user_error("2 rows such as '0.jpg 11 12'", "2 rows such as", "2.jpg", "--list_format=mixed"):
            self.read("0.jpg 11 12", "1.jpg 11 13", "2.jpg\t一", "3.jpg\t丁")

    def test_damaged_rows_do_not_turn_a_list(self):
        ids = [f"{n}.jpg {n % 9 + 1} {n % 7 + 11}" for n in range(100)]
        damaged = [
            row[: n % 7 + 3] if n % 9 == 0 else row + "x" if n % 9 == 5 else row for n, row in enumerate(ids)
        ]
        self.assertEqual(self.read(*damaged)[0], "ids")

    @parameterized.parameters(
        '["x.jpg"]\t20', "filename,words", '{"x.jpg": "20"}', '{"filename": "x", "text": "20"}'
    )
    def test_the_first_row_does_not_turn_a_list(self, row):
        self.assertEqual(self.read(row, *[f"{n}.jpg 11 12" for n in range(9)])[0], "ids")

    def test_a_csv_file_without_a_header_is_named(self):
        with user_error("'0.jpg,20'", "filename,text", "--list_format"):
            self.read("0.jpg,20", "1.jpg,7")

    def test_quoted_cells_of_a_csv_file_have_delimiters_and_doubled_quotes(self):
        rows = ["filename,words", '0.jpg,"a ""b"", c"', '1.jpg,""""', '"2.jpg",", "']
        self.assertEqual(self.read(*rows, charset=Charset('abc ",'))[1], ['a "b", c', '"', ", "])

    @parameterized.parameters(",", "")
    def test_commas_after_json_objects_are_named(self, last):
        rows = ['{"filename": "0.jpg", "text": "20"},', '{"filename": "1.jpg", "text": "20"}' + last]
        with user_error("a comma after each JSON object", "0.jpg", "Remove the commas"):
            self.read(*rows)

    def test_columns_of_other_names_are_given(self):
        rows = ["id;scan;truth", "7;0.jpg;20"]
        self.assertEqual(self.read(*rows, path_column="scan", text_column="truth"), ("csv", ["20"]))
        with user_error("the columns id, scan, truth", "filename", "--path_column"):
            self.read(*rows, list_format="csv")

    @parameterized.parameters(
        ("text", ["a\t1", "b\t2"], True),
        ("text", ["a\t1", "b 2"], False),
        ("ids", ["a 1", "b 2 \t "], True),
        ("ids", ["a 1", "b\t2"], False),
        ("space", ["a b"], False),
        ("mixed", ["a b"], True),
    )
    def test_a_list_of_one_kind_reads_as_in_older_versions(self, name, rows, same):
        self.assertEqual(reads_as_mixed(self.write(*rows), name), same)


if __name__ == "__main__":
    absltest.main()
