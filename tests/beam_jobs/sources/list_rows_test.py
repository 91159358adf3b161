"""Lists as a source of lines."""

import functools
import os
import pickle

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import open_rows
from densenet_ocr.beam_jobs.engine.source import RefusedRow, save_plan
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder, RowSource, plan_rows
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.schema import Record
from tests.samples import CHARSET, conversion, draw_levels, encode_image, write_lines, write_list


class ListRowsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        write_lines(self.folder, 5)

    def source(self, rows: list[str] | None = None, *, root: str = "", **changes) -> RowSource:
        """A source of the folder's list, or of another list with these rows."""
        if rows:
            write_list(self.folder, rows)
        config = conversion(self.folder, image_root=root or self.folder, **{"lines_per_shard": 2, **changes})
        given, plan_path = open_rows(config, CHARSET), os.path.join(self.folder, "plan.npy")
        rows = given.scan()
        plan = plan_rows(rows, given.paths(rows), duplicates="last", seed=0, validation_fraction=0.0)
        builder = RecordBuilder(DatasetInfo(CHARSET, config.geometry, "uint8", fit=config.fit))
        find = functools.partial(given.find_line, builder=builder)
        plan = save_plan(plan_path, plan, config.lines_per_shard)
        return RowSource(plan, given, find, builder.build)

    def read_all(self, source: RowSource) -> list[Record | RefusedRow]:
        return [line for shard in range(source.plan.shard_count) for line in source.read(shard)]

    def read_one(self, row: str, **options) -> Record | RefusedRow:
        return self.read_all(self.source([row], **options))[0]

    @parameterized.parameters((1, 5), (2, 3), (4, 2), (5, 1), (100, 1))
    def test_shards_hold_lines_per_shard_rows_the_last_one_the_rest(self, lines_per_shard, count):
        source = self.source(lines_per_shard=lines_per_shard)
        self.assertEqual(source.plan.shard_count, count)
        sizes = [len(list(source.read(shard))) for shard in range(count)]
        self.assertEqual(sizes, [lines_per_shard] * (count - 1) + [5 - lines_per_shard * (count - 1)])

    def test_a_record_has_the_pixels_and_the_label_of_its_row(self):
        records = self.read_all(self.source())
        self.assertEqual(sorted(record.key for record in records), [f"{n}.png" for n in range(5)])
        for key, levels, label in records:
            number = int(key.removesuffix(".png"))
            self.assertAllEqual(levels, draw_levels(number))
            self.assertEqual(label, [number])

    def test_a_key_is_the_path_as_the_list_has_it(self):
        os.makedirs(os.path.join(self.folder, "x"))
        os.rename(os.path.join(self.folder, "3.png"), os.path.join(self.folder, "x", "3.png"))
        record = self.read_one("x\\.\\3.png 1")
        self.assertEqual(record.key, "x\\.\\3.png")
        self.assertAllEqual(record.levels, draw_levels(3))

    def test_a_root_may_be_relative(self):
        root = os.path.join(os.path.relpath(self.folder), ".")
        self.assertAllEqual(self.read_one("3.png 1", root=root).levels, draw_levels(3))

    def test_a_refusal_has_file_line_row_reason_and_detail(self):
        refused = [
            line
            for line in self.read_all(self.source(["0.png 1", "", "none.png 1\r", "1.png 1"]))
            if isinstance(line, RefusedRow)
        ]
        path = os.path.join(self.folder, "none.png")
        self.assertEqual(
            refused,
            [RefusedRow(3, f"{self.folder}/train.txt:3", "none.png 1", "missing_image", f"no file {path}")],
        )

    def test_a_duplicate_is_refused_before_its_image_is_read(self):
        lines = self.read_all(self.source(["none.png 1", "none.png 2"]))
        self.assertEqual(sorted(line.reason for line in lines), ["duplicate", "missing_image"])
        duplicate = next(line for line in lines if line.reason == "duplicate")
        self.assertEqual(duplicate.position, 1)
        self.assertEqual(duplicate.detail, "the path stands in another row too, which counts")

    def test_a_label_that_just_fits_is_taken_and_a_longer_one_refused(self):
        self.assertEqual(self.read_one("0.png\t01234567").label, list(range(8)))
        refused = self.read_one("0.png\t012345678")
        self.assertEqual(refused.reason, "label_too_long")
        self.assertEqual(refused.detail, "9 characters need 9 frames, 64 pixels give 8")

    def test_equal_neighbours_take_a_frame_more(self):
        self.assertEqual(self.read_one("0.png\t0012334").reason, "label_too_long")
        self.assertEqual(self.read_one("0.png\t001234").label, [0, 0, 1, 2, 3, 4])

    def test_an_image_of_another_size_is_refused(self):
        with open(os.path.join(self.folder, "0.png"), "wb") as file:
            file.write(encode_image(draw_levels(0, 32, 65)))
        self.assertEqual(self.read_one("0.png 1").detail, "65x32 pixels, the data set's are 64x32")

    @parameterized.parameters(
        ("resize", 64, (32, 64)), ("resize", 0, (32, 40)), ("pad", 64, (32, 64)), ("pad", 0, (32, 40))
    )
    def test_an_image_of_another_size_is_fitted_as_configured(self, fit, width, shape):
        with open(os.path.join(self.folder, "0.png"), "wb") as file:
            file.write(encode_image(draw_levels(0, 64, 80)))
        self.assertEqual(self.read_one("0.png 1", fit=fit, image_width=width).levels.shape, shape)

    def test_a_label_has_to_fit_the_width_that_the_line_has(self):
        with open(os.path.join(self.folder, "0.png"), "wb") as file:
            file.write(encode_image(draw_levels(0, 32, 24)))
        self.assertEqual(self.read_one("0.png\t012", image_width=0).label, [0, 1, 2])
        refused = self.read_one("0.png\t0123", image_width=0)
        self.assertEqual(refused.detail, "4 characters need 4 frames, 24 pixels give 3")

    def test_a_list_may_be_in_another_encoding(self):
        path = os.path.join(self.folder, "train.txt")
        os.rename(os.path.join(self.folder, "0.png"), os.path.join(self.folder, "线.png"))
        with open(path, "w", encoding="gbk") as file:
            file.write("线.png\tab\n春.png\tab\n")
        lines = self.read_all(self.source(list_encoding="gbk"))
        record, refused = sorted(lines, key=lambda line: isinstance(line, RefusedRow))
        self.assertEqual((record.key, record.label), ("线.png", CHARSET.encode("ab")))
        self.assertEqual((refused.reason, refused.row), ("missing_image", "春.png\tab"))

    def test_a_row_that_is_not_utf8_is_shown_all_the_same(self):
        source = self.source()
        with open(source.input.list_paths[0], "wb") as file:
            file.write(b"\xff.png 1\n")
        refused = self.read_all(self.source())[0]
        self.assertEqual((refused.reason, refused.row), ("bad_encoding", "\\xff.png 1"))

    def test_a_source_that_was_read_can_be_pickled(self):
        source = self.source()
        before = self.read_all(source)
        after = self.read_all(pickle.loads(pickle.dumps(source)))
        self.assertEqual([record.key for record in after], [record.key for record in before])


if __name__ == "__main__":
    tf.test.main()
