"""A training whose run is in a bucket ends, on any machine, as one on a disk that was never interrupted."""

import os
import signal
import tempfile
from unittest import mock

import tensorflow as tf

from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.preemption import Preempted
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.objects.object_store import ObjectStore
from tests.messages import user_error
from tests.model.training.disturbance import after_step, read_weights
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import convert_lines, shallow_network
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3

# 13 lines make three steps of four an epoch.
SETTINGS = TrainConfig(batch_size=4, epochs=2, seed=3)


class RunInBucketTest(StoreCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.data, cls.undisturbed = convert_lines(cls.folder, 13), os.path.join(cls.folder, "undisturbed")
        cls.expected = train(config=SETTINGS, devices=DeviceConfig(), data=cls.data, run=cls.undisturbed)

    def setUp(self):
        super().setUp()
        self.run_url = self.url("run")

    def train(self, happens=None, step: int = 0, **saving) -> dict:
        """Trains; something happens after a step of this process, from 1."""

        where = {"devices": DeviceConfig(), "data": self.data, "run": self.run_url}
        with after_step(step, happens):
            return train(config=SETTINGS, **where, checkpoints=CheckpointConfig(**saving))

    def list_published(self, folder: str = "") -> list[str]:
        return storage.list_files(storage.join(self.run_url, folder))

    def assert_ends_as_if_undisturbed(self, result: dict) -> None:
        copy = self.create_tempdir().full_path
        names = storage.download_folder(self.run_url, copy)
        self.assertContainsSubset({"config.json", "charset.txt", "dataset.json", "curves.png"}, names)
        for number in (1, 2):
            path = os.path.join("weights", f"epoch-000{number}.weights.h5")
            ours, theirs = (read_weights(os.path.join(run, path)) for run in (copy, self.undisturbed))
            self.assertEqual(ours.keys(), theirs.keys())
            for key in ours:
                self.assertEqual(ours[key].tobytes(), theirs[key].tobytes(), key)
        self.assertEqual((result["step"], result["loss"]), (self.expected["step"], self.expected["loss"]))

    def test_stopped_it_goes_on_at_another_machine(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0.05, seed=1))
        self.enter_context(use_s3(proxied, XDG_CACHE_HOME=os.environ["XDG_CACHE_HOME"]))
        with self.assertRaisesRegex(Preempted, "^SIGTERM in epoch 1, after step 2$"):
            self.train(lambda: signal.raise_signal(signal.SIGTERM), 2)
        self.assertIn("ckpt-2.index", self.list_published("checkpoints"))
        cache = {"XDG_CACHE_HOME": self.create_tempdir().full_path}
        with mock.patch.dict(os.environ, cache), self.assertLogs(level="INFO") as logs:
            result = self.train(checkpoint_steps=2)
        self.assertIn("resuming in epoch 1 of 2 after step 2", "".join(logs.output))
        self.assert_ends_as_if_undisturbed(result)
        self.assertNotEmpty(proxy.failed)

    def test_a_failing_store_ends_the_run_which_goes_on_from_the_mirror(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0, faults=["403 AccessDenied"]))

        def deny():
            proxy.share = 1.0

        cache = os.environ["XDG_CACHE_HOME"]
        with use_s3(proxied, XDG_CACHE_HOME=cache), user_error("no permission"):
            self.train(deny, 4, checkpoint_steps=4)
        self.assertNotIn("ckpt-4.index", self.list_published("checkpoints"))
        storage.remove(f"{self.run_url}.lock")  # which could not be removed, and is this process's
        with self.assertLogs(level="INFO") as logs:
            result = self.train()
        self.assertIn("resuming in epoch 2 of 2 after step 1", "".join(logs.output))
        self.assert_ends_as_if_undisturbed(result)

    def test_it_reads_at_every_moment_of_a_publication(self):
        put, weights = ObjectStore.put, set()

        def read_after(system, url, source):
            put(system, url, source)
            if url.endswith(("history.csv", ".index")):
                model = load_network(self.run_url).model
                weights.add(model.layers[-1].get_weights()[0].tobytes())

        with mock.patch.object(ObjectStore, "put", read_after):
            result = self.train(keep_weights=1)
        self.assertLen(weights, 2)  # of the two epochs
        self.assertEqual(result["loss"], self.expected["loss"])
        self.assertEqual(self.list_published("weights"), ["epoch-0002.weights.h5"])
        runs = os.path.join(os.environ["XDG_CACHE_HOME"], "densenet-ocr", "runs")
        self.assertEqual(storage.list_names(runs), [])  # nothing is left on the machine
        other = TrainConfig(**{**vars(SETTINGS), "seed": 4})
        with user_error(f"run {self.run_url}", "--seed=4", f"ocr-train --run={self.run_url}"):
            train(config=other, devices=DeviceConfig(), data=self.data, run=self.run_url)

    def test_a_wrong_bucket_is_named(self):
        with self.assertRaisesRegex(UserError, "s3://no-such-bucket/run.*no such bucket"):
            train(config=SETTINGS, devices=DeviceConfig(), data=self.data, run="s3://no-such-bucket/run")


if __name__ == "__main__":
    tf.test.main()
