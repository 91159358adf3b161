"""Trainings of two and three processes on this machine; five minutes long, so CI runs them apart."""

import json
import os
import socket
import subprocess
import sys
import time

import h5py
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tests.samples import convert_any_width, convert_lines

SETTINGS = ("--epochs=2", "--batch_size=12", "--validation_split=train", "--checkpoint_steps=2")
SECONDS = 600  # of a training, on a machine that has other things to do


def find_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


class Training:
    """A training in a process of its own; its standard error goes to a file."""

    def __init__(self, log: str, *arguments: str, **environment: str):
        self._log = log
        with open(log, "w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.model.cluster.worker", "--intra_op_threads=1", *arguments],
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    def finish(self) -> tuple[int, str]:
        """Waits for its end; returns the exit code and the log."""
        self.process.communicate(timeout=SECONDS)
        with open(self._log) as file:
            return self.process.returncode, file.read()


def read_weights(run_folder: str) -> dict[str, np.ndarray]:
    arrays = {}
    with h5py.File(os.path.join(run_folder, "weights", "epoch-0002.weights.h5")) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if hasattr(item, "shape") else None)
    return arrays


class SeveralWorkersTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.data = [f"--data={convert_lines(self.folder, 30)}"]

    def start_workers(self, count: int, run: str, *arguments: str, disturbed: dict | None = None) -> list:
        """Starts the Trainings of all workers into `run`; `disturbed` has the environment of some."""
        addresses = [f"127.0.0.1:{port}" for port in find_ports(count)]
        trainings = []
        for index in range(count):
            cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            # Only the chief has the run: the others must not need it, nor write to it.
            where = run if index == 0 else f"{run}-of-worker-{index}"
            flags = ("--strategy=multi_worker", *self.data, f"--run={where}", *SETTINGS, *arguments)
            environment = {"TF_CONFIG": json.dumps(cluster), **(disturbed or {}).get(index, {})}
            trainings.append(Training(f"{run}.{index}.log", *flags, **environment))
            self.addCleanup(trainings[-1].process.kill)
        return trainings

    def train(self, count: int, run: str, *arguments: str, disturbed: dict | None = None) -> list:
        return [worker.finish() for worker in self.start_workers(count, run, *arguments, disturbed=disturbed)]

    def train_mirrored(self, replicas: int, run: str, *arguments: str) -> None:
        flags = ("--strategy=mirrored", *self.data, f"--run={run}", *SETTINGS, *arguments)
        code, log = Training(f"{run}.log", *flags, REPLICAS=str(replicas)).finish()
        self.assertEqual(code, 0, log)

    def assert_equal_weights(self, run: str, other: str) -> None:
        ours, theirs = read_weights(run), read_weights(other)
        self.assertEqual(ours.keys(), theirs.keys())
        for name, values in ours.items():
            self.assertAllClose(values, theirs[name], rtol=0, atol=1e-5, msg=name)

    @parameterized.parameters(2, 3)
    def test_workers_train_as_one_process_with_as_many_replicas(self, count):
        several, one = os.path.join(self.folder, "several"), os.path.join(self.folder, "one")
        arguments = ("--augment=noise,shift", "--clip_norm=5", "--ema_decay=0.99")
        self.train_mirrored(count, one, *arguments)
        for code, log in self.train(count, several, *arguments):
            self.assertEqual(code, 0, log)
        self.assert_equal_weights(several, one)
        self.assertEqual([name for name in os.listdir(self.folder) if "-of-worker-" in name], [])

    @parameterized.named_parameters(("one_width", False), ("any_width", True))
    def test_workers_train_on_a_mixture_as_one_process_does(self, any_width):
        several, one = os.path.join(self.folder, "several"), os.path.join(self.folder, "one")
        real, made = (os.path.join(self.folder, name) for name in ("real", "made"))
        for folder, count, step in ((real, 30, 3), (made, 40, 2)):
            os.mkdir(folder)
            widths = [40 + step * k for k in range(count)]
            convert_any_width(folder, widths) if any_width else convert_lines(folder, count)
        self.data = [f"--data={real}/data", f"--data={made}/data=3"]
        self.train_mirrored(2, one, "--epoch_steps=5")
        for code, log in self.train(2, several, "--epoch_steps=5"):
            self.assertEqual(code, 0, log)
        self.assert_equal_weights(several, one)

    def test_a_worker_is_killed_and_all_resume(self):
        several, one = os.path.join(self.folder, "several"), os.path.join(self.folder, "one")
        killed, start = {1: {"SIGNAL_AT": "3 SIGKILL"}}, time.monotonic()
        (code, log), (killed_code, _) = self.train(2, several, disturbed=killed)
        self.assertLess(time.monotonic() - start, SECONDS)
        self.assertEqual((code, killed_code), (1, -9), log)
        self.assertIn("error: worker 1 (127.0.0.1:", log)
        self.assertIn("Start all workers again", log)
        for code, log in self.train(2, several):
            self.assertEqual(code, 0, log)
        self.train_mirrored(2, one)
        self.assert_equal_weights(several, one)

    def test_a_signal_to_one_worker_stops_all_after_the_same_step(self):
        several = os.path.join(self.folder, "several")
        results = self.train(2, several, disturbed={1: {"SIGNAL_AT": "1 SIGTERM"}})
        for code, log in results:
            self.assertEqual(code, 75, log)
            self.assertIn("in epoch 1, after step 1", log)
        self.assertIn("ckpt-1.index", os.listdir(os.path.join(several, "checkpoints")))

    def test_other_settings_of_a_worker_are_refused_by_all(self):
        several = os.path.join(self.folder, "several")
        (chief_code, chief_log), (code, log) = self.train(2, several, disturbed={1: {"SEED": "7"}})
        self.assertEqual((chief_code, code), (1, 1))
        self.assertIn("1 of 2 with other settings", chief_log)
        self.assertIn("worker 1: received --seed=7, expected --seed=0", log)

    def test_a_worker_that_never_starts_ends_the_wait(self):
        port, other = find_ports(2)
        cluster = {"worker": [f"127.0.0.1:{port}", f"127.0.0.1:{other}"]}
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
        flags = ("--strategy=multi_worker", "--worker_timeout=5", *self.data)
        code, log = Training(
            f"{self.folder}/log", *flags, f"--run={self.folder}/run", TF_CONFIG=config
        ).finish()
        self.assertEqual(code, 1, log)
        self.assertIn(f"error: worker 1 (127.0.0.1:{other}): received no answer", log)


if __name__ == "__main__":
    tf.test.main()
