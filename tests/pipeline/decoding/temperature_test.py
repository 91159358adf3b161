"""A fitted temperature makes confidences say how many lines are right."""

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.decoding.temperature import fit_temperature


def draw(temperature: float, count: int = 4000):
    """Scores of two to four texts, of which the best one is right with its posterior at a temperature."""
    random = np.random.default_rng(0)
    scores, rights = [], []
    for _ in range(count):
        line = -np.sort(random.exponential(3, random.integers(2, 5)))
        line -= line[0]
        posterior = 1 / np.exp(line / temperature).sum()
        scores.append((line - 40).tolist())
        rights.append(bool(random.random() < posterior))
    return scores, rights


class TemperatureTest(tf.test.TestCase):
    def test_finds_the_temperature_that_lines_were_drawn_with(self):
        for temperature in (0.6, 1.0, 3.0):
            self.assertAllClose(fit_temperature(*draw(temperature)), temperature, rtol=0.15)

    def test_lines_that_are_all_right_or_all_wrong_fit_none(self):
        scores, _ = draw(1.0, 5)
        self.assertIsNone(fit_temperature(scores, [True] * 5))
        self.assertIsNone(fit_temperature(scores, [False] * 5))

    def test_one_sure_line_that_is_wrong_does_not_decide(self):
        scores, rights = draw(1.0)
        found = fit_temperature([*scores, [0.0]], [*rights, False])
        self.assertAllClose(found, fit_temperature(scores, rights), rtol=0.1)


if __name__ == "__main__":
    tf.test.main()
