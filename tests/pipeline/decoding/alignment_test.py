"""Characters are placed where the likeliest alignment has them."""

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.decoding.alignment import place_best_path, place_characters
from densenet_ocr.pipeline.decoding.best_path import find_best_path
from densenet_ocr.pipeline.decoding.candidates import Candidates
from tests.pipeline.decoding.brute_force import best_alignment, draw_logits, sum_alignments


def place(logits: np.ndarray, ids: list[int]):
    candidates = Candidates(logits)
    blank = candidates.probabilities_of([logits.shape[1] - 1])[:, 0]
    return place_characters(ids, candidates.probabilities_of(ids), blank)


class AlignmentTest(tf.test.TestCase):
    def test_frames_are_those_of_the_likeliest_alignment(self):
        for seed in range(150):
            logits = draw_logits(seed, most_frames=4)
            for text in sum_alignments(logits):
                alignment = best_alignment(logits, text)
                expected, before = [], None
                for frame, k in enumerate(alignment):
                    if k == logits.shape[1] - 1:
                        before = None
                    elif k == before:
                        expected[-1][1] = frame
                    else:
                        expected.append([frame, frame])
                        before = k
                placed = place(logits, list(text))
                self.assertEqual([[p.first, p.last] for p in placed], expected, f"{seed} {text}")

    def test_the_best_path_keeps_its_places_and_confidences(self):
        for seed in range(100):
            logits = draw_logits(seed, most_frames=30, most_classes=8)
            path = find_best_path(logits[None].copy(), [len(logits)])
            ids, confidences, first, last = (part.to_list()[0] for part in path)
            placed = place(logits, ids)
            self.assertAllClose([p.confidence for p in placed], confidences)
            self.assertEqual([(p.first, p.last) for p in placed], list(zip(first, last, strict=True)))
            likely = place_best_path(Candidates(logits, ratio=0.5, most=3).frames)
            self.assertEqual(likely[0], ids)
            self.assertAllClose(likely[1], placed)

    def test_refuses_a_text_that_does_not_fit(self):
        with self.assertRaisesRegex(ValueError, "2 characters in 2 frames"):
            place(np.zeros([2, 3], np.float32), [1, 1])


if __name__ == "__main__":
    tf.test.main()
