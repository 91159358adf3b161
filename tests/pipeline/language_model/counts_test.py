"""Counts equal those of dictionaries, however the tokens are split into blocks."""

from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.language_model import counts as counts_module
from densenet_ocr.pipeline.language_model.counts import NGramCounter, NGramCounts, select
from densenet_ocr.pipeline.language_model.ngrams import END, START, NGrams, Vocabulary
from tests.pipeline.language_model import samples

VOCABULARY = Vocabulary("abcdef")


def list_ngrams(counts: NGrams, order: int) -> list[tuple[int, ...]]:
    """The n-grams of an order as tuples of tokens."""
    if order == 1:
        return [(k,) for k in range(VOCABULARY.size)]
    shorter = list_ngrams(counts, order - 1)
    pairs = zip(counts.parents(order), counts.tokens(order), strict=True)
    return [(*shorter[parent], int(token)) for parent, token in pairs]


def count(
    rows: list[list[int]], order: int, block: int = 1 << 20, vocabulary: Vocabulary = VOCABULARY
) -> NGramCounts:
    tokens = np.array([token for row in rows for token in (START, *row, END)], np.int64)
    with mock.patch.object(counts_module, "_BLOCK", block):
        counter = NGramCounter(vocabulary, order)
        for start in range(0, len(tokens), 7):
            counter.add(tokens[start : start + 7])
        return counter.finish()


class NGramCountsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(order=[1, 2, 3, 5, 6], block=[8, 50, 1 << 20])
    def test_counts_are_those_of_the_definition(self, order, block):
        rows = samples.make_rows(seed=order)
        found, expected = count(rows, order, block), samples.count(rows, order)
        for length in range(1, order + 1):
            ngrams = list_ngrams(found, length)
            self.assertEqual(ngrams, sorted(ngrams))
            counted = {n: c for n, c in zip(ngrams, found.counts[length - 1].tolist(), strict=True) if c}
            self.assertEqual(counted, dict(expected[length - 1]))

    def test_no_text_has_no_counts(self):
        found = NGramCounter(VOCABULARY, 3).finish()
        self.assertEqual([len(keys) for keys in found.keys], [VOCABULARY.size, 0, 0])

    def test_some_ngrams_are_selected(self):
        found = count(samples.make_rows(seed=1), 4)
        kept = [counts > (0 if order < 2 else 2) for order, counts in enumerate(found.counts)]
        kept[0][:] = True
        chosen = select(found, kept)
        for order in range(1, 5):
            pairs = zip(list_ngrams(found, order), kept[order - 1], strict=True)
            self.assertEqual(list_ngrams(chosen, order), [ngram for ngram, keep in pairs if keep])


if __name__ == "__main__":
    tf.test.main()
