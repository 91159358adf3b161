"""Trainings as processes of their own, with runs in a bucket; a minute long, so CI runs them apart."""

import os
import subprocess
import sys

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from tests.model.training.disturbance import read_weights
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import convert_lines
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3

SETTINGS = ("--epochs=2", "--batch_size=4", "--validation_split=train", "--checkpoint_steps=2")


class BucketCheck(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.data = convert_lines(self.folder, 13)

    def train(self, run: str, **environment: str) -> tuple[int, str]:
        """Trains on a machine of its own; returns the exit code and what it said."""
        cache = self.create_tempdir().full_path
        words = [sys.executable, "-m", "tests.model.cluster.worker", f"--run={run}", f"--data={self.data}"]
        done = subprocess.run(
            [*words, *SETTINGS],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "XDG_CACHE_HOME": cache, **environment},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    def test_killed_and_stopped_it_ends_with_the_weights_of_an_undisturbed_run(self):
        undisturbed, run = os.path.join(self.folder, "undisturbed"), self.url("run")
        self.assertEqual(self.train(undisturbed)[0], 0)
        storage.upload_folder(self.data, self.url("data"))
        self.data = self.url("data")
        proxied, _ = self.enter_context(serve_faults(self.server, share=0.02))
        with use_s3(proxied):
            self.assertEqual(self.train(run, SIGNAL_AT="3 SIGKILL")[0], -9)
            code, log = self.train(run, SIGNAL_AT="3 SIGTERM")  # in step 5
            self.assertEqual(code, 75, log)
            self.assertIn("is taken over", log)
            code, log = self.train(run)
            self.assertEqual(code, 0, log)
        self.assertIn("resuming in epoch 2 of 2 after step 2", log)
        copy = os.path.join(self.folder, "copy")
        storage.download_folder(run, copy)
        for name in ("best", "epoch-0001", "epoch-0002"):
            path = os.path.join("weights", f"{name}.weights.h5")
            ours, theirs = (read_weights(os.path.join(one, path)) for one in (copy, undisturbed))
            for key in theirs:
                self.assertEqual(ours[key].tobytes(), theirs[key].tobytes(), key)

    @parameterized.parameters(
        ("403 InvalidAccessKeyId", "credentials that the store does not accept"),
        ("404 NoSuchBucket", "no such bucket"),
        ("403 AccessDenied", "no permission"),
        ("reset", "a connection that broke"),
    )
    def test_a_store_that_refuses_ends_it_with_the_cause(self, fault, received):
        proxied, _ = self.enter_context(serve_faults(self.server, share=1, faults=[fault]))
        with use_s3(proxied):
            code, log = self.train(self.url("run"))
        self.assertEqual(code, 1, log)
        self.assertIn(f"received {received}", log.splitlines()[-1])


if __name__ == "__main__":
    tf.test.main()
