"""Each line is counted in the slices that it belongs to, and in no other."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.metrics import wilson_interval
from densenet_ocr.model.report.slices import Slices, has_repeat


def add_lines(*lines, seen=None) -> dict:
    """The groups of lines, each (truth, width, edits), by name, each {name of slice: slice}."""
    slices = Slices(seen)
    for line in lines:
        slices.add(*line)
    return {group.name: {part.name: part for part in group.slices} for group in slices.groups()}


def count(group: dict) -> dict[str, tuple[int, int]]:
    """Lines and exact ones of a group's slices."""
    return {name: (part.tally.lines, part.tally.exact) for name, part in group.items()}


class SlicesTest(parameterized.TestCase, tf.test.TestCase):
    def test_few_lengths_and_widths_have_a_slice_each(self):
        groups = add_lines(("a", 64, 0), ("ab", 80, 1), ("ab", 64, 0))
        self.assertEqual(count(groups["length"]), {"1": (1, 1), "2": (2, 1)})
        self.assertEqual(count(groups["width"]), {"64": (2, 2), "80": (1, 0)})

    def test_many_widths_are_joined_in_even_steps_with_two_tails(self):
        lines = [("a", 100 + k % 240, k % 2) for k in range(1000)]
        groups = add_lines(*lines, ("a", 9, 1), ("a", 5000, 1))
        widths = groups["width"]
        self.assertEqual(next(iter(widths)), "9 to 99")
        self.assertEqual(list(widths)[1], "100 to 119")
        self.assertEqual(list(widths)[-1], "340 to 5,000")
        self.assertEqual(count(widths)["9 to 99"], (1, 0))
        self.assertEqual(count(widths)["340 to 5,000"], (1, 0))
        self.assertEqual(sum(part.tally.lines for part in widths.values()), 1002)
        for before, after in zip(list(widths.values()), list(widths.values())[1:], strict=False):
            self.assertEqual(before.high + 1, after.low)

    def test_steps_hold_what_their_names_say(self):
        groups = add_lines(*(("a" * k, 64, 0) for k in range(1, 41)))
        for part in groups["length"].values():
            self.assertEqual(part.tally.lines, part.high - part.low + 1)
            self.assertEqual(part.tally.characters, sum(range(part.low, part.high + 1)))

    def test_a_line_with_a_character_twice_in_a_row_is_one_with_a_repeat(self):
        groups = add_lines(("abba", 64, 1), ("abab", 64, 0), ("a", 64, 0))
        self.assertEqual(count(groups["kind"])["a character twice in a row"], (1, 0))
        self.assertEqual(count(groups["kind"])["none twice in a row"], (2, 2))
        self.assertEqual([has_repeat(text) for text in ("", "a", "aa", "aba")], [False, False, True, False])

    def test_rare_is_what_training_had_less_than_a_hundred_times_and_unseen_what_it_never_had(self):
        seen = {"a": 5000, "b": 99, "c": 100, "d": 0}
        lines = [("a", 64, 0), ("ab", 64, 0), ("ac", 64, 1), ("ad", 64, 2), ("bé", 64, 0)]
        groups = add_lines(*lines, seen=seen)
        self.assertEqual(count(groups["kind"])["a rare character"], (2, 2))
        self.assertEqual(count(groups["kind"])["one that training never had"], (2, 1))
        self.assertEqual(
            count(groups["rarest"]),
            {
                "never": (2, 1),
                "1 to 9 times": (0, 0),
                "10 to 99 times": (1, 1),
                "100 to 999 times": (1, 0),
                "1,000 times or more": (1, 1),
            },
        )

    def test_without_training_counts_there_are_no_slices_of_rare_characters(self):
        groups = add_lines(("a", 64, 0))
        self.assertNotIn("rarest", groups)
        self.assertEqual(list(groups["kind"]), ["a character twice in a row", "none twice in a row"])

    def test_figures_are_shares_with_wilsons_interval(self):
        tally = add_lines(("abcd", 64, 2), ("ab", 64, 0), ("ab", 64, 1))["width"]["64"].tally
        self.assertAllClose((tally.exact_match, tally.cer), (1 / 3, 3 / 8))
        self.assertEqual(tally.exact_match_95, wilson_interval(1, 3))

    def test_a_slice_without_lines_has_no_shares(self):
        empty = add_lines(("ab", 64, 0))["kind"]["a character twice in a row"].tally
        self.assertEqual((empty.exact_match, empty.cer, empty.exact_match_95), (None, None, (0.0, 1.0)))

    def test_a_slice_is_compared_by_its_interval(self):
        lines = [("aa", 64, 1)] * 150 + [("ab", 64, 0)] * 850 + [("abc", 64, 0), ("abc", 64, 1)]
        slices = Slices(None)
        for line in lines:
            slices.add(*line)
        groups = {group.name: group.slices for group in slices.groups()}
        self.assertEqual([part.compare(slices.overall) for part in groups["kind"]], ["below", "above"])
        # Two lines, one of them wrong, tell nothing.
        self.assertEqual(groups["length"][1].compare(slices.overall), "")

    def test_nothing_at_all(self):
        groups = add_lines()
        self.assertEmpty(groups["length"])
        self.assertEmpty(groups["width"])


if __name__ == "__main__":
    tf.test.main()
