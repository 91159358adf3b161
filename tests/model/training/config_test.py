"""Training configurations: validation, defaults, presets, and flags of ocr-train."""

import dataclasses
import json
import os
import sys
from fractions import Fraction
from unittest import mock

import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver, parameterized

from densenet_ocr.model import train
from densenet_ocr.model.training.config import (
    PRESETS,
    CheckpointConfig,
    DeviceConfig,
    LoggingConfig,
    TrainConfig,
)
from densenet_ocr.model.training.run.run_config import RunConfig, load_run_config
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.pipeline.augmentation.config import OPS, AugmentConfig
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.mixtures.sources import Source
from densenet_ocr.pipeline.ui import flags
from tests.messages import user_error
from tests.samples import CHARSET


class ConfigTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        (TrainConfig, "epochs", 0, "1 or more"),
        (TrainConfig, "batch_size", -1, "1 or more"),
        (TrainConfig, "learning_rate", 0.0, "more than 0"),
        (TrainConfig, "optimizer", "sgd", "adam, adamw"),
        (TrainConfig, "weight_decay", 0.1, "more than 0 with --optimizer=adamw, 0 with adam"),
        (TrainConfig, "frame_stride", 5, "8 or 4"),
        (TrainConfig, "clip_norm", -1.0, "0 or more"),
        (TrainConfig, "ema_decay", 1.0, "less than 1"),
        (TrainConfig, "schedule", "steps", "constant, cosine"),
        (TrainConfig, "precision", "float8", "float32, bfloat16, float16"),
        (TrainConfig, "charset_mode", "union", "fail without --init_from"),
        (TrainConfig, "init_charset", "old.txt", "None without --init_from"),
        (TrainConfig, "charset_blank", "none", "first_row without --init_charset"),
        (TrainConfig, "freeze_trunk_steps", 5, "0 without --init_from"),
        (TrainConfig, "seed", 2**31, "less than 2147483648"),
        (DeviceConfig, "strategy", "two", "auto, one, mirrored"),
        (DeviceConfig, "gpu_memory_fraction", 1.5, "more than 0, at most 1"),
        (DeviceConfig, "intra_op_threads", -2, "0 or more"),
        (CheckpointConfig, "checkpoint_steps", -1, "0 or more"),
        (CheckpointConfig, "checkpoint_minutes", 0.0, "more than 0"),
        (CheckpointConfig, "keep_checkpoints", 0, "1 or more"),
        (LoggingConfig, "histogram_epochs", -1, "0 or more"),
    )
    def test_refuses_values_out_of_range(self, config, name, value, expected):
        with self.assertRaisesRegex(
            UserError, f"^{name}: received {value!r}, expected .*{expected}.* (Set|Leave) --{name}"
        ):
            config(**{name: value})

    @parameterized.parameters(
        ({"optimizer": "adamw"}, "weight_decay: received 0.0"),
        ({"init_from": "run", "charset_mode": "all"}, "charset_mode: .*'all'.* fail, union, new"),
        ({"init_from": "run", "freeze_trunk_steps": -1}, "freeze_trunk_steps: received -1"),
    )
    def test_refuses_values_that_do_not_go_together(self, settings, message):
        with self.assertRaisesRegex(UserError, message):
            TrainConfig(**settings)

    def test_defaults_are_the_notebooks(self):
        config = TrainConfig()
        self.assertEqual((config.batch_size, config.epochs, config.patience), (64, 100, 10))
        self.assertEqual((config.optimizer, config.learning_rate, config.schedule), ("adam", 1e-3, "constant"))

    def test_run_folders_store_these_keys(self):
        # config.json of older runs has them; a renamed field would not resume those.
        stored = dataclasses.asdict(TrainConfig())
        self.assertEqual(
            list(stored),
            [
                *(
                    "train_split",
                    "validation_split",
                    "frame_stride",
                    "init_from",
                    "init_charset",
                    "charset_blank",
                    "charset_mode",
                ),
                *("freeze_trunk_steps", "epochs", "epoch_steps", "batch_size", "optimizer", "weight_decay"),
                "clip_norm",
                *(
                    "learning_rate",
                    "schedule",
                    "warmup_steps",
                    "patience",
                    "ema_decay",
                    "second_head",
                    "precision",
                ),
                *("jit_compile", "augmentation", "shuffle_buffer", "seed"),
            ],
        )
        self.assertEqual(stored["augmentation"], {"ops": (), "probability": 0.5, "strength": 1.0})


class FlagsTest(tf.test.TestCase):
    def call(self, *arguments: str) -> dict:
        """Runs ocr-train with these arguments and returns what the library receives."""
        with flagsaver.flagsaver():  # removes the flags again
            flags.define(*train.CONFIGS)
            absl_flags.FLAGS.unparse_flags()
            absl_flags.FLAGS(["ocr-train", *arguments])
            with mock.patch("densenet_ocr.model.training.trainer.train", return_value={}) as library:
                self.assertEqual(train.main(), 0)
        return library.call_args.kwargs

    def test_the_command_line_overrides_the_preset_and_the_preset_the_defaults(self):
        called = self.call("--data=data", "--run=run", "--preset=recommended", "--ema_decay=0", "--augment=all")
        self.assertEqual((called["data"], called["run"]), ("data", "run"))
        expected = {**PRESETS["recommended"], "ema_decay": 0.0, "augmentation": AugmentConfig(ops=OPS)}
        self.assertEqual(called["config"], TrainConfig(**expected))
        self.assertEqual(called["checkpoints"], CheckpointConfig())

    def test_other_flags_reach_their_configurations(self):
        called = self.call(
            *("--data=data", "--run=run", "--keep_checkpoints=1", "--strategy=one"),
            *("--histogram_epochs=2", "--augment=noise,blur", "--augment_strength=2"),
        )
        self.assertEqual(called["checkpoints"], CheckpointConfig(keep_checkpoints=1))
        self.assertEqual(called["devices"], DeviceConfig(strategy="one"))
        self.assertEqual(called["logs"], LoggingConfig(histogram_epochs=2))
        self.assertEqual(
            called["config"].augmentation, AugmentConfig(ops=("blur", "noise"), probability=0.5, strength=2.0)
        )

    def begin_run(self, **training) -> tuple[str, str]:
        """A run that has begun, and its data set; returns their folders."""
        folder = self.create_tempdir().full_path
        run, data = (os.path.join(folder, name) for name in ("a run", "data"))
        info = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")
        os.makedirs(data)
        info.save(data)
        settings = {
            "devices": DeviceConfig(strategy="one"),
            "checkpoints": CheckpointConfig(checkpoint_steps=7),
        }
        open_run(RunFolder(run), RunConfig(TrainConfig(**training), data, **settings), info)
        return run, data

    def test_the_run_alone_resumes_with_its_own_settings(self):
        training = {**PRESETS["recommended"], "epochs": 7, "augmentation": AugmentConfig(ops=("blur",))}
        run, data = self.begin_run(**training)
        called = self.call(f"--run={run}", "--epochs=9")
        self.assertEqual(called["data"], data)
        self.assertEqual(called["config"], TrainConfig(**{**training, "epochs": 9}))
        self.assertEqual(called["devices"], DeviceConfig(strategy="one"))
        self.assertEqual(called["checkpoints"], CheckpointConfig(checkpoint_steps=7))
        self.assertEqual(load_run_config(RunFolder(run).config).command, tuple(sys.argv))

    def test_a_preset_that_is_named_overrides_the_settings_of_the_run(self):
        run, _ = self.begin_run(**PRESETS["recommended"])
        self.assertEqual(self.call(f"--run={run}", "--preset=notebook")["config"], TrainConfig())

    def test_data_that_have_moved_are_named(self):
        run, data = self.begin_run()
        os.rename(data, data + "-moved")
        with user_error(run, data, "--data"):
            self.call(f"--run={run}")
        self.assertEqual(self.call(f"--run={run}", f"--data={data}-moved")["data"], data + "-moved")

    def test_several_data_sets_are_a_mixture(self):
        called = self.call("--data=a/real", "--data=made=3", "--run=run")
        self.assertEqual(called["data"], (Source("a/real", name="real"), Source("made", Fraction(3), "made")))

    def test_a_mixture_is_stored_with_its_weights_and_names(self):
        data = (Source("/a/real", name="real"), Source("/made", Fraction(1, 3), "made"))
        path = self.create_tempfile("config.json").full_path
        RunConfig(TrainConfig(epoch_steps=5), data).save(path)
        stored = load_run_config(path)
        self.assertEqual((stored.data, stored.training.epoch_steps), (data, 5))

    def test_one_data_set_is_stored_as_it_was_by_older_versions(self):
        path = self.create_tempfile("config.json").full_path
        RunConfig(TrainConfig(), "/data").save(path)
        with open(path) as file:
            stored = json.load(file)
        self.assertEqual(stored["data"], "/data")
        self.assertNotIn("epoch_steps", stored["training"])

    def test_a_new_run_needs_data(self):
        with user_error("run new", "no run in it", "--run", "--data"):
            self.call("--run=new")

    def test_without_anything_to_do_it_says_what_to_set(self):
        with self.assertRaisesRegex(UserError, "run: received none.*--run, --preview, --benchmark_input or"):
            self.call("--data=data")


if __name__ == "__main__":
    tf.test.main()
