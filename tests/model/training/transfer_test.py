"""Fine-tuning: weights travel by character, a frozen trunk stays to the bit, the run it began with may go."""

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.densenet import HEAD, build_densenet
from densenet_ocr.model.reading.evaluation import evaluate
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.model.training.trainer import Trainer, train
from densenet_ocr.model.training.transfer import begin_with
from densenet_ocr.model.training.weights import load_model, read_weights
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import ExportInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.samples import CHARSET, convert_lines, draw_levels, shallow_network

OLD = Charset("9876543210xy")  # beside CHARSET, which is "0123456789ab ": two characters more, three fewer


def make_run(folder: str, charset: Charset = OLD, height: int = 32) -> str:
    """A run with best weights that no other model has by chance; returns its folder."""
    path = os.path.join(folder, "old")
    info = DatasetInfo(charset, Geometry(height, 64), "uint8")
    run = open_run(RunFolder(path), RunConfig(TrainConfig(), "data"), info)
    model, random = build_densenet(height=height, classes=charset.classes), np.random.default_rng(7)
    model.set_weights([w + random.uniform(-0.02, 0.02, w.shape) for w in model.get_weights()])
    model.save_weights(os.path.join(run.weights, "best.weights.h5"))
    return path


def settings(run: str, mode: str = "fail", **changes) -> TrainConfig:
    return TrainConfig(init_from=run, charset_mode=mode, **changes)


def trunk_of(model) -> list[np.ndarray]:
    return [v.numpy() for layer in model.layers if layer.name != HEAD for v in layer.trainable_variables]


@pytest.mark.xdist_group("transfer")  # one process, so that the old run is made once
class TransferTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.old = make_run(cls.folder)
        cls.best = os.path.join(cls.old, "weights", "best.weights.h5")

    def begin(self, data: Charset, mode: str = "fail", *, height: int = 32, old: str | None = None):
        info = DatasetInfo(data, Geometry(height, 64), "uint8")
        run = os.path.join(self.create_tempdir().full_path, "run")
        return begin_with(settings(old or self.old, mode), info, run)

    def test_what_is_no_run_is_refused_with_what_it_is(self):
        export = self.create_tempdir().full_path
        info = ExportInfo("onnx", "float32", "", 0.5, 1e-3, provenance={"model": "its-run"})
        info.save(export)
        with open(os.path.join(export, "model.onnx"), "wb"):
            pass
        with user_error("init_from", "'nope', no such folder", "a run", "Check the path"):
            self.begin(OLD, old="nope")
        with user_error("init_from", export, "an export", "a run", "made from: its-run"):
            self.begin(OLD, old=export)
        missing = os.path.join(self.old, "weights", "epoch-0009.weights.h5")
        with user_error(missing, "best.weights.h5", "--init_from"):
            self.begin(OLD, old=missing)

    def logits_of(self, model) -> np.ndarray:
        lines = np.stack([draw_levels(n) for n in range(2)]) / np.float32(255) - 0.5
        return model(lines[..., None], training=False).numpy()

    @parameterized.parameters(
        ("fail", Charset("y0123456789x"), "y0123456789x"),
        ("union", CHARSET, "0123456789ab xy"),
        ("new", CHARSET, "0123456789ab "),
    )
    def test_a_character_keeps_its_logits_wherever_its_class_lies(self, mode, data, expected):
        info, source = self.begin(data, mode)
        self.assertEqual(info.charset.characters, expected)
        new = build_densenet(height=32, classes=info.charset.classes, seed=3)
        fresh = new.get_layer(HEAD).get_weights()
        source.place(new, info.charset)
        before, after = self.logits_of(load_model(self.old)[0]), self.logits_of(new)
        for character in set(expected) & set(OLD.characters):
            (k,), (j,) = OLD.encode(character), info.charset.encode(character)
            self.assertAllClose(before[..., k], after[..., j], rtol=1e-5, atol=1e-5)
        self.assertAllClose(before[..., -1], after[..., -1], rtol=1e-5, atol=1e-5)  # the blank
        added = [k for k, character in enumerate(expected) if character not in OLD]
        old = load_model(self.old)[0].get_layer(HEAD).get_weights()
        for placed, initial, learned in zip(new.get_layer(HEAD).get_weights(), fresh, old, strict=True):
            mean = learned[..., :-1].mean(-1, keepdims=True)  # of all characters, the blank apart
            self.assertAllClose(placed[..., added], initial[..., added] + mean)

    def test_a_network_for_lines_of_any_width_has_the_same_weights(self):
        model = build_densenet(height=32, classes=OLD.classes, padded=True)
        read_weights(self.old, data=OLD).place(model, OLD)
        lines = np.stack([draw_levels(n) for n in range(2)])[..., None] / np.float32(255) - 0.5
        logits = model([lines, np.array([64, 64])], training=False)
        self.assertAllClose(logits, self.logits_of(load_model(self.old)[0]), rtol=1e-5, atol=1e-5)

    def test_by_default_other_characters_are_refused_by_name(self):
        with self.assertRaisesRegex(
            UserError,
            r"^charset of the data: received 3 characters: 'a' .U.0061., 'b' .*, ' ' .* that "
            f"{self.old} lacks, .* 2 characters: 'x' .*, 'y' .*--charset_mode=union .*=new",
        ):
            self.begin(CHARSET)

    def test_many_other_characters_are_counted(self):
        with self.assertRaisesRegex(UserError, "received 26 characters: 'A' .*'T' .U.0054. and 6 more that"):
            self.begin(Charset(OLD.characters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))

    def test_dropped_characters_are_logged(self):
        with self.assertLogs(level="WARNING") as logs:
            self.begin(CHARSET, "new")
        self.assertLen(logs.output, 1)
        self.assertIn("2 characters: 'x' (U+0078), 'y' (U+0079) dropped", logs.output[0])

    def test_another_height_of_features_is_refused(self):
        with self.assertRaisesRegex(
            UserError,
            "image height of the data: received 48, .* 6 rows .*, expected 4 rows, .*old.* --image_height=32",
        ):
            self.begin(OLD, height=48)
        self.assertEqual(self.begin(OLD, height=36)[1].height, 32)

    def test_a_weights_file_of_a_run_has_the_runs_characters(self):
        self.assertEqual(read_weights(self.best, data=CHARSET).charset, OLD)
        with contextlib.chdir(os.path.dirname(self.best)):
            self.assertEqual(read_weights("best.weights.h5", data=CHARSET).charset, OLD)

    def test_a_run_has_its_characters(self):
        for path in (self.old, self.best):
            with self.assertRaisesRegex(
                UserError, "init_charset: received 'c.txt', expected none, .*old has a charset"
            ):
                read_weights(path, data=OLD, charset_path="c.txt")

    def test_a_weights_file_outside_of_a_run_is_refused(self):
        alone = os.path.join(self.create_tempdir().full_path, "best.weights.h5")
        shutil.copy(self.best, alone)
        with self.assertRaisesRegex(
            UserError,
            "weights .*best.weights.h5: received a weights file of Keras 3 that is not in a run, expected a "
            "run, a file in a run's folder weights, or .* Name the folder of the run: it knows which class is",
        ):
            self.begin(OLD, old=alone)

    def test_a_truncated_weights_file_is_refused(self):
        old = os.path.join(self.create_tempdir().full_path, "old")
        shutil.copytree(self.old, old)
        path = os.path.join(old, "weights", "best.weights.h5")
        os.truncate(path, os.path.getsize(path) // 2)
        with self.assertRaisesRegex(UserError, f"weights {path}: received .* in training, by --init_from"):
            self.begin(OLD, old=old)

    def test_a_folder_that_is_no_run_is_refused(self):
        with self.assertRaisesRegex(UserError, "another folder, expected a run"):
            self.begin(OLD, old=self.folder)


@pytest.mark.xdist_group("transfer")
class OldWeightsTest(tf.test.TestCase):
    """A file of the original notebook in place of a run; its characters are those of OLD."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.network, cls.path = (
            build_densenet(height=32, classes=OLD.classes),
            os.path.join(cls.folder, "old.h5"),
        )
        cls.network.save(cls.path)  # as .h5, in the layout of Keras 2
        cls.charset = os.path.join(cls.folder, "old.txt")
        OLD.write(cls.charset)

    def begin(self, data: Charset, charset: str | None, *, height: int = 32, mode: str = "union"):
        info, run = DatasetInfo(data, Geometry(height, 64), "uint8"), self.create_tempdir().full_path
        return begin_with(settings(self.path, mode, init_charset=charset), info, run)

    def test_weights_are_transferred_by_character(self):
        info, source = self.begin(CHARSET, self.charset)
        self.assertEqual(info.charset.characters, "0123456789ab xy")
        new = build_densenet(height=32, classes=info.charset.classes)
        source.place(new, info.charset)
        line = draw_levels(1)[None, ..., None] / np.float32(255) - 0.5
        before, after = (model(line, training=False).numpy() for model in (self.network, new))
        classes = [*info.charset.encode(OLD.characters), info.charset.blank]
        self.assertAllClose(before, after[..., classes], rtol=1e-5, atol=1e-5)

    def test_without_a_charset_it_has_that_of_the_data(self):
        data = Charset("abcdefghijkl")
        with self.assertLogs(level="INFO") as logs:
            _, source = self.begin(data, None, mode="fail")
        self.assertEqual(source.charset, data)
        self.assertRegex(logs.output[0], "the charset of the data, .* 13 classes; --init_charset")

    def test_without_a_charset_data_of_as_many_classes_are_needed(self):
        with self.assertRaisesRegex(
            UserError,
            "old.h5: received a last layer of 13 classes, and no charset, expected the 14 classes of the data, "
            ".* Name the charset that they were trained with: --init_charset=FILE.",
        ):
            self.begin(CHARSET, None)

    def test_a_charset_of_another_size_is_refused(self):
        CHARSET.write(path := os.path.join(self.create_tempdir().full_path, "other.txt"))
        with self.assertRaisesRegex(
            UserError, "received a last layer of 13 classes, expected 14: the charset's 13"
        ):
            self.begin(OLD, path)

    def test_another_height_of_features_is_refused(self):
        with self.assertRaisesRegex(UserError, "received 48, which makes 6 rows .* with --image_height=32"):
            self.begin(OLD, self.charset, height=48)
        self.begin(OLD, self.charset, height=38)
        build_densenet(height=48, classes=OLD.classes).save(high := os.path.join(self.folder, "high.hdf5"))
        with self.assertRaisesRegex(UserError, "expected 6 rows, .* with --image_height=48"):
            begin_with(settings(high), DatasetInfo(OLD, Geometry(32, 64), "uint8"), self.folder)

    def test_a_missing_file_is_an_error(self):
        with self.assertRaisesRegex(UserError, "file none.hdf5: received No such file"):
            begin_with(settings("none.hdf5"), DatasetInfo(OLD, Geometry(32, 64), "uint8"), self.folder)

    def test_a_run_resumes_when_file_and_charset_are_gone(self):
        data, run = convert_lines(self.folder, 5), os.path.join(self.folder, "run")
        training = settings(self.path, "union", init_charset=self.charset, batch_size=4, epochs=1)
        train(config=training, devices=DeviceConfig(), data=data, run=run)
        for path in (self.path, self.charset):
            os.rename(path, path + "-gone")
            self.addCleanup(os.rename, path + "-gone", path)
        result = train(config=training, devices=DeviceConfig(), data=data, run=run)
        self.assertEqual(result["step"], 1)
        self.assertEqual(load_dataset_info(run).charset.characters, "0123456789ab xy")


class Lost(BaseException):
    """Stands for a signal that ends the process."""


@pytest.mark.xdist_group("transfer")
class FineTuningTest(tf.test.TestCase):
    """Three steps an epoch, of which the first four hold the trunk: all of epoch 1 and one step of epoch 2."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data, cls.old = convert_lines(cls.folder, 13), make_run(cls.folder)
        # AdamW, because its decay moves weights whatever their gradients are.
        optimizer = {"optimizer": "adamw", "weight_decay": 0.1, "batch_size": 4}
        cls.settings = settings(cls.old, "union", freeze_trunk_steps=4, epochs=2, **optimizer)
        cls.run_folder = cls.train("whole")

    @classmethod
    def train(cls, name: str, **saving) -> str:
        run, saving = os.path.join(cls.folder, name), CheckpointConfig(**saving)
        train(config=cls.settings, devices=DeviceConfig(), data=cls.data, run=run, checkpoints=saving)
        return run

    def lose(self, name: str, steps: int) -> None:
        """Trains until the checkpoint after so many steps, and is lost there."""

        def save_or_be_lost(trainer, state, save=Trainer._save):
            save(trainer, state)
            if state.step == steps:
                raise Lost

        with mock.patch.object(Trainer, "_save", save_or_be_lost), self.assertRaises(Lost):
            self.train(name, checkpoint_steps=1)

    def test_the_trunk_stays_to_the_bit_while_it_is_held_and_moves_afterwards(self):
        old = load_model(self.old)[0]
        first, last = (load_model(self.run_folder, f"epoch-000{n}.weights.h5")[0] for n in (1, 2))
        for before, held, moved in zip(*map(trunk_of, (old, first, last)), strict=True):
            self.assertEqual(before.tobytes(), held.tobytes())
            self.assertNotAllEqual(held, moved)
        self.assertNotAllEqual(old.get_layer(HEAD).bias[-1], first.get_layer(HEAD).bias[-1])
        means = [model.non_trainable_variables[0].numpy() for model in (old, first)]
        self.assertNotAllEqual(*means)

    def test_resumes_to_the_same_bits_when_the_old_run_is_gone(self):
        self.lose("lost", 0)  # before the first step
        os.rename(self.old, self.old + "-gone")
        self.addCleanup(os.rename, self.old + "-gone", self.old)
        self.lose("lost", 2)  # while the trunk is held
        again, whole = (
            load_model(run, "epoch-0002.weights.h5")[0] for run in (self.train("lost"), self.run_folder)
        )
        for ours, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
            self.assertEqual(ours.tobytes(), theirs.tobytes())

    def test_readers_see_the_characters_of_both(self):
        info = load_dataset_info(self.run_folder)
        self.assertEqual(info.charset.characters, "0123456789ab xy")
        self.assertEqual(evaluate(load_network(self.run_folder), data=self.data, split="train")["lines"], 13)
        reading = Recognizer(self.run_folder).read(draw_levels(1))
        self.assertLessEqual(set(reading.text), set(info.charset.characters))

    def test_other_data_do_not_resume_the_run(self):
        data = convert_lines(self.create_tempdir().full_path, 9)
        with self.assertRaisesRegex(UserError, "another data set than that of the run"):
            train(config=self.settings, devices=DeviceConfig(), data=data, run=self.run_folder)

    def test_a_run_from_before_init_charset_resumes(self):
        run = os.path.join(self.folder, "before")
        shutil.copytree(self.run_folder, run)
        with open(os.path.join(run, "config.json"), "r+") as file:
            config = json.load(file)
            del config["training"]["init_charset"]
            file.seek(0)
            file.truncate()
            json.dump(config, file)
        self.train("before")

    def test_what_is_refused_leaves_no_run(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        with self.assertRaisesRegex(UserError, "charset of the data: received 3 characters"):
            train(
                config=dataclasses.replace(self.settings, charset_mode="fail"),
                devices=DeviceConfig(),
                data=self.data,
                run=run,
            )
        self.assertEmpty(os.listdir(run))


if __name__ == "__main__":
    tf.test.main()
