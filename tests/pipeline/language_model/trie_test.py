"""The arrays of a model."""

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.language_model import LanguageModel
from densenet_ocr.pipeline.language_model.ngrams import FIRST_CHARACTER, START, NGramModel, Vocabulary


def make_dense_model(characters: int) -> NGramModel:
    """All n-grams of two characters, and the first ones of three."""
    vocabulary = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + characters))))
    size = vocabulary.size
    pairs, threes = np.arange(size * size), np.arange(0, size * size * size, 7)
    zeros = [np.zeros(len(keys), np.float32) for keys in (np.arange(size), pairs, threes)]
    return NGramModel(vocabulary, (np.arange(size), pairs, threes), tuple(zeros), tuple(zeros[:2]))


class TrieTest(tf.test.TestCase):
    def test_children_are_found_where_they_are_many(self):
        model = make_dense_model(300)
        arrays = trie.pack(model)
        for order in (1, 2):
            starts, wraps = arrays[f"{order}.starts"].tolist(), arrays[f"{order}.wraps"].tolist()
            found = [trie.find_start(starts, wraps, node) for node in range(len(starts))]
            expected = np.searchsorted(model.parents(order + 1), np.arange(len(starts)))
            self.assertEqual(found, expected.tolist())
        self.assertGreater(expected[-1], 1 << 20)

    def test_bytes_are_counted_before_there_are_arrays(self):
        model = make_dense_model(300)
        for quantize in (True, False):
            arrays = trie.pack(model, quantize=quantize)
            size = sum(array.nbytes for array in arrays.values())
            counted = trie.count_bytes(trie.count_ngrams(arrays), model.vocabulary.size, quantize=quantize)
            self.assertAllClose(counted, size, rtol=0.001)

    def test_a_large_charset_has_wider_tokens(self):
        vocabulary = Vocabulary("".join(map(chr, range(0x10000, 0x10000 + 70_000))))
        last = vocabulary.size - 1
        keys = (np.arange(vocabulary.size), np.array([START * vocabulary.size + last]))
        values = (np.full(vocabulary.size, -9, np.float32), np.full(1, -0.5, np.float32))
        model = NGramModel(vocabulary, keys, values, (np.full(vocabulary.size, -1, np.float32),))
        arrays = trie.pack(model)
        self.assertEqual(arrays["2.tokens"].dtype, np.uint32)
        scorer = LanguageModel(vocabulary, arrays, Charset(vocabulary.characters))
        self.assertAllClose(scorer.score_classes([last - FIRST_CHARACTER]), [-0.5, -10])


class QuantiseTest(tf.test.TestCase):
    def test_few_values_stay_exact(self):
        values = np.array([-1.5, -3, -1.5, -2.25, -3, -9], np.float32)
        codes, means = trie.quantise(values)
        self.assertAllEqual(means[codes], values)

    def test_zero_stays_zero(self):
        values = -np.random.default_rng(0).exponential(size=5000).astype(np.float32)
        values[::3] = 0
        codes, means = trie.quantise(values, keep_zero=True)
        self.assertAllEqual(codes == 0, values == 0)
        self.assertEqual(means[0], 0)

    def test_errors_are_those_of_bins_of_equal_population(self):
        values = -np.random.default_rng(0).exponential(size=100_000).astype(np.float32)
        codes, means = trie.quantise(values)
        populations = np.bincount(codes, minlength=trie.BINS)
        self.assertAllInRange(populations, 100_000 // trie.BINS - 2, 100_000 // trie.BINS + 2)
        self.assertLess(np.abs(means[codes] - values).mean(), 0.02)
        self.assertAllClose(means[codes].mean(), values.mean())

    def test_no_values_have_no_codes(self):
        self.assertEmpty(trie.quantise(np.zeros(0, np.float32))[0])
        self.assertAllEqual(trie.quantise(np.zeros(3, np.float32), keep_zero=True)[0], [0, 0, 0])


if __name__ == "__main__":
    tf.test.main()
