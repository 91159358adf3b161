"""Rows that give no record: counted by reason, kept with their place, and too many of them."""

import os
import struct
import zlib
from unittest import mock

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import REASONS, UserError
from tests.beam_jobs.conversion.conversion_case import ConversionTest
from tests.messages import user_error
from tests.samples import draw_levels, encode_image, write_lines, write_list


def claim_size(png: bytes, width: int, height: int) -> bytes:
    """A PNG whose header claims another size, with the checksum of that header."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


class RefusalsTest(parameterized.TestCase, ConversionTest):
    def write_bytes(self, name: str, data: bytes):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(data)

    def test_every_reason_is_counted_and_listed_in_the_rejects_in_list_order(self):
        write_lines(self.folder, 2)
        os.makedirs(os.path.join(self.folder, "folder"))
        deep = os.path.join(self.folder, "deep.tif")
        PIL.Image.fromarray(np.zeros((32, 64), np.float32)).save(deep)
        self.write_bytes("damaged.png", encode_image(draw_levels(1))[:-500])
        self.write_bytes("bomb.png", claim_size(encode_image(draw_levels(1)), 6_000, 6_000))
        self.write_bytes("wide.png", encode_image(draw_levels(1, 32, 65)))
        self.write_bytes("blank.png", encode_image(np.full((32, 64), 9, np.uint8)))
        rows = [
            (b"wide.png 1", "wrong_size", "65x32 pixels, the data set's are 64x32"),
            (b"deep.tif 1", "unsupported_image", "pixels of mode F"),
            (b"damaged.png 1", "damaged_image", "truncated"),
            (b"0.png 1", None, None),
            (b"folder 1", "unreadable_image", "Is a directory"),
            (b"none.png 1", "missing_image", "none.png"),
            (b"1.png 1", "duplicate", "the path stands in another row too"),
            (b"long.png\t11111", "label_too_long", "5 characters need 9 frames, 64 pixels give 8"),
            (b"x.png\taz", "unknown_character", "'z' (U+007A)"),
            (b"y.png 14", "bad_id", "id '14' is not a whole number from 1 to 13"),
            (b"z.png", "no_label", "nothing follows the path"),
            (b'page.png\t[{"transcription": "1", "points": []}]', "bad_row", "PaddleOCR's text detection"),
            (b"../0.png 1", "outside_root", "leads out of the image root"),
            (b"a\0.png 1", "bad_path", "NUL"),
            (b"\xff.png 1", "bad_encoding", "invalid start byte"),
            (b"blank.png 1", "no_contrast", "from 9 to 9"),
            (b"bomb.png 1", "too_large", "6000x6000 pixels"),
            (b"1.png 2", None, None),
        ]
        self.write_bytes("train.txt", b"\r\n".join(row for row, _, _ in rows))
        result = self.convert(max_reject_fraction=1.0, lines_per_shard=4)
        self.assertEqual(result["refused"], dict.fromkeys(sorted(REASONS), 1))
        self.assertEqual((result["read"], result["written"]), (18, 2))
        self.assertEqual(self.read_labels(), {"0.png": [[0]], "1.png": [[1]]})
        path = os.path.join(self.folder, "train.txt")
        expected = [(number, *row) for number, row in enumerate(rows, start=1) if row[1]]
        for cells, (number, row, reason, detail) in zip(self.read_rejects(), expected, strict=True):
            shown = row.decode("utf-8", "backslashreplace").replace("\\", "\\\\").replace("\t", "\\t")
            self.assertEqual(cells[:3], [f"{path}:{number}", shown, reason])
            self.assertIn(detail, cells[3])

    def test_too_many_refusals_fail_the_run_and_leave_the_split_out(self):
        write_lines(self.folder, 3)
        self.convert(split="test")
        write_list(self.folder, ["0.png 1", "none.png 1", "1.png 1", "2.png 1"])
        pattern = r"train.rejects.tsv: received 1 of 4 .*1 missing_image.*1\.00%.*--max_reject_fraction"
        with self.assertRaisesRegex(UserError, pattern):
            self.convert()
        self.assertEqual(list(load_dataset_info(self.output).splits), ["test"])
        self.assertEqual([cells[2] for cells in self.read_rejects()], ["missing_image"])

    def test_the_message_shows_the_first_refused_row(self):
        write_list(self.folder, ["none0.png\t1", "none1.png 1", "none2.png\t1", "none3.png\t1"])
        shown = "the first: " + self.folder + "/train.txt:1, 'none0.png\\t1', missing_image: no file "
        with user_error("4 of 4 refused", "1 no_label", shown, "--max_reject_fraction"):
            self.convert(list_format="text")

    def test_a_name_in_another_unicode_form_is_named(self):
        for row, name in (("é.png 1", "e\u0301.png"), ("a/e\u0301.png 1", "a/é.png")):
            os.makedirs(os.path.join(self.folder, "a"), exist_ok=True)
            self.write_bytes(name, encode_image(draw_levels(0)))
            write_list(self.folder, [row])
            self.convert(max_reject_fraction=1.0, overwrite=True)
            form = "NFD" if "\u0301" in name else "NFC"
            self.assertIn(f"the name exists in {form}", self.read_rejects()[0][3])

    def test_the_largest_fraction_of_refusals_passes(self):
        write_lines(self.folder, 3)
        write_list(self.folder, ["0.png 1", "none.png 1", "1.png 1", "2.png 1"])
        self.assertEqual(self.convert(max_reject_fraction=0.25)["refused"], {"missing_image": 1})

    def test_a_higher_limit_completes_a_failed_run_without_reading_images_again(self):
        write_lines(self.folder, 3)
        write_list(self.folder, ["0.png 1", "none.png 1"])
        with self.assertRaises(UserError):
            self.convert(lines_per_shard=1)
        with mock.patch.object(images, "read_file", side_effect=AssertionError("read again")):
            result = self.convert(lines_per_shard=1, max_reject_fraction=0.5)
        self.assertEqual((result["written"], result["refused"]), (1, {"missing_image": 1}))

    def test_overwrite_repeats_a_failed_run_after_images_are_repaired(self):
        write_lines(self.folder, 3)
        write_list(self.folder, ["0.png 1", "none.png 1"])
        with self.assertRaises(UserError):
            self.convert()
        self.write_bytes("none.png", encode_image(draw_levels(9)))
        self.assertEqual(self.convert(overwrite=True)["written"], 2)

    def test_rejects_are_sorted_over_all_lists_and_shards(self):
        rows = [f"none{n}.png 1" for n in range(30)]
        paths = tuple(write_list(self.folder, rows, name) for name in ("b.txt", "a.txt"))
        self.convert(list_paths=paths, max_reject_fraction=1.0, duplicates="keep")
        expected = [f"{path}:{number}" for path in paths for number in range(1, 31)]
        self.assertEqual([cells[0] for cells in self.read_rejects()], expected)

    @parameterized.parameters(
        ("last", {"0.png": [[2]], "1.png": [[4]]}, 1),
        ("first", {"0.png": [[0]], "1.png": [[4]]}, 1),
        ("refuse", {"1.png": [[4]]}, 2),
        ("keep", {"0.png": [[0], [2]], "1.png": [[4]]}, 0),
    )
    def test_duplicates_decides_which_row_of_a_repeated_path_counts(self, duplicates, labels, refused):
        write_lines(self.folder, 2)
        write_list(self.folder, ["0.png 1", "1.png 5", "0.png\t2"])
        result = self.convert(duplicates=duplicates, max_reject_fraction=1.0)
        read = self.read_labels()
        self.assertEqual({key: sorted(value) for key, value in read.items()}, labels)
        self.assertEqual(result["refused"], {"duplicate": refused} if refused else {})
        self.assertEqual(result["read"], 3)

    @parameterized.parameters([[]], [["", "  ", "\t"]])
    def test_a_list_without_rows_is_refused(self, rows):
        write_list(self.folder, rows)
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"list {self.folder}/train.txt: received no rows, expected at least one row that is not blank. "
            "Check that --list names the list of lines.",
        ):
            self.convert()
        self.assertFalse(os.path.exists(os.path.join(self.output, "dataset.json")))

    def test_a_split_of_refusals_alone_is_whole_where_that_is_allowed(self):
        write_list(self.folder, ["none.png 1"])
        result = self.convert(max_reject_fraction=1.0)
        self.assertEqual((result["read"], result["written"], result["shards"]), (1, 0, 1))
        self.assertEqual(load_dataset_info(self.output).find_split("train").written, 0)

    def test_a_full_disk_is_found_before_anything_is_written(self):
        write_lines(self.folder, 20)
        with mock.patch.object(storage, "free_bytes", return_value=60_000):
            with self.assertRaisesWithLiteralMatch(
                UserError,
                f"output {self.output}: received 0.1 MB of free space, "
                "expected about 0.2 MB for 20 rows as float32. "
                "Free space or choose another --output; --image_encoding=uint8 takes a quarter of it.",
            ):
                self.convert()
            self.assertEqual([name for name in os.listdir(self.output) if "tfrecord" in name], [])
            self.assertEqual(self.convert(image_encoding="uint8")["written"], 20)

    def test_a_missing_image_root_is_refused_at_once(self):
        write_lines(self.folder, 3)
        root = os.path.join(self.folder, "none")
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"image root {root}: received no such folder, "
            "expected the folder that the list's paths start from. "
            "Check --image_root.",
        ):
            self.convert(image_root=root)

    @parameterized.parameters("\x0c", "\x0b", " \x0c ")
    def test_a_row_of_other_white_space_is_a_refusal(self, row):
        write_list(self.folder, [row])
        self.assertEqual(self.convert(max_reject_fraction=1.0)["refused"], {"no_label": 1})

    def test_pipes_are_refused_without_waiting(self):
        os.mkfifo(os.path.join(self.folder, "pipe"))
        write_list(self.folder, ["pipe 1"])
        self.assertEqual(self.convert(max_reject_fraction=1.0)["refused"], {"unreadable_image": 1})
        with self.assertRaisesRegex(UserError, "^list .*/pipe: received a pipe or a device"):
            self.convert(list_paths=(os.path.join(self.folder, "pipe"),), split="test")

    def test_a_charset_that_is_a_pipe_is_an_error(self):
        write_lines(self.folder, 1)
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        with self.assertRaisesRegex(UserError, f"^file {pipe}: received a pipe or a device"):
            self.convert(charset_path=pipe)

    def test_a_list_may_have_a_name_that_is_not_utf8(self):
        name = os.path.join(os.fsencode(self.folder), b"\xff.txt")
        os.rename(write_list(self.folder, ["none.png 1"]), name)
        self.convert(list_paths=(os.fsdecode(name),), max_reject_fraction=1.0)
        with open(os.path.join(self.output, "train.rejects.tsv"), "rb") as file:
            self.assertStartsWith(file.read(), name + b":1\t")


if __name__ == "__main__":
    tf.test.main()
