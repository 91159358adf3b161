"""Values of --data: paths, weights and names."""

import fractions

from absl.testing import absltest, parameterized

from densenet_ocr.pipeline.mixtures.sources import Source, count_shares, list_sources, parse_sources
from tests.messages import user_error


class SourcesTest(parameterized.TestCase):
    @parameterized.parameters("lines", "lines=3", "s3://bucket/a=b")
    def test_a_single_value_is_a_path_as_it_is(self, value):
        self.assertEqual(parse_sources([value]), (Source(value),))

    @parameterized.parameters(
        ("made", "made", 1),
        ("made=3", "made", 3),
        ("made=0.25", "made", fractions.Fraction(1, 4)),
        ("s3://bucket/a=b/made=2", "s3://bucket/a=b/made", 2),
        ("lr=0.5=1", "lr=0.5", 1),
        ("a=b", "a=b", 1),
        ("made=1e3", "made=1e3", 1),
        ("made=-1", "made=-1", 1),
    )
    def test_what_follows_the_last_equals_sign_is_a_weight_if_it_is_a_number(self, value, folder, weight):
        source = parse_sources(["real", value])[1]
        self.assertEqual((source.folder, source.weight), (folder, weight))

    def test_data_sets_are_named_by_their_folders_and_all_differ(self):
        sources = parse_sources(["a/lines/", "b/lines=2", "s3://bucket/lines", "lines-2"])
        self.assertEqual([source.name for source in sources], ["lines", "lines-2", "lines-3", "lines-2-2"])

    def test_a_single_data_set_has_no_name(self):
        self.assertEqual(list_sources([Source("a", name="b")])[0].name, "")

    @parameterized.parameters(
        (("1", "3"), (1, 3)), (("0.5", "1.5"), (1, 3)), (("10", "30"), (1, 3)), (("0.1", "1", "2"), (1, 10, 20))
    )
    def test_shares_are_the_smallest_whole_numbers(self, weights, shares):
        values = [f"{k}={weight}" for k, weight in enumerate(weights)]
        self.assertEqual(count_shares(parse_sources(values)), shares)

    def test_weights_that_cannot_be_are_refused(self):
        with user_error("weight of data set b", "0", "Leave the data set out"):
            parse_sources(["a", "b=0"])
        with user_error("weights of --data", "1 : 9999999", "Round"):
            count_shares(parse_sources(["a", "b=9999999"]))

    def test_a_data_set_that_is_named_twice_is_refused(self):
        with user_error("/a", "2 times", "--data=PATH=WEIGHT"):
            parse_sources(["a", "./a=3"])


if __name__ == "__main__":
    absltest.main()
