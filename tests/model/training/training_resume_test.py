"""A run that was killed or stopped at any step resumes to the weights of an uninterrupted one."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.preemption import Preempted
from densenet_ocr.model.training.run.checkpoints import Checkpoints
from densenet_ocr.model.training.run.history import truncate_events
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, hold_run, open_run
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.model.training.disturbance import Lost, after_step, read_weights
from tests.samples import CHARSET, convert_lines, shallow_network

# 13 lines make three steps of four an epoch, and an epoch that begins within a pass.
SETTINGS = TrainConfig(batch_size=4, epochs=3, learning_rate=1e-3, seed=3)


def read_history(run: str) -> list[tuple[str, str]]:
    with open(os.path.join(run, "history.csv")) as file:
        return [(row["epoch"], row["loss"]) for row in csv.DictReader(file)]


class ResumeTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.data, cls.undisturbed = convert_lines(folder, 13), os.path.join(folder, "undisturbed")
        cls.expected = train(config=SETTINGS, devices=DeviceConfig(), data=cls.data, run=cls.undisturbed)

    def setUp(self):
        super().setUp()
        self.run = os.path.join(self.create_tempdir().full_path, "run")

    def train(self, **saving) -> dict:
        return train(
            config=SETTINGS,
            devices=DeviceConfig(),
            data=self.data,
            run=self.run,
            checkpoints=CheckpointConfig(**saving),
        )

    def train_until(self, step: int, happens, **saving) -> None:
        """Trains with something that happens after a step of the run, from 1."""
        with after_step(step, happens):
            self.train(**saving)

    def lose(self, step: int, **saving) -> None:
        """Trains until a step, and is lost there."""

        def be_lost():
            raise Lost

        with self.assertRaises(Lost):
            self.train_until(step, be_lost, **saving)

    def assert_ends_as_if_undisturbed(self, result: dict) -> None:
        last = os.path.join("weights", "epoch-0003.weights.h5")
        ours, theirs = (read_weights(os.path.join(run, last)) for run in (self.run, self.undisturbed))
        self.assertEqual(ours.keys(), theirs.keys())
        for name in ours:
            self.assertEqual(ours[name].tobytes(), theirs[name].tobytes(), name)
        self.assertEqual((result["step"], result["loss"]), (self.expected["step"], self.expected["loss"]))
        self.assertEqual(read_history(self.run), read_history(self.undisturbed))

    @parameterized.parameters((5, 2), (9, 100))
    def test_a_run_lost_at_a_step_ends_with_the_weights_of_an_undisturbed_one(self, step, checkpoint_steps):
        self.lose(step, checkpoint_steps=checkpoint_steps)
        self.assert_ends_as_if_undisturbed(self.train())

    def test_a_finished_run_goes_on_to_more_epochs_as_if_it_had_begun_with_them(self):
        shorter = dataclasses.replace(SETTINGS, epochs=2)
        train(config=shorter, devices=DeviceConfig(), data=self.data, run=self.run)
        self.assert_ends_as_if_undisturbed(self.train())

    def test_a_signal_saves_and_stops_and_the_run_resumes_from_there(self):
        with self.assertRaisesRegex(Preempted, "^SIGTERM in epoch 2, after step 2$"):
            self.train_until(5, lambda: signal.raise_signal(signal.SIGTERM), keep_weights=1)
        self.assertTrue(os.path.exists(os.path.join(self.run, "checkpoints", "ckpt-5.index")))
        self.assert_ends_as_if_undisturbed(self.train(keep_weights=1))
        self.assertEqual(os.listdir(os.path.join(self.run, "weights")), ["epoch-0003.weights.h5"])

    def test_a_damaged_checkpoint_falls_back_to_the_one_before(self):
        self.lose(6, checkpoint_steps=1)
        path = os.path.join(self.run, "checkpoints", "ckpt-5.data-00000-of-00001")
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(bytes(64))
        with self.assertLogs(level="WARNING") as logs:
            result = self.train()
        self.assertIn("ckpt-5 cannot be read", "".join(logs.output))
        self.assert_ends_as_if_undisturbed(result)

    def test_two_replicas_go_on_from_a_checkpoint_with_the_same_bits(self):
        settings = dataclasses.replace(SETTINGS, epochs=2, validation_split="train")
        mirrored = {"config": settings, "devices": DeviceConfig(strategy="mirrored"), "data": self.data}
        first = train(**mirrored, run=self.run, checkpoints=CheckpointConfig(checkpoint_steps=1))
        path = os.path.join(self.run, "weights", "epoch-0002.weights.h5")
        weights = read_weights(path)
        for name in os.listdir(os.path.join(self.run, "checkpoints")):
            if name.startswith("ckpt-6"):
                os.remove(os.path.join(self.run, "checkpoints", name))
        os.remove(path)
        again = train(**mirrored, run=self.run)
        for name, values in read_weights(path).items():
            self.assertEqual(values.tobytes(), weights[name].tobytes(), name)
        self.assertEqual((again["loss"], again["cer"], again["lines"]), (first["loss"], first["cer"], 13))


class CheckpointsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.variable = tf.Variable(0.0)

    def checkpoints(self, keep: int = 2) -> Checkpoints:
        return Checkpoints(self.folder, CheckpointConfig(keep_checkpoints=keep), variable=self.variable)

    def save(self, *steps: int) -> None:
        checkpoints = self.checkpoints()
        for step in steps:
            self.variable.assign(step)
            checkpoints.save({"step": step}, step=step)

    def test_the_newest_counts_and_the_last_ones_stay(self):
        self.save(9, 10, 11)
        self.assertEqual(self.checkpoints().restore(), {"step": 11})
        self.assertEqual(float(self.variable), 11.0)
        names = [name for name in os.listdir(self.folder) if name.endswith(".index")]
        self.assertCountEqual(names, ["ckpt-10.index", "ckpt-11.index"])

    def test_tensorflows_own_list_of_checkpoints_is_not_needed(self):
        self.save(9, 10)
        os.remove(os.path.join(self.folder, "checkpoint"))
        self.assertEqual(self.checkpoints().restore(), {"step": 10})

    def test_there_is_none_at_first(self):
        self.assertIsNone(self.checkpoints().restore())

    def test_no_checkpoint_that_can_be_read_is_an_error(self):
        self.save(1, 2)
        for name in os.listdir(self.folder):
            os.truncate(os.path.join(self.folder, name), 3)
        with self.assertRaisesRegex(
            UserError, "received 2, none of which can be read .the newest: .*, expected at least one"
        ):
            self.checkpoints().restore()


class RunFolderTest(tf.test.TestCase):
    def test_a_run_in_use_is_refused(self):
        run = os.path.join(self.create_tempdir().full_path, "run")
        with (
            hold_run(run),
            self.assertRaisesWithLiteralMatch(
                UserError,
                f"run {run}: received a second training, while another one writes there, "
                "expected one at a time. Wait for the other one, or choose another --run.",
            ),
            hold_run(run),
        ):
            pass

    def test_settings_that_an_older_run_lacks_have_defaults(self):
        run, info = self.create_tempdir().full_path, DatasetInfo(CHARSET, Geometry(32, 64), "uint8")

        def begin(settings: TrainConfig) -> RunFolder:
            return open_run(RunFolder(run), RunConfig(settings, "data"), info)

        config = begin(SETTINGS).config
        with open(config) as file:
            content = json.load(file)
        for name in ("init_from", "charset_mode", "freeze_trunk_steps"):
            del content["training"][name]
        with open(config, "w") as file:
            json.dump(content, file)
        begin(SETTINGS)
        with self.assertRaisesRegex(UserError, "received --init_from=old, expected no --init_from, "):
            begin(dataclasses.replace(SETTINGS, init_from="old"))

    def test_events_of_epochs_that_are_gone_through_again_are_cut(self):
        folder = self.create_tempdir().full_path
        with tf.summary.create_file_writer(os.path.join(folder, "train")).as_default():
            for epoch in range(4):
                tf.summary.scalar("loss", float(epoch), step=epoch)
        [path] = tf.io.gfile.glob(os.path.join(folder, "train", "events*"))
        with open(path, "ab") as file:
            file.write(b"half a rec")
        truncate_events(folder, 2)
        events = [tf.compat.v1.Event.FromString(e.numpy()) for e in tf.data.TFRecordDataset(path)]
        self.assertEqual([event.step for event in events if event.HasField("summary")], [0, 1])


if __name__ == "__main__":
    tf.test.main()
