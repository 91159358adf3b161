"""Scores equal those of the definitions, whatever the arrays."""

import math
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.language_model import language_model, trie
from densenet_ocr.pipeline.language_model.kneser_ney import estimate
from densenet_ocr.pipeline.language_model.language_model import LanguageModel, find_perplexity
from densenet_ocr.pipeline.language_model.ngrams import Vocabulary
from tests.pipeline.language_model import samples
from tests.pipeline.language_model.counts_test import count

CHARACTERS = Vocabulary("abcdef")
CHARSET = Charset("abcdef")


def make_model(order=4, prune=(0,), charset=CHARSET, quantize=False, rows=300, seed=2) -> LanguageModel:
    texts = samples.make_rows(seed=seed, rows=rows)
    thresholds = (*prune, *prune[-1:] * order)[:order]
    model, _ = estimate(count(texts, order), thresholds)
    return LanguageModel(CHARACTERS, trie.pack(model, quantize=quantize), charset)


def to_ids(row: list[int]) -> np.ndarray:
    return np.array([token - 3 for token in row])


class LanguageModelTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(order=[1, 2, 3, 5], prune=[(0,), (0, 0, 1)], unknown=[0.0])
    def test_scores_are_those_of_the_definition(self, order, prune, unknown):
        model = make_model(order, prune)
        expected = samples.KneserNey(samples.make_rows(seed=2, rows=300), order, CHARACTERS.size, prune)
        for row in samples.make_rows(seed=9, rows=100, unknown=unknown):
            self.assertAllClose(sum(model.score_classes(to_ids(row))), expected.log_probability(row), rtol=1e-5)
            text = "".join(CHARACTERS.characters[token - 3] for token in row)
            self.assertAllClose(model.score_text(text), expected.log_probability(row), rtol=1e-5)

    def test_a_search_scores_character_by_character(self):
        model = make_model()
        state, total = model.start, 0.0
        for k in CHARSET.encode("abcabd"):
            log_probability, state = model.score(state, k)
            total += log_probability
        self.assertAllClose(total + model.finish(state), model.score_text("abcabd"))
        self.assertIsInstance(hash(state), int)

    def test_equal_contexts_are_one_state(self):
        model = make_model(order=3)
        ends = []
        for text in ("aab", "cfab"):
            state = model.start
            for k in CHARSET.encode(text):
                state = model.score(state, k)[1]
            ends.append(state)
        self.assertIs(*ends)

    def test_probabilities_after_a_context_sum_to_1(self):
        model = make_model(order=4, prune=(0, 0, 1))
        state = model.start
        for k in CHARSET.encode("abca"):
            scores = [model.score(state, other)[0] for other in range(6)]
            unknown = model._extend(state, 0)[0]
            self.assertAllClose(np.exp([*scores, unknown, model.finish(state)]).sum(), 1.0)
            state = model.score(state, k)[1]

    def test_classes_are_those_of_the_charset(self):
        model = make_model(charset=Charset("x" + "abcdef"[::-1]))
        self.assertEqual(model.lacks, "x")
        self.assertAllClose(model.score_text("abca"), make_model().score_text("abca"))
        unknown = model.score_text("ax")
        self.assertAllClose(unknown, make_model().score_text("a?"))
        self.assertLess(unknown, model.score_text("ab"))

    def test_states_are_forgotten_when_they_are_many(self):
        self.enter_context(mock.patch.object(language_model, "_MOST_STATES", 3))
        model, expected = make_model(), make_model()
        for text in ("abcabc", "fedcba", "aabbcc", "abcabc"):
            self.assertAllClose(model.score_text(text), expected.score_text(text))
            self.assertLessEqual(len(model._states), 3)

    def test_quantised_scores_are_close(self):
        exact, quantised = make_model(order=5, rows=3000), make_model(order=5, rows=3000, quantize=True)
        rows = [to_ids(row) for row in samples.make_rows(seed=9, rows=200)]
        perplexities = [find_perplexity(model, rows)[0] for model in (exact, quantised)]
        self.assertAllClose(*perplexities, rtol=0.01)

    def test_perplexity_leaves_unknown_characters_out(self):
        model = make_model()
        perplexity, characters = find_perplexity(model, [to_ids([3, 4, 0, 5])])
        scores = model.score_classes([0, 1, -1, 2])
        self.assertEqual(characters, 4)
        self.assertAllClose(perplexity, math.exp(-(sum(scores) - scores[2]) / 4))
        self.assertTrue(math.isnan(find_perplexity(model, [])[0]))


if __name__ == "__main__":
    tf.test.main()
