"""The commands with everything in HDFS, Azure and Google Cloud Storage, against those on local paths."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any

from densenet_ocr.pipeline import storage
from tests import ROOT
from tests.engines import downloads
from tests.engines.hdfs import run_hdfs
from tests.engines.jobs import describe_difference
from tests.model.training.disturbance import read_weights
from tests.samples import write_lines
from tests.servers.azure import run_azurite
from tests.servers.google import serve_google, use_google

LINES, REPEATS = 40, 20
_MOST_SECONDS = 120
_TRAINING = ("--epochs=2", "--batch_size=8", "--validation_split=train", "--checkpoint_steps=20")


class Store:
    """A store for all tests of a class, `root` in it, and the tests."""

    root: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory(prefix="stores-"))
        ).resolve()
        cls.root = cls.enter_store()
        cls.local = cls.folder / "local"
        cls.local.mkdir()
        write_lines(str(cls.local), LINES)
        rows = cls.local / "train.txt"
        rows.write_text(rows.read_text() * REPEATS)
        storage.upload_folder(str(cls.local), cls.root)
        cls.convert(str(cls.local))

    @classmethod
    def enter_store(cls) -> str:
        """Starts the store, and returns a URL of an empty folder in it."""
        raise NotImplementedError

    @classmethod
    def run_command(cls, module: str, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on a machine of its own: with an empty cache."""
        with tempfile.TemporaryDirectory() as cache:
            settings = {
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "XDG_CACHE_HOME": cache,
                "CUDA_VISIBLE_DEVICES": "-1",
            }
            words = [sys.executable, "-m", module, *flags]
            return subprocess.run(
                words, env={**settings, **environment}, cwd=ROOT, capture_output=True, text=True
            )

    @classmethod
    def convert_flags(cls, root: str, output: str = "data") -> list[str]:
        """Flags of a conversion with everything below a root."""
        values = {
            "list": storage.join(root, "train.txt"),
            "image_root": root,
            "charset": storage.join(root, "charset.txt"),
            "output": storage.join(root, output),
            "list_format": "mixed",
            "duplicates": "keep",
            "image_width": 64,
            "lines_per_shard": 50,
        }
        return [f"--{name}={value}" for name, value in values.items()]

    @classmethod
    def convert(cls, root: str, output: str = "data") -> dict[str, Any]:
        """Converts with everything below a root; returns the result."""
        done = cls.run_command("beam_jobs.convert", *cls.convert_flags(root, output))
        if done.returncode:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def train(self, data: str, run: str, **environment: str) -> tuple[int, str]:
        """Trains a small network; returns the exit code and what it said."""
        flags = (f"--data={data}", f"--run={run}", *_TRAINING)
        done = self.run_command("tests.model.cluster.worker", *flags, **environment)
        return done.returncode, done.stderr

    def copy(self, url: str) -> pathlib.Path:
        """Returns a local copy of a folder of the store."""
        folder = tempfile.mkdtemp(dir=self.folder)
        storage.download_folder(url, folder)
        return pathlib.Path(folder)

    def url(self, name: str) -> str:
        return storage.join(self.root, name)

    def start_conversion(self, output: str) -> subprocess.Popen[str]:
        """Starts a conversion, and stops it and its workers after its first shard."""
        words = [sys.executable, "-m", "beam_jobs.convert", *self.convert_flags(self.root, output)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)
        self.addCleanup(_kill_group, process)
        end = time.monotonic() + _MOST_SECONDS
        while not storage.find("*.tfrecord", self.url(output)):
            self.assertLess(time.monotonic(), end)
            self.assertIsNone(process.poll())
        os.killpg(process.pid, signal.SIGSTOP)
        return process

    def test_a_killed_conversion_is_locked_meanwhile_and_ends_with_the_local_bytes(self):
        process = self.start_conversion("data")
        second = self.run_command("beam_jobs.convert", *self.convert_flags(self.root))
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertRegex(second.stderr, rf"process {process.pid} of .* holds {self.url('data')}/train")
        _kill_group(process)
        result = self.convert(self.root)
        self.assertEqual(result["read"], LINES * REPEATS)
        copy = self.copy(self.url("data"))
        description = copy / "dataset.json"
        description.write_text(description.read_text().replace(self.root, str(self.local)))
        self.assertEqual(describe_difference(copy, self.local / "data"), "")
        described = self.run_command("beam_jobs.describe", f"--data={self.url('data')}", "--verify")
        self.assertEqual(described.returncode, 0, described.stderr)

    def test_a_killed_training_ends_with_the_weights_of_a_local_one(self):
        self.convert(self.root, "training")
        data, run, undisturbed = self.url("training"), self.url("run"), self.folder / "undisturbed"
        self.assertEqual(self.train(str(self.local / "data"), str(undisturbed))[0], 0)
        self.assertEqual(self.train(data, run, SIGNAL_AT="50 SIGKILL")[0], -9)
        code, log = self.train(data, run)
        self.assertEqual(code, 0, log)
        self.assertIn("resuming in epoch 1 of 2 after step 40", log)
        self.assertEqual(_read_last_weights(self.copy(run)), _read_last_weights(undisturbed))
        self.check_readers(run, data)

    def check_readers(self, run: str, data: str) -> None:
        """Evaluates a run and reads images with it, all in the store."""
        report = self.url("report")
        evaluated = self.run_command(
            "tests.engines.shallow",
            "evaluate",
            f"--model={run}",
            f"--data={data}",
            "--split=train",
            f"--report={report}",
        )
        self.assertEqual(evaluated.returncode, 0, evaluated.stderr)
        self.assertIn("index.html", storage.list_names(report))
        read = self.run_command("tests.engines.shallow", "predict", f"--model={run}", self.url("*.png"))
        self.assertEqual(read.returncode, 0, read.stderr)
        self.assertEqual(len(read.stdout.splitlines()), LINES)


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_last_weights(run: pathlib.Path) -> dict[str, bytes]:
    arrays = read_weights(str(run / "weights" / "epoch-0002.weights.h5"))
    return {name: array.tobytes() for name, array in arrays.items()}


class AzureCheck(Store, unittest.TestCase):
    @classmethod
    def enter_store(cls) -> str:
        command = downloads.fetch_azurite()
        if command is None:
            raise unittest.SkipTest("no npm, which brings Azurite")
        return cls.enterClassContext(run_azurite(command, cls.folder, "lines"))


class GoogleCheck(Store, unittest.TestCase):
    """A server of our own: those at hand know the JSON interface only, and obstore speaks the XML one."""

    @classmethod
    def enter_store(cls) -> str:
        cls.enterClassContext(use_google(cls.enterClassContext(serve_google())))
        return "gs://bucket/lines"


class HdfsCheck(Store, unittest.TestCase):
    @classmethod
    def enter_store(cls) -> str:
        cls.cluster = cls.enterClassContext(run_hdfs(cls.folder / "hdfs"))
        return f"{cls.cluster.root}/lines"
