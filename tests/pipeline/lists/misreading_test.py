"""No row of a mixed or damaged list is misread, whatever its format."""

from absl.testing import absltest

from benchmarks.conversion.damaged_lists import FORMATS, count_outcomes


class MisreadingTest(absltest.TestCase):
    def test_a_label_is_the_text_of_its_path_or_is_refused(self):
        misread: list[str] = []
        counts = count_outcomes(20 * len(FORMATS), seed=1, show=misread.append)
        self.assertEmpty(misread)
        for name, row in counts.items():
            self.assertEqual(row["read"], row["written"] + row["refused"], name)
            self.assertGreater(row["written"], row["refused"], name)


if __name__ == "__main__":
    absltest.main()
