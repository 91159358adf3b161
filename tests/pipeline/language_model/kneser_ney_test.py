"""Estimates equal those of the definitions, and sum to 1."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.language_model.kneser_ney import FALLBACK, estimate
from densenet_ocr.pipeline.language_model.ngrams import END, START, UNKNOWN, Vocabulary
from tests.pipeline.language_model import samples
from tests.pipeline.language_model.counts_test import count, list_ngrams

CHARACTERS = Vocabulary("abcdef")


class EstimateTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        (1, (0,)), (2, (0,)), (3, (0,)), (5, (0,)), (6, (0,)), (3, (0, 0, 1)), (5, (0, 0, 1, 2))
    )
    def test_probabilities_are_those_of_the_definition(self, order, prune):
        rows = samples.make_rows(seed=order, rows=300)
        expected = samples.KneserNey(rows, order, CHARACTERS.size, prune)
        model, discounts = estimate(count(rows, order), expected.prune)
        self.assertEqual([round(d, 9) for d in discounts[-1].values], expected_discounts(expected))
        compared = 0
        for length in range(1, order + 1):
            ngrams = list_ngrams(model, length)
            for ngram, log_probability in zip(ngrams, model.log_probabilities[length - 1], strict=True):
                if ngram[-1] != START:
                    probability = expected.probability(ngram[:-1], ngram[-1])
                    self.assertAllClose(np.exp(log_probability), probability, rtol=1e-5, atol=0)
                    compared += 1
        self.assertGreaterEqual(compared, CHARACTERS.size - 1)

    def test_probabilities_of_a_context_sum_to_1(self):
        rows = samples.make_rows(seed=3, rows=300)
        for order, prune in [(1, (0,)), (4, (0,)), (4, (0, 0, 1))]:
            expected = samples.KneserNey(rows, order, CHARACTERS.size, prune)
            for context in [(), (START,), (3, 4), (UNKNOWN,), (3, 4, 5)]:
                tokens = [k for k in range(CHARACTERS.size) if k != START]
                self.assertAllClose(sum(expected.probability(context, k) for k in tokens), 1.0, atol=1e-12)

    def test_characters_that_the_text_lacks_have_the_probability_of_unknown_ones(self):
        rows = [[3, 4, 3, 4, 5], [3, 3]] * 20
        model, _ = estimate(count(rows, 2), (0, 0))
        unigrams = model.log_probabilities[0]
        self.assertEqual(unigrams[8], unigrams[UNKNOWN])
        self.assertLess(unigrams[8], unigrams[END])
        tokens = [k for k in range(CHARACTERS.size) if k != START]
        self.assertAllClose(np.exp(unigrams[tokens]).sum(), 1.0)

    def test_too_little_text_takes_fallback_discounts(self):
        model, discounts = estimate(count([[3, 4]], 3), (0, 0, 0))
        self.assertEqual([d.are_fallback for d in discounts], [True] * 3)
        self.assertEqual(discounts[0].values, FALLBACK)
        self.assertTrue(all(np.isfinite(values).all() for values in model.log_probabilities))


def expected_discounts(model: samples.KneserNey) -> list[float]:
    return [round(d, 9) for d in model.discounts[-1][1:]]


if __name__ == "__main__":
    tf.test.main()
