"""The plan of rows: every row once, in the seed's order, with duplicates and held-out rows marked."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.job import open_rows
from densenet_ocr.beam_jobs.engine.source import save_plan
from densenet_ocr.beam_jobs.sources.rows import find_duplicates, plan_rows
from tests.samples import CHARSET, conversion, write_list


class PlanTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def plan(
        self, *lists: list[str], duplicates: str = "last", seed: int = 0, fraction: float = 0.0
    ) -> np.ndarray:
        """The plan of lists with these rows."""
        paths = tuple(write_list(self.folder, rows, f"{k}.txt") for k, rows in enumerate(lists))
        given = open_rows(conversion(self.folder, list_paths=paths), CHARSET)
        rows = given.scan()
        return plan_rows(
            rows, given.paths(rows), duplicates=duplicates, seed=seed, validation_fraction=fraction
        )

    def test_every_row_is_in_the_plan_once_with_offset_and_line(self):
        plan = np.sort(self.plan(["a 1", "", "bb 2", "  ", "c 3"]), order="line")
        self.assertEqual(plan["line"].tolist(), [1, 3, 5])
        self.assertEqual(plan["offset"].tolist(), [0, 5, 13])
        self.assertEqual(plan["duplicate"].tolist(), [False] * 3)

    def test_the_order_of_a_seed_is_the_same_for_ever(self):
        rows = [f"{n} 1" for n in range(10)]
        self.assertEqual(self.plan(rows, seed=0)["line"].tolist(), [4, 3, 2, 9, 7, 1, 8, 5, 6, 10])
        self.assertEqual(self.plan(rows, seed=1)["line"].tolist(), [10, 3, 5, 8, 6, 1, 9, 7, 4, 2])

    def test_is_read_back_as_it_was_saved(self):
        plan, path = self.plan(["a 1", "b 2"]), os.path.join(self.folder, "plan.npy")
        saved = save_plan(path, plan, lines_per_shard=1)
        self.assertEqual(
            [saved.rows_of(shard).tolist() for shard in range(2)], [[row] for row in plan.tolist()]
        )

    def test_rows_of_several_lists_are_distinguished(self):
        plan = np.sort(self.plan(["a 1", "b 1"], ["", "c 1"]), order=["list", "line"])
        self.assertEqual(plan[["list", "line", "offset"]].tolist(), [(0, 1, 0), (0, 2, 4), (1, 2, 1)])

    def test_a_path_in_two_lists_is_a_duplicate(self):
        plan = self.plan(["a 1", "b 1"], ["a 1", "c 1"])
        self.assertEqual(plan[plan["duplicate"]][["list", "line"]].tolist(), [(0, 1)])

    def test_a_row_takes_16_bytes(self):
        self.assertEqual(self.plan(["a 1"]).itemsize, 16)

    def held_out(self, rows: list[str], **options) -> set[int]:
        plan = self.plan(rows, **options)
        return set(plan["line"][plan["held_out"]].tolist())

    def test_the_fraction_is_held_out_by_the_path_alone(self):
        rows = [f"{n}.png 1" for n in range(1000)]
        some = self.held_out(rows, fraction=0.1)
        self.assertBetween(len(some), 70, 130)  # 3 standard deviations of a fair draw
        self.assertEqual(
            self.held_out([f"{n}.png 7" for n in range(1000)] + ["new 1"], fraction=0.1) - {1001}, some
        )
        self.assertContainsSubset(some, self.held_out(rows, fraction=0.2))

    def test_another_seed_holds_out_others(self):
        rows = [f"{n}.png 1" for n in range(1000)]
        self.assertLess(len(self.held_out(rows, fraction=0.1) & self.held_out(rows, fraction=0.1, seed=1)), 40)

    def test_rows_of_one_path_are_held_out_together(self):
        rows = [f"{n % 50}.png 1" for n in range(100)]
        held_out = self.held_out(rows, fraction=0.5, duplicates="keep")
        self.assertNotEmpty(held_out)
        self.assertEqual({line + 50 for line in held_out if line <= 50}, {n for n in held_out if n > 50})

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


if __name__ == "__main__":
    tf.test.main()
