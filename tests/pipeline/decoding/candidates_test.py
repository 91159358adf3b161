"""The likely classes of frames, with the probabilities that a softmax over all classes gives."""

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.decoding.candidates import Candidates, find_log_mass
from densenet_ocr.pipeline.errors import UserError

CLASSES = 50


class CandidatesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.logits = np.random.default_rng(0).normal(size=(7, CLASSES)).astype(np.float32) * 3 + 80
        values = np.exp(self.logits.astype(np.float64) - 80)
        self.probabilities = values / values.sum(axis=1, keepdims=True)

    def list_classes(self, frame, blank=CLASSES - 1):
        return [k for k, _ in frame.characters] + [blank] * bool(frame.blank)

    def test_without_limits_all_classes_are_candidates(self):
        for frame, row in zip(Candidates(self.logits).frames, self.probabilities, strict=True):
            self.assertAllClose([*(p for _, p in frame.characters), frame.blank], row, rtol=1e-7)

    def test_classes_below_a_share_of_the_likeliest_are_left_out(self):
        for frame, row in zip(Candidates(self.logits, ratio=0.02).frames, self.probabilities, strict=True):
            self.assertEqual(self.list_classes(frame), np.flatnonzero(row >= 0.02 * row.max()).tolist())

    def test_of_many_classes_the_likeliest_are_kept(self):
        for frame, row in zip(Candidates(self.logits, most=4).frames, self.probabilities, strict=True):
            self.assertEqual(self.list_classes(frame), sorted(np.argsort(row)[-4:].tolist()))

    def test_has_the_probability_of_any_class(self):
        candidates = Candidates(self.logits, most=1)
        self.assertAllClose(candidates.probabilities_of([3, 7]), self.probabilities[:, [3, 7]], rtol=1e-6)
        self.assertAllClose(np.array(candidates.rows), self.probabilities, rtol=1e-6)

    def test_the_mass_of_all_alignments_is_that_of_all_frames(self):
        expected = np.log(np.exp(self.logits.astype(np.float64) - 80).sum(axis=1)).sum() + 7 * 80
        self.assertAllClose(Candidates(self.logits).log_mass, expected)
        self.assertAllClose(find_log_mass(self.logits), expected)

    def test_forbidden_classes_are_none(self):
        self.logits[:, 10:49] = -np.inf
        for frame in Candidates(self.logits, most=20).frames:
            self.assertContainsSubset([k for k, p in frame.characters if p > 0], range(10))

    def test_refuses_logits_that_are_no_numbers(self):
        self.logits[3, 3] = np.nan
        with self.assertRaisesRegex(UserError, "logits: received values that are not numbers"):
            Candidates(self.logits)


if __name__ == "__main__":
    tf.test.main()
