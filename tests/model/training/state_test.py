"""The training state as JSON, and the mean loss of an epoch's lines."""

import json
import math

import tensorflow as tf

from densenet_ocr.model.network.metrics import Scores
from densenet_ocr.model.training.state import RunningLoss, TrainState
from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.pipeline.errors import UserError


def start(state: TrainState, first_step: int = 0) -> RunningLoss:
    return RunningLoss(state, first_step=first_step, list_keys=lambda step: [f"{step}.png"])


class TrainStateTest(tf.test.TestCase):
    def test_json_restores_an_equal_state(self):
        scores = Scores(lines=10, loss=2.0, exact_match=0.5, cer=0.1, loss_rounds_to_0=0.25)
        callbacks = {"best_loss": 2.0, "wait": 1, "stopping_best": 2.0}
        state = TrainState(epoch=2, step=1, loss_sum=3.5, loss_lines=4.0, scores=scores, callbacks=callbacks)
        for expected in (state, TrainState()):
            content = json.loads(json.dumps(expected.to_json()))
            self.assertEqual(TrainState.from_json(content, batch_size=4), expected)

    def test_reads_the_state_of_the_first_checkpoint_of_an_older_version(self):
        content = {"epoch": 0, "step": 2, "stopped": False, "loss_sum": 3.0, "loss": None, "scores": None}
        state = TrainState.from_json(content, batch_size=4)  # two batches of four, of means 1 and 2
        self.assertEqual(state, TrainState(step=2, loss_sum=12.0, loss_lines=8.0))
        loss = start(state)
        loss.add(StepLoss(4.5, 4.0))
        self.assertEqual(loss.mean(), 2.5)


class RunningLossTest(tf.test.TestCase):
    def test_each_line_has_the_same_weight_in_batches_of_any_size(self):
        loss = start(TrainState())
        loss.add(StepLoss(tf.constant(3.0), tf.constant(1.0)))
        loss.add(StepLoss(tf.constant(1.0), tf.constant(3.0)))
        self.assertEqual(loss.mean(), 1.5)
        self.assertEqual(loss.sum(), (6.0, 4.0))

    def test_continues_from_a_state(self):
        loss = start(TrainState(step=2, loss_sum=6.0, loss_lines=4.0))
        loss.add(StepLoss(0.0, 2.0))
        self.assertEqual(loss.mean(), 1.0)

    def test_a_loss_that_is_not_finite_is_an_error_that_names_step_and_lines(self):
        loss = start(TrainState(step=2, loss_sum=6.0, loss_lines=8.0), first_step=10)
        loss.add(StepLoss(1.0, 4.0))
        loss.add(StepLoss(math.inf, 4.0))
        with self.assertRaisesRegex(UserError, "training loss of step 14: received inf.* 13.png"):
            loss.mean()


if __name__ == "__main__":
    tf.test.main()
