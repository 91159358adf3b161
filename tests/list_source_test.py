"""The plan of a list, and the reading of its rows."""

import hashlib
import os
import pickle

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from beam_jobs import list_source
from beam_jobs.list_source import ListSource, find_duplicates, make_plan, save_plan
from beam_jobs.shards import RefusedRow
from pipeline.images import Geometry
from pipeline.line_list import LineList
from pipeline.schema import Record
from tests.samples import CHARSET, draw_levels, encode_image, write_lines, write_list


class PlanTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def plan(self, rows: list[str], *, duplicates: str = "last", seed: int = 0) -> np.ndarray:
        """The plan of a list with these rows."""
        return make_plan(LineList(write_list(self.folder, rows)), duplicates=duplicates, seed=seed)

    def test_every_row_stands_in_it_once_with_its_offset_and_line(self):
        plan = np.sort(self.plan(["a 1", "", "bb 2", "  ", "c 3"]), order="line")
        self.assertEqual(plan["line"].tolist(), [1, 3, 5])
        self.assertEqual(plan["offset"].tolist(), [0, 5, 13])
        self.assertEqual(plan["duplicate"].tolist(), [False] * 3)

    def test_the_order_of_a_seed_is_the_same_for_ever(self):
        rows = [f"{n} 1" for n in range(10)]
        self.assertEqual(self.plan(rows, seed=0)["line"].tolist(), [4, 3, 2, 9, 7, 1, 8, 5, 6, 10])
        self.assertEqual(self.plan(rows, seed=1)["line"].tolist(), [10, 3, 5, 8, 6, 1, 9, 7, 4, 2])

    def test_the_hash_of_a_list_is_that_of_its_file(self):
        path = write_list(self.folder, ["a 1"])
        self.assertEqual(LineList(path).sha256(), hashlib.sha256(b"a 1\n").hexdigest())
        self.assertEqual(LineList(path).sha256(), list_source.hash_file(path))

    def test_is_read_back_as_it_was_saved(self):
        plan, path = self.plan(["a 1", "b 2"]), os.path.join(self.folder, "plan.npy")
        save_plan(path, plan)
        self.assertAllEqual(np.load(path, mmap_mode="r").tolist(), plan.tolist())

    @parameterized.parameters("last", "keep")
    def test_a_list_without_rows_has_an_empty_plan(self, duplicates):
        self.assertEmpty(self.plan([], duplicates=duplicates))
        self.assertEmpty(self.plan(["", " "], duplicates=duplicates))

    @parameterized.parameters(
        ("last", [1, 2, 4]), ("first", [4, 5, 6]), ("refuse", [1, 2, 4, 5, 6]), ("keep", [])
    )
    def test_rows_of_one_path_are_duplicates_whatever_their_labels(self, duplicates, lines):
        plan = self.plan(["a 1", "b 1", "c 1", "a\t2", "b 3", " a  5 "], duplicates=duplicates)
        self.assertEqual(sorted(plan["line"][plan["duplicate"]].tolist()), lines)


class FindDuplicatesTest(parameterized.TestCase, tf.test.TestCase):
    # Paths differ in the first number, in the second, or in none.
    hashes = np.array([[7, 1], [7, 2], [7, 1], [0, 1], [7, 1], [0, 1]], np.uint64)

    @parameterized.parameters(
        ("last", [1, 0, 1, 1, 0, 0]), ("first", [0, 0, 1, 0, 1, 1]), ("refuse", [1, 0, 1, 1, 1, 1])
    )
    def test_marks_the_rows_that_do_not_count(self, keep, refused):
        self.assertAllEqual(find_duplicates(self.hashes, keep), np.array(refused, bool))

    @parameterized.product(keep=["last", "first", "refuse"], count=[0, 1])
    def test_fewer_than_two_rows_have_no_duplicates(self, keep, count):
        marked = find_duplicates(self.hashes[:count], keep)
        self.assertEqual((marked.dtype, marked.tolist()), (bool, [False] * count))


class ListSourceTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        write_lines(self.folder, 5)

    def source(self, rows: list[str] | None = None, *, lines_per_shard: int = 2, root: str = "") -> ListSource:
        """A source of the folder's list, or of another list with these rows."""
        if rows:
            write_list(self.folder, rows)
        list_path, plan_path = (os.path.join(self.folder, name) for name in ("train.txt", "plan.npy"))
        plan = make_plan(LineList(list_path), duplicates="last", seed=0)
        save_plan(plan_path, plan)
        return ListSource(
            list_path=list_path,
            image_root=root or self.folder,
            plan_path=plan_path,
            charset=CHARSET,
            geometry=Geometry(32, 64),
            lines_per_shard=lines_per_shard,
            rows=len(plan),
        )

    def read_all(self, source: ListSource) -> list[Record | RefusedRow]:
        return [line for shard in range(source.shard_count) for line in source.read(shard)]

    def read_one(self, row: str, **options) -> Record | RefusedRow:
        return self.read_all(self.source([row], **options))[0]

    @parameterized.parameters((1, 5), (2, 3), (4, 2), (5, 1), (100, 1))
    def test_shards_hold_lines_per_shard_rows_the_last_one_the_rest(self, lines_per_shard, count):
        source = self.source(lines_per_shard=lines_per_shard)
        self.assertEqual(source.shard_count, count)
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

    def test_a_refusal_tells_file_line_row_reason_and_detail(self):
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

    def test_a_row_that_is_not_utf8_is_shown_all_the_same(self):
        source = self.source()
        with open(source.list_path, "wb") as file:
            file.write(b"\xff.png 1\n")
        refused = self.read_all(self.source())[0]
        self.assertEqual((refused.reason, refused.row), ("not_utf8", "\\xff.png 1"))

    def test_a_source_that_was_read_travels_to_workers(self):
        source = self.source()
        before = self.read_all(source)
        after = self.read_all(pickle.loads(pickle.dumps(source)))
        self.assertEqual([record.key for record in after], [record.key for record in before])


if __name__ == "__main__":
    tf.test.main()
