"""The loss against a sum over all alignments, both greedy decoders against a plain loop."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.ctc import ctc_loss, decode_best_path
from densenet_ocr.pipeline.decoding.best_path import find_best_path

CLASSES = 4  # three characters and the blank


def collapse(path):
    merged = [key for key, _ in itertools.groupby(path)]
    return [k for k in merged if k != CLASSES - 1]


def brute_force_loss(logits, label):
    probabilities = tf.nn.softmax(logits).numpy().astype(np.float64)
    paths = itertools.product(range(CLASSES), repeat=len(logits))
    aligned = [path for path in paths if collapse(path) == label]
    return -np.log(sum(np.prod([probabilities[t, k] for t, k in enumerate(path)]) for path in aligned))


def random_logits(*shape):
    return np.random.default_rng(sum(shape)).normal(0, 2, shape).astype(np.float32)


def spell(*paths):
    """Logits, float32 [B, T, CLASSES], that are highest along the paths."""
    return np.where(np.array(paths)[..., None] == np.arange(CLASSES), 5, 0).astype(np.float32)


class CtcLossTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(([0],), ([2, 1],), ([1, 1],), ([0, 0, 2],), ([0, 1, 0],), ([2, 2, 2],))
    def test_equals_the_sum_over_all_alignments(self, label):
        logits = random_logits(5, CLASSES)
        loss = ctc_loss(
            logits=tf.constant(logits[None]),
            frames=tf.constant([5]),
            label=tf.constant([label]),
            label_length=tf.constant([len(label)]),
        )
        self.assertAllClose(loss, [brute_force_loss(logits, label)], rtol=1e-5)

    def test_heeds_each_lines_own_frames_and_label_length(self):
        logits = random_logits(2, 6, CLASSES)
        loss = tf.function(ctc_loss)(
            logits=tf.constant(logits),
            frames=tf.constant([4, 6]),
            label=tf.constant([[1, -1, -1], [0, 0, 2]]),
            label_length=tf.constant([1, 3]),
        )
        expected = [brute_force_loss(logits[0, :4], [1]), brute_force_loss(logits[1], [0, 0, 2])]
        self.assertAllClose(loss, expected, rtol=1e-5)

    def test_is_infinite_for_a_label_that_its_frames_cannot_hold(self):
        loss = ctc_loss(
            logits=tf.constant(random_logits(1, 2, CLASSES)),
            frames=tf.constant([2]),
            label=tf.constant([[1, 1]]),
            label_length=tf.constant([2]),
        )
        self.assertAllEqual(loss, [np.inf])


class DecodeBestPathTest(parameterized.TestCase, tf.test.TestCase):
    def find(self, logits, frames):
        return decode_best_path(tf.constant(logits), tf.constant(frames))

    def decode(self, path, frames=None):
        return self.find(spell(path), [frames or len(path)]).ids.to_list()[0]

    @parameterized.parameters(
        ([0, 0, 3, 0, 1], [0, 0, 1]),
        ([3, 3, 3], []),
        ([2, 2, 2], [2]),
        ([3, 1, 1, 1, 3, 1, 2, 2], [1, 1, 2]),
    )
    def test_merges_repeats_and_drops_blanks(self, path, expected):
        self.assertEqual(self.decode(path), expected)

    def test_agrees_with_a_plain_loop_on_every_short_path(self):
        paths = list(itertools.product(range(CLASSES), repeat=5))
        decoded = self.find(spell(*paths), [5] * len(paths)).ids.to_list()
        self.assertEqual(decoded, [collapse(path) for path in paths])

    def test_stops_at_the_end_of_the_line(self):
        self.assertEqual(self.decode([0, 3, 1, 2], frames=2), [0])

    def test_confidence_is_the_peak_of_each_characters_own_run(self):
        logits = np.full((1, 5, CLASSES), 0.0, np.float32)
        for frame, (k, height) in enumerate([(0, 1.0), (0, 4.0), (3, 9.0), (0, 2.0), (1, 3.0)]):
            logits[0, frame, k] = height
        path = self.find(logits, [5])
        peaks = [np.exp(height) / (np.exp(height) + 3) for height in (4.0, 2.0, 3.0)]
        self.assertEqual(path.ids.to_list(), [[0, 0, 1]])
        self.assertAllClose(path.confidence.to_list()[0], peaks)

    def test_finds_the_frames_of_each_character(self):
        path = self.find(spell([0, 0, 3, 0, 1, 1, 1, 3], [3, 2, 2, 0, 0, 0, 0, 0]), [8, 3])
        self.assertEqual(path.ids.to_list(), [[0, 0, 1], [2]])
        self.assertEqual((path.first.to_list(), path.last.to_list()), ([[0, 3, 4], [1]], [[1, 3, 6], [2]]))

    def test_decodes_nothing_in_blanks_and_in_no_frames(self):
        for part in self.find(spell([3, 3], [0, 0]), [2, 0]):
            self.assertEqual(part.to_list(), [[], []])

    def test_decodes_a_line_without_frames(self):
        for part in self.find(np.zeros([1, 0, CLASSES], np.float32), [0]):
            self.assertEqual(part.to_list(), [[]])

    def test_decodes_a_batch_without_lines(self):
        for part in self.find(random_logits(0, 9, CLASSES), np.zeros(0, np.int32)):
            self.assertEqual(part.to_list(), [])

    def test_decodes_as_a_graph_does(self):
        logits, frames = random_logits(7, 9, CLASSES), np.arange(3, 10, dtype=np.int32)
        before = logits.copy()
        found = self.find(logits, frames)
        expected = tf.function(decode_best_path)(tf.constant(logits), tf.constant(frames))
        for part, same in zip(found, expected, strict=True):
            self.assertAllEqual(part.row_splits, same.row_splits)
            self.assertAllClose(part.flat_values, same.flat_values)
            self.assertEqual(part.flat_values.dtype, same.flat_values.dtype)
        self.assertAllEqual(logits, before)


class DecodeArraysTest(DecodeBestPathTest):
    """The same tests of the decoder for arrays."""

    def find(self, logits, frames):
        return find_best_path(logits, np.array(frames))


if __name__ == "__main__":
    tf.test.main()
