"""Every entry of a lexicon gets the probability of all of its alignments."""

import math

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.decoding.beam_search import BeamSearch
from densenet_ocr.pipeline.decoding.candidates import Candidates
from densenet_ocr.pipeline.decoding.entry_search import EntrySearch, make_trie
from tests.pipeline.decoding.beam_search_test import Bigrams
from tests.pipeline.decoding.brute_force import sum_alignments

ENTRIES = [[0], [0, 1], [0, 0, 1], [1, 2], [1, 1], [2, 0, 1, 2], [2], [0, 1, 2, 0, 1, 2]]


class EntrySearchTest(tf.test.TestCase):
    def draw(self, seed):
        return np.random.default_rng(seed).normal(size=(5, 4)).astype(np.float32) * 4

    def test_sums_all_alignments_of_each_entry(self):
        search = EntrySearch(ENTRIES, 3, BeamSearch(width=100))
        for seed in range(100):
            logits = self.draw(seed)
            expected = sum_alignments(logits)
            found = search.search(Candidates(logits))
            self.assertCountEqual([h.ids for h in found], [e for e in ENTRIES if len(e) < 6])
            self.assertEqual([h.score for h in found], sorted((h.score for h in found), reverse=True))
            for hypothesis in found:
                probability = expected[tuple(hypothesis.ids)]
                self.assertAlmostEqual(hypothesis.log_probability, math.log(probability), delta=1e-5)

    def test_a_language_model_and_a_bonus_count(self):
        model = Bigrams(4, 0)
        beam = BeamSearch(width=3, scorer=model, lm_weight=0.7, length_bonus=0.4)
        found = EntrySearch(ENTRIES, 3, beam).search(Candidates(self.draw(0)))
        self.assertLen(found, 3)
        for h in found:
            expected = h.log_probability + 0.7 * model.score_text(h.ids) + 0.4 * len(h.ids)
            self.assertAllClose(h.score, expected)

    def test_probabilities_of_long_lines_do_not_vanish(self):
        logits = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
        found = EntrySearch(ENTRIES, 3, BeamSearch(width=9)).search(Candidates(logits))
        self.assertLen(found, len(ENTRIES))
        self.assertTrue(all(-math.inf < h.log_probability < -500 for h in found))

    def test_counts_the_nodes_of_the_trie(self):
        self.assertLen(make_trie(ENTRIES, 100)[0], 15)
        self.assertGreater(len(make_trie(ENTRIES, 3)[0]), 3)


if __name__ == "__main__":
    tf.test.main()
