"""Settings are checked where they are made."""

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.pipeline.errors import UserError


class ConfigTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ({"epochs": 0}, "epochs: received 0, expected 1 or more. Set --epochs."),
        ({"batch_size": -1}, "batch_size: received -1, expected 1 or more. Set --batch_size."),
        ({"learning_rate": 0.0}, "learning_rate: received 0.0, expected more than 0. Set --learning_rate."),
        ({"optimizer": "sgd"}, "optimizer: received 'sgd', expected adam or adamw. Set --optimizer."),
        (
            {"weight_decay": 0.1},
            "weight_decay: received 0.1, expected more than 0 with --optimizer=adamw, 0 with adam. "
            "Set --weight_decay.",
        ),
        (
            {"optimizer": "adamw"},
            "weight_decay: received 0.0, expected more than 0 with --optimizer=adamw, 0 with adam. "
            "Set --weight_decay.",
        ),
        ({"clip_norm": -1.0}, "clip_norm: received -1.0, expected 0 or more. Set --clip_norm."),
        ({"schedule": "steps"}, "schedule: received 'steps', expected constant or cosine. Set --schedule."),
        (
            {"init_from": "run", "charset_mode": "all"},
            "charset_mode: received 'all', expected fail, union, new. Set --charset_mode.",
        ),
        (
            {"charset_mode": "union"},
            "charset_mode: received 'union', expected fail without --init_from. Set --charset_mode.",
        ),
        (
            {"init_charset": "old.txt"},
            "init_charset: received 'old.txt', expected none without --init_from. Set --init_charset.",
        ),
        (
            {"freeze_trunk_steps": 5},
            "freeze_trunk_steps: received 5, expected 0 without --init_from. Set --freeze_trunk_steps.",
        ),
        (
            {"init_from": "run", "freeze_trunk_steps": -1},
            "freeze_trunk_steps: received -1, expected 0 or more. Set --freeze_trunk_steps.",
        ),
        ({"seed": 2**31}, "seed: received 2147483648, expected 0 to 2147483647. Set --seed."),
    )
    def test_training_refuses(self, settings, message):
        with self.assertRaises(UserError) as caught:
            TrainConfig(**settings)
        self.assertEqual(str(caught.exception), message)

    @parameterized.parameters(
        ({"strategy": "two"}, "strategy: received 'two', expected auto, one, mirrored. Set --strategy."),
        (
            {"gpu_memory_fraction": 1.5},
            "gpu_memory_fraction: received 1.5, expected more than 0, at most 1. Set --gpu_memory_fraction.",
        ),
        (
            {"intra_op_threads": -2},
            "intra_op_threads: received -2, expected 0 or more. Set --intra_op_threads.",
        ),
    )
    def test_devices_refuse(self, settings, message):
        with self.assertRaises(UserError) as caught:
            DeviceConfig(**settings)
        self.assertEqual(str(caught.exception), message)

    def test_defaults_are_the_notebooks(self):
        training = TrainConfig()
        self.assertEqual(
            (
                training.batch_size,
                training.epochs,
                training.learning_rate,
                training.patience,
                training.schedule,
            ),
            (64, 100, 1e-3, 10, "constant"),
        )


if __name__ == "__main__":
    tf.test.main()
