"""The search finds what sums over all alignments find."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.decoding.beam_search import BeamSearch
from densenet_ocr.pipeline.decoding.candidates import Candidates
from tests.pipeline.decoding.brute_force import draw_logits, sum_alignments

EXACT = {"width": None, "least_share": 0.0}


class Bigrams:
    """A language model of pairs of classes, with random probabilities; the state is the class before."""

    start = -1

    def __init__(self, classes: int, seed: int):
        table = np.random.default_rng(seed).uniform(0.05, 1, (classes, classes))
        self._logs = np.log(table / table.sum(axis=1, keepdims=True)).tolist()

    def score(self, state, k):
        return self._logs[state][k], k

    def finish(self, state):
        return self._logs[state][-1]  # the blank's place is that of the end

    def score_text(self, text):
        state, total = self.start, 0.0
        for k in text:
            log_probability, state = self.score(state, k)
            total += log_probability
        return total + self.finish(state)


class BeamSearchTest(parameterized.TestCase, tf.test.TestCase):
    def test_sums_all_alignments_of_each_text(self):
        for seed in range(2000):
            logits = draw_logits(seed)
            expected = {text: p for text, p in sum_alignments(logits).items() if p > 1e-30}
            found = BeamSearch(**EXACT).search(Candidates(logits))
            texts = {tuple(hypothesis.ids): hypothesis.log_probability for hypothesis in found}
            self.assertGreaterEqual(texts.keys(), expected.keys())
            for text, probability in expected.items():
                self.assertAlmostEqual(texts[text], math.log(probability), delta=1e-6, msg=f"{seed}")
            self.assertAlmostEqual(sum(map(math.exp, texts.values())), 1, delta=1e-6)
            self.assertEqual([h.score for h in found], sorted((h.score for h in found), reverse=True))

    def test_a_language_model_counts_with_its_weight_and_each_character_with_the_bonus(self):
        for seed in range(300):
            logits = draw_logits(seed)
            model = Bigrams(logits.shape[1], seed)
            search = BeamSearch(**EXACT, scorer=model, lm_weight=0.7, length_bonus=0.4)
            scores = {tuple(h.ids): h.score for h in search.search(Candidates(logits))}
            for text, probability in sum_alignments(logits).items():
                if probability > 1e-30:
                    score = math.log(probability) + 0.7 * model.score_text(text) + 0.4 * len(text)
                    self.assertAlmostEqual(scores[text], score, delta=1e-6)

    def test_a_narrow_beam_finds_the_likeliest_text_and_no_more_than_its_width(self):
        right = 0
        for seed in range(300):
            logits = draw_logits(seed)
            texts = sum_alignments(logits)
            found = BeamSearch(width=5).search(Candidates(logits, ratio=1e-3))
            self.assertLessEqual(len(found), 5)
            self.assertLess(found[0].log_probability, math.log(texts[tuple(found[0].ids)]) + 1e-6)
            right += tuple(found[0].ids) == max(texts, key=texts.get)
        self.assertGreater(right, 290)

    def test_a_sum_of_alignments_beats_the_best_path(self):
        # Graves 2012, figure 7.5: the best path is blank, blank with 0.36; "a" has three with 0.64 together.
        (best, _) = BeamSearch().search(Candidates(np.log(np.float32([[0.4, 0.6], [0.4, 0.6]]))))
        self.assertEqual(best.ids, [0])
        self.assertAllClose(math.exp(best.log_probability), 0.64)

    def test_a_character_follows_itself_behind_a_blank_alone(self):
        logits = np.float32([[9, 0], [9, 0], [0, 9], [9, 0], [0, 9]])
        self.assertEqual(BeamSearch().search(Candidates(logits))[0].ids, [0, 0])

    def test_probabilities_of_long_lines_do_not_vanish(self):
        logits = np.random.default_rng(0).normal(size=(3000, 50)).astype(np.float32)
        found = BeamSearch(width=3).search(Candidates(logits, ratio=0.1, most=5))
        self.assertLen(found, 3)
        self.assertTrue(all(-math.inf < h.log_probability < -1000 for h in found))

    def test_a_line_without_frames_has_the_empty_text(self):
        self.assertEqual(BeamSearch().search(Candidates(np.zeros([0, 5], np.float32))), [([], 0.0, 0.0)])


if __name__ == "__main__":
    tf.test.main()
