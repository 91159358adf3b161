"""What may change when a run is resumed, and how messages name differences."""

import dataclasses
import os

import tensorflow as tf

from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run.run_config import check_resumable, load_run_config
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from tests.messages import user_error

OLD = TrainConfig(epochs=3, validation_split="test", augmentation=AugmentConfig(ops=("all",)))


class CheckResumableTest(tf.test.TestCase):
    def check(self, **changes) -> None:
        check_resumable("run", OLD, dataclasses.replace(OLD, **changes))

    def test_settings_that_differ_are_named_as_flags(self):
        received = ("--validation_split=none", "--jit_compile", "--augment=''", "--augment_strength=2.0")
        expected = ("--validation_split=test", "--nojit_compile", "--augment=shift,", "--augment_strength=1.0")
        with user_error("run run", *received, "expected", *expected, "ocr-train --run=run"):
            self.check(augmentation=AugmentConfig(strength=2.0), jit_compile=True, validation_split=None)

    def test_epochs_may_rise_and_not_fall(self):
        self.check(epochs=4)
        with user_error("run run", "--epochs=2", "--epochs=3", "--epochs"):
            self.check(epochs=2)

    def test_more_epochs_warn_where_the_learning_rate_depends_on_their_number(self):
        cosine = dataclasses.replace(OLD, schedule="cosine")
        with self.assertLogs(level="WARNING") as logs:
            check_resumable("run", cosine, dataclasses.replace(cosine, epochs=4))
        self.assertIn("--epochs=4: raised from 3; the cosine schedule now ends there", "".join(logs.output))

    def test_no_validation_is_the_same_however_it_is_told(self):
        none = dataclasses.replace(OLD, validation_split=None)
        check_resumable("run", none, dataclasses.replace(none, validation_split="none"))

    def test_a_value_that_cannot_be_is_an_error_of_the_file(self):
        path = os.path.join(self.create_tempdir().full_path, "config.json")
        storage.write_atomically(path, b'{"training": {"epochs": 0}, "data": "data"}')
        with user_error(f"run {path}", "epochs 0", "Restore the file"):
            load_run_config(path)


if __name__ == "__main__":
    tf.test.main()
