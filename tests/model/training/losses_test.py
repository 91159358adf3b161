"""The mean of an epoch's losses, line by line."""

import math

import tensorflow as tf

from densenet_ocr.model.training.losses import NO_LOSS, Losses
from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.pipeline.errors import UserError


def begin(state: dict, first_step: int = 0) -> Losses:
    return Losses(state, batch_size=4, name_lines=lambda step: [f"{step}.png"], first_step=first_step)


class LossesTest(tf.test.TestCase):
    def test_every_line_counts_alike_in_batches_of_any_size(self):
        losses = begin({"step": 0, **NO_LOSS})
        losses.add(StepLoss(tf.constant(3.0), tf.constant(1.0)))
        losses.add(StepLoss(tf.constant(1.0), tf.constant(3.0)))
        self.assertEqual(losses.mean(), 1.5)
        self.assertEqual(losses.sum(), {"loss_sum": 6.0, "loss_lines": 4.0})

    def test_goes_on_from_a_state(self):
        losses = begin({"step": 2, "loss_sum": 6.0, "loss_lines": 4.0})
        losses.add(StepLoss(0.0, 2.0))
        self.assertEqual(losses.mean(), 1.0)

    def test_resumes_from_the_state_of_an_older_run(self):
        losses = begin({"step": 2, "loss_sum": 3.0})  # two batches of four, of means 1 and 2
        self.assertEqual(losses.mean(), 1.5)
        losses.add(StepLoss(4.5, 4.0))
        self.assertEqual(losses.mean(), 2.5)

    def test_a_nan_loss_names_its_lines(self):
        losses = begin({"step": 2, "loss_sum": 6.0, "loss_lines": 8.0}, first_step=10)
        losses.add(StepLoss(1.0, 4.0))
        losses.add(StepLoss(math.inf, 4.0))
        with self.assertRaisesRegex(UserError, "training loss of step 14: received inf.* 13.png"):
            losses.mean()


if __name__ == "__main__":
    tf.test.main()
