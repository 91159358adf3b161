"""An LMDB as a source of lines."""

import os
from unittest import mock

import lmdb
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.sources.lmdb_rows import open_lmdb
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.messages import user_error
from tests.samples import CHARSET, draw_levels, encode_image, write_lines


class LmdbTest(parameterized.TestCase, ConversionTest):
    def setUp(self):
        super().setUp()
        CHARSET.write(os.path.join(self.folder, "charset.txt"))
        self.path = os.path.join(self.folder, "lines.lmdb")

    def write(self, entries: dict[bytes, bytes], path: str = "", *, subdir: bool = True) -> None:
        """Writes an LMDB."""
        with (
            lmdb.open(path or self.path, subdir=subdir, map_size=1 << 24) as environment,
            environment.begin(write=True) as transaction,
        ):
            for key, value in entries.items():
                transaction.put(key, value)

    def entries(self, count: int, encoding: str = "utf-8") -> dict[bytes, bytes]:
        """`count` lines, the text of line 1 being '1'."""
        entries = {b"num-samples": str(count).encode()}
        for number in range(1, count + 1):
            entries[b"image-%09d" % number] = encode_image(draw_levels(number))
            entries[b"label-%09d" % number] = str(number).encode(encoding)
        return entries

    def convert(self, **changes) -> dict:
        return super().convert(
            **{"list_paths": (), "image_root": "", "list_format": "auto", "lmdb_path": self.path, **changes}
        )

    @parameterized.parameters(True, False)
    def test_every_line_becomes_a_record_with_its_pixels_and_label(self, subdir):
        self.write(self.entries(20), subdir=subdir)
        self.assertEqual(self.convert()["written"], 20)
        labels = self.read_labels()
        self.assertLen(labels, 20)
        for number in range(1, 21):
            self.assertEqual(labels[f"image-{number:09d}"], [CHARSET.encode(str(number))])

    def test_lines_that_give_no_record_are_refused_with_their_number(self):
        entries = self.entries(5)
        del entries[b"image-000000002"], entries[b"label-000000003"]
        entries[b"label-000000004"] = b""
        entries[b"label-000000005"] = "春".encode("gbk")
        self.write(entries)
        result = self.convert(max_reject_fraction=1.0)
        self.assertEqual(result["refused"], {"bad_encoding": 1, "missing_image": 1, "no_label": 2})
        self.assertEqual(
            [(cells[0], cells[2], cells[3]) for cells in self.read_rejects()[:3]],
            [
                (f"{self.path}:2", "missing_image", "no key image-000000002"),
                (f"{self.path}:3", "no_label", "no key label-000000003"),
                (f"{self.path}:4", "no_label", "its label is empty"),
            ],
        )

    @parameterized.parameters(({"image_root": "."},), ({"list_format": "text"},))
    def test_flags_of_lists_are_refused(self, changes):
        self.write(self.entries(1))
        with user_error(*changes, "none for an LMDB that has images and texts"):
            self.convert(**changes)

    def test_labels_may_be_in_another_encoding(self):
        self.write({**self.entries(1), b"label-000000001": "ab".encode("gbk")})
        self.assertEqual(self.convert(list_encoding="gbk")["written"], 1)

    def test_the_charset_may_be_that_of_the_labels(self):
        entries = self.entries(12, "gbk")
        entries[b"label-000000012"] = "春".encode("gbk")
        self.write(entries)
        self.convert(list_encoding="gbk", charset_path="auto")
        self.assertEqual(load_dataset_info(self.output).charset.characters, "0123456789春")

    def test_a_fraction_may_be_held_out(self):
        self.write(self.entries(100))
        result = self.convert(validation_fraction=0.3)
        self.assertEqual(result["written"] + result["validation"]["written"], 100)
        self.assertBetween(result["validation"]["written"], 15, 45)

    def test_the_same_command_keeps_a_published_split_and_refuses_another_lmdb(self):
        self.write(self.entries(3))
        self.convert()
        before = read_folder(self.output)
        self.convert()
        self.assertEqual(read_folder(self.output), before)
        other = os.path.join(self.folder, "other.lmdb")
        self.write(self.entries(3), other)
        self.write({b"label-000000001": b"7"}, other)
        with self.assertRaisesRegex(UserError, "^split 'train' of .*: received lmdb_transactions"):
            self.convert(lmdb_path=other)

    @parameterized.parameters(
        (None, "no key num-samples"), (b"0", "num-samples b'0'"), (b"x", "num-samples b'x'")
    )
    def test_an_lmdb_without_lines_is_refused(self, count, received):
        self.write({b"num-samples": count} if count else {b"a": b"b"})
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"LMDB {self.path}: received {received}, "
            "expected num-samples, image-000000001, label-000000001 and so on. "
            "Make it as the CRNN projects do, or give the lines as a --list.",
        ):
            self.convert()

    def test_more_samples_than_keys_are_refused(self):
        self.write({**self.entries(2), b"num-samples": b"99999999999"})
        with self.assertRaisesRegex(
            UserError, "received num-samples 99,999,999,999 with 5 keys, expected an image"
        ):
            self.convert()

    def test_a_path_without_an_lmdb_is_refused(self):
        with self.assertRaisesRegex(UserError, f"^LMDB {self.path}: received .*No such file.* Check --lmdb.$"):
            self.convert()

    def test_a_pipe_is_refused_in_place_of_waiting(self):
        pipe = os.path.join(self.create_tempdir().full_path, "pipe")
        os.mkfifo(pipe)
        with user_error(f"LMDB {pipe}", "a pipe or a device", "--lmdb"):
            open_lmdb(pipe)

    def test_a_missing_package_is_named(self):
        with (
            mock.patch.dict("sys.modules", {"lmdb": None}),
            self.assertRaisesRegex(
                UserError, r"expected the package lmdb. pip install 'densenet-ocr\[lmdb\]'$"
            ),
        ):
            self.convert()


class LmdbLabelsTest(parameterized.TestCase, ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 4)
        self.path = os.path.join(self.folder, "label.lmdb")

    def write(self, entries: dict[str, str]) -> None:
        with (
            lmdb.open(self.path, map_size=1 << 20) as environment,
            environment.begin(write=True) as transaction,
        ):
            for key, value in entries.items():
                transaction.put(key.encode(), value.encode())

    def convert(self, **changes) -> dict:
        given = {"list_paths": (), "image_root": "", "list_format": "auto", "lmdb_path": self.path}
        return super().convert(**{**given, **changes})

    @parameterized.named_parameters(
        ("json", "label-%09d", 1, "num-samples", '{"filename": "%d.png", "text": "ab"}'),
        ("space", "label-%09d", 1, "num-samples", "%d.png ab"),
        ("older", "%d", 0, "total_number", "%d.png ab\n"),
    )
    def test_images_are_found_beside_the_lmdb(self, key, first, count, row):
        self.write({count: "5", **{key % (number + first): row % number for number in range(5)}})
        result = self.convert(max_reject_fraction=0.2)
        self.assertEqual((result["written"], result["refused"]), (4, {"missing_image": 1}))
        self.assertEqual(self.read_labels(), {f"{number}.png": [CHARSET.encode("ab")] for number in range(4)})
        self.assertEqual(self.read_rejects()[0][0], f"{self.path}:{4 + first}")

    def test_a_count_beyond_the_keys_is_refused(self):
        self.write({"label-000000001": "0.png ab", "num-samples": "9"})
        with user_error(f"LMDB {self.path}", "2 keys", "--list"):
            self.convert()


if __name__ == "__main__":
    tf.test.main()
