"""Figures that a user quotes: exact match, CER, intervals, and the notebook's own."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.metrics import Scores, score_batch, wilson_interval
from densenet_ocr.pipeline import schema

CLASSES = 4


def make_batch(labels, weights):
    longest = max(map(len, labels))
    return {
        schema.LABEL: tf.constant([label + [schema.NO_CLASS] * (longest - len(label)) for label in labels]),
        schema.LABEL_LENGTH: tf.constant([len(label) for label in labels]),
        schema.FRAMES: tf.fill([len(labels)], 7),
        schema.WEIGHT: tf.constant(weights, tf.float32),
    }


def logits_of(paths, height=20.0):
    return tf.one_hot(paths, CLASSES, on_value=height)


PATHS = [[0, 3, 1, 3, 3, 3, 3], [2, 3, 2, 3, 3, 3, 3], [3, 3, 3, 3, 3, 3, 3]]


class ScoreBatchTest(tf.test.TestCase):
    def test_counts_exact_lines_and_levenshtein_edits(self):
        # Read are 'ab', 'cc' and nothing; one substitution and an insertion too many, then two deletions.
        scores = Scores.from_sums(
            score_batch(logits_of(PATHS), make_batch([[0, 1], [1], [0, 0]], [1, 1, 1])).numpy()
        )
        self.assertEqual(scores.lines, 3)
        self.assertAllClose(scores.exact_match, 1 / 3)
        self.assertAllClose(scores.cer, (0 + 2 + 2) / 5)

    def test_rows_of_weight_0_count_nothing(self):
        labels = [[0, 1], [2, 2], [0, 0]]
        whole = score_batch(logits_of(PATHS[:2]), make_batch(labels[:2], [1, 1]))
        padded = score_batch(logits_of(PATHS), make_batch(labels, [1, 1, 0]))
        self.assertAllClose(whole, padded)

    def test_the_notebooks_figure_is_the_share_of_losses_that_round_to_0(self):
        sure, unsure = logits_of(PATHS[:1]), logits_of(PATHS[:1], height=0.5)
        for logits, expected in ((sure, 1.0), (unsure, 0.0)):
            scores = Scores.from_sums(score_batch(logits, make_batch([[0, 1]], [1])).numpy())
            self.assertEqual(scores.exact_match, 1.0)
            self.assertEqual(scores.loss_rounds_to_0, expected)

    def test_loss_is_the_mean_over_lines(self):
        batch = make_batch([[0, 1], [2, 2]], [1, 1])
        sums = score_batch(logits_of(PATHS[:2], height=1.0), batch).numpy()
        singles = [
            score_batch(logits_of([path], height=1.0), make_batch([label], [1])).numpy()[1]
            for path, label in zip(PATHS, [[0, 1], [2, 2]], strict=False)
        ]
        self.assertAllClose(Scores.from_sums(sums).loss, np.mean(singles))


class WilsonIntervalTest(parameterized.TestCase, tf.test.TestCase):
    # Figures of Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
    @parameterized.parameters((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611))
    def test_equals_published_figures(self, hits, lines, low, high):
        self.assertAllClose(wilson_interval(hits, lines), (low, high), atol=6e-5)

    def test_is_everything_where_there_are_no_lines(self):
        self.assertEqual(wilson_interval(0, 0), (0.0, 1.0))


if __name__ == "__main__":
    tf.test.main()
