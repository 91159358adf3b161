"""Lists as a source of images."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import open_rows
from densenet_ocr.beam_jobs.engine.source import RefusedRow, save_plan
from densenet_ocr.beam_jobs.transcription.image_source import ImageRow, ImageSource
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import CHARSET, conversion, draw_levels, encode_image, write_lines, write_list


class ImageSourceTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        write_lines(self.folder, 5)

    def read(
        self, *, fit: str = "exact", width: int = 0, lines_per_shard: int = 2, **changes
    ) -> list[ImageRow]:
        """All rows of the folder's list."""
        lists, plan_path = (
            open_rows(conversion(self.folder, **changes), CHARSET),
            os.path.join(self.folder, "plan.npy"),
        )
        plan = lists.scan()
        info = DatasetInfo(CHARSET, Geometry(32, width), "uint8", fit=fit)
        source = ImageSource(save_plan(plan_path, plan, lines_per_shard), lists, info)
        return [row for shard in range(source.plan.shard_count) for row in source.read(shard)]

    def write_rows(self, *rows: bytes) -> None:
        with open(os.path.join(self.folder, "train.txt"), "wb") as file:
            file.write(b"".join(rows))

    @parameterized.parameters(1, 2, 100)
    def test_rows_come_in_the_lists_order_whatever_their_kind(self, lines_per_shard):
        self.write_rows(
            b"\xef\xbb\xbf3.png 1 2\r\n",
            b"\r\n",
            b" 1.png\tany text\r\n",
            b"  \n",
            b"0.png\n",
            b".\\2.png  \n",
            b"3.png",
        )
        rows = self.read(lines_per_shard=lines_per_shard)
        self.assertEqual([row.path for row in rows], ["3.png", "1.png", "0.png", ".\\2.png", "3.png"])
        for number, row in zip((3, 1, 0, 2, 3), rows, strict=True):
            self.assertAllEqual(row.line, draw_levels(number))

    def test_several_lists_follow_each_other(self):
        paths = tuple(write_list(self.folder, [f"{n}.png"], f"{n}.txt") for n in (4, 2))
        self.assertEqual([row.path for row in self.read(list_paths=paths)], ["4.png", "2.png"])

    def test_a_path_with_blanks_needs_a_tab_and_a_text(self):
        os.rename(os.path.join(self.folder, "0.png"), os.path.join(self.folder, "a b.png"))
        self.write_rows(b"a b.png\t?\n", b"a b.png\n")
        found, cut = self.read()
        self.assertAllEqual(found.line, draw_levels(0))
        self.assertEqual((cut.path, cut.line.reason), ("a", "missing_image"))

    @parameterized.parameters(
        (b"none.png", "none.png", "missing_image"),
        (b"../0.png", "../0.png", "outside_root"),
        (b"\xff.png", "\udcff.png", "bad_encoding"),
        (b"a\0.png", "a\0.png", "bad_path"),
        (b"train.txt", "train.txt", "damaged_image"),
        (b".", ".", "outside_root"),
        (b"x/", "x/", "unreadable_image"),
        (b"0.png\t\xff", "0.png", None),
        (b"0.png 99999", "0.png", None),
    )
    def test_a_row_that_cannot_be_read_has_its_path_and_reason(self, row, path, reason):
        os.makedirs(os.path.join(self.folder, "x"))
        self.write_rows(b"1.png\n", row + b"\n")
        found = self.read()[1]
        self.assertEqual(found.path, path)
        self.assertEqual(found.line.reason if isinstance(found.line, RefusedRow) else None, reason)

    def test_a_refusal_has_its_place_in_the_list(self):
        self.write_rows(b"1.png\n", b"\n", b"none.png 1\n")
        refused = self.read()[1].line
        self.assertEqual((refused.where, refused.row), (f"{self.folder}/train.txt:3", "none.png 1"))

    def test_lists_in_another_encoding_are_shown_in_unicode(self):
        os.rename(os.path.join(self.folder, "0.png"), os.path.join(self.folder, "线.png"))
        self.write_rows("线.png\n".encode("gbk"))
        [row] = self.read(list_encoding="gbk")
        self.assertEqual(row.path, "线.png")
        self.assertAllEqual(row.line, draw_levels(0))

    @parameterized.parameters(
        ("exact", 0, 40), ("exact", 64, 40), ("resize", 64, 64), ("pad", 64, 64), ("pad", 32, 40)
    )
    def test_an_image_of_another_size_is_fitted_as_the_model_was_trained(self, fit, width, fitted_width):
        with open(os.path.join(self.folder, "0.png"), "wb") as file:
            file.write(encode_image(draw_levels(0, 64, 80)))
        self.write_rows(b"0.png\n")
        self.assertEqual(self.read(fit=fit, width=width)[0].line.shape, (32, fitted_width))


if __name__ == "__main__":
    tf.test.main()
