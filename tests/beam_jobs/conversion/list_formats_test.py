"""Lists of other tools become data sets as they come."""

import json
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.messages import user_error
from tests.samples import CHARSET, write_lines, write_list

# Of the images 0.png to 3.png, and of one that is missing.
TEXTS = {"0.png": "ab", "1.png": "2 b", "2.png": "b", "3.png": "20", "none.png": "a"}
LISTS = {
    "text": "".join(f"{path}\t{text}\n" for path, text in TEXTS.items()),
    "space": "".join(f"{path} {text}\n" for path, text in TEXTS.items()),
    "csv": "filename,words\n" + "".join(f'{path},"{text}"\n' for path, text in TEXTS.items()),
    "jsonl": "".join(json.dumps({"filename": path, "text": text}) + "\n" for path, text in TEXTS.items()),
    "json": json.dumps(TEXTS, indent=2),
    "paddle": '["0.png"]\tab\n["1.png"]\t2 b\n["2.png"]\tb\n3.png\t20\n["none.png"]\ta\n',
}


class ListFormatsTest(parameterized.TestCase, ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 4)

    def convert_auto(self, **changes) -> dict:
        return self.convert(**{"list_format": "auto", "image_root": "", "max_reject_fraction": 1.0, **changes})

    def write(self, content: str, name: str = "train.txt") -> None:
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(content)

    @parameterized.parameters(*LISTS)
    def test_auto_reads_a_list_and_paths_are_relative_to_its_folder(self, name):
        self.write(LISTS[name])
        result = self.convert_auto()
        self.assertEqual((result["read"], result["refused"]), (5, {"missing_image": 1}))
        written = {path: [CHARSET.encode(text)] for path, text in TEXTS.items() if path != "none.png"}
        self.assertEqual(self.read_labels(), written)

    def test_a_folder_has_images_and_their_texts(self):
        for path, text in TEXTS.items():
            self.write(f"{text}\n", path.replace(".png", ".gt.txt"))
        os.remove(os.path.join(self.folder, "2.gt.txt"))
        os.link(os.path.join(self.folder, "0.png"), os.path.join(self.folder, "0.bin.png"))
        result = self.convert_auto(list_paths=(self.folder,))
        self.assertEqual(result["refused"], {"duplicate": 1, "missing_image": 1, "no_label": 1})
        self.assertEqual((result["read"], result["written"]), (6, 3))
        labels = self.read_labels()
        self.assertEqual(labels["3.png"], [CHARSET.encode("20")])
        self.assertLen({"0.png", "0.bin.png"} & labels.keys(), 1)
        self.assertEqual(self.convert_auto(list_paths=(self.folder,))["written"], 3)
        self.write("a", "3.gt.txt")
        with user_error("split 'train'", "lists (by SHA-256)", "--overwrite"):
            self.convert_auto(list_paths=(self.folder,))

    def test_the_identity_is_as_before_where_rows_read_as_before_and_else_has_the_format(self):
        self.write("0.png\tab\n1.png\tb\n")
        self.convert_auto()
        before = read_folder(self.output)
        self.assertNotIn("list_formats", load_dataset_info(self.output).find_split("train").sources)
        for name in ("text", "mixed"):
            self.convert_auto(list_format=name)
            self.assertEqual(read_folder(self.output), before)
        with user_error("list_formats ['space']", "--overwrite"):
            self.convert_auto(list_format="space")

    def test_spellings_of_a_path_are_one_line_on_one_side_of_the_split(self):
        rows = [f"{n}.png\tb" for n in range(4)]
        spelled = [f"{self.folder}/{row}" for row in rows] + [f".//{row}" for row in rows]
        write_list(self.folder, rows + spelled)
        result = self.convert_auto(validation_fraction=0.5)
        self.assertEqual(
            result["refused"].get("duplicate", 0) + result["validation"]["refused"]["duplicate"], 8
        )
        names = [
            os.path.basename(key) for split in ("train", "validation") for key in self.read_lines(split=split)
        ]
        self.assertCountEqual(names, ["0.png", "1.png", "2.png", "3.png"])

    def test_a_folder_that_cannot_be_read_is_named(self):
        with user_error("list /none", "No such file", "--list"):
            self.convert_auto(list_paths=("/none",), list_format="gt_txt", image_root=self.folder)

    def test_a_linked_folder_is_read_once(self):
        folder = os.path.join(self.folder, "gt")
        os.mkdir(folder)
        os.symlink(self.folder, os.path.join(folder, "linked"))
        self.write("ab", "0.gt.txt")
        self.assertEqual(self.convert_auto(list_paths=(folder,))["refused"], {"no_label": 3})
        self.assertEqual(self.read_labels(), {"linked/0.png": [CHARSET.encode("ab")]})

    def test_an_image_of_a_folder_with_texts_and_of_a_list_is_one_line(self):
        self.write("ab", "0.gt.txt")
        os.link(os.path.join(self.folder, "0.png"), os.path.join(self.folder, "0.bin.png"))
        path = write_list(self.folder, ["./0.png\tb"])
        result = self.convert_auto(list_paths=(self.folder, path))
        self.assertEqual(result["refused"], {"duplicate": 2, "no_label": 3})
        self.assertEqual(self.read_labels(), {"./0.png": [CHARSET.encode("b")]})

    def test_a_path_in_two_encodings_is_one_line(self):
        os.rename(os.path.join(self.folder, "0.png"), os.path.join(self.folder, "图.png"))
        self.write('{"图.png": "ab"}', "train.json")
        path = os.path.join(self.folder, "train.txt")
        storage.write_atomically(path, "图.png\tb\n".encode("gbk"))
        lists = (os.path.join(self.folder, "train.json"), path)
        result = self.convert_auto(list_paths=lists, list_encoding="gbk")
        self.assertEqual(result["refused"], {"duplicate": 1})
        self.assertEqual(self.read_labels(), {"图.png": [CHARSET.encode("b")]})

    @parameterized.parameters(
        ("0.png, ab\n1.png, b\n", "a CSV file without the names of its columns?"),
        ('{"0.png": 2018, "1.png": "b"}', '["0.png", 2018]'),
    )
    def test_the_detail_of_a_refusal_names_the_likely_cause(self, content, detail):
        self.write(content)
        self.convert_auto()
        self.assertIn(detail, self.read_rejects()[0][3])

    def test_names_of_columns_need_a_list_that_has_columns(self):
        paths = (
            write_list(self.folder, ["0.png\tb"]),
            write_list(self.folder, ["scan,gt", "1.png,b"], "1.csv"),
        )
        with user_error("--path_column", "'scan' for a list of the format text", "csv"):
            self.convert_auto(list_paths=paths[:1], path_column="scan")
        self.assertEqual(self.convert_auto(list_paths=paths, path_column="scan")["written"], 2)

    def test_lists_in_several_folders_need_an_image_root(self):
        os.makedirs(os.path.join(self.folder, "a"))
        paths = tuple(write_list(self.folder, ["0.png\tb"], name) for name in ("a/1.txt", "2.txt"))
        with user_error("image root", "lists in the folders", "--image_root"):
            self.convert_auto(list_paths=paths)


if __name__ == "__main__":
    tf.test.main()
