"""Distributions of line lengths: numbers, ranges and mixtures."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.text.lengths import parse_lengths
from densenet_ocr.pipeline.errors import UserError


class LengthsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("10", {10: 1}),
        ("4-6", {4: 1, 5: 1, 6: 1}),
        # Three lines of four have 10 characters, and one of four the others.
        ("10=3,4-5=1", {4: 1, 5: 1, 10: 6}),
        ("10=3, 9-10", {9: 1, 10: 7}),
        ("2=0.25,3=0.75", {2: 1, 3: 3}),
        ("7,7", {7: 1}),
    )
    def test_lengths_have_integer_weights(self, text, weights):
        lengths = parse_lengths(text)
        whole = dict(zip(lengths.values, lengths.weights, strict=True))
        scale = whole[min(weights)] // weights[min(weights)]
        self.assertEqual(whole, {value: weight * scale for value, weight in weights.items()})

    def test_longest_is_the_largest_number(self):
        lengths = parse_lengths("10=3,2=1")
        self.assertEqual(lengths.longest, 10)

    @parameterized.parameters(
        "", "0", "5-4", "0-3", "10=0", "10=-1", "10=x", "4-", "-4", "1.5", "10,", "10==2", "٣"
    )
    def test_a_wrong_length_is_refused(self, text):
        with self.assertRaisesRegex(
            UserError, "length: received .* expected characters per line .* Set --length"
        ):
            parse_lengths(text)


if __name__ == "__main__":
    tf.test.main()
