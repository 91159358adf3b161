"""A runner whose workers run elsewhere: the paths that they have to see, and the trial before a job starts."""

import contextlib
import os
from unittest import mock

import apache_beam as beam
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.runner.execution import CheckWorker, Execution
from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.job import synthesize
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.pipeline.errors import UserError

# Nothing listens there: whoever tries to reach it fails with another message, and late.
CLUSTER = ["--runner=PortableRunner", "--job_endpoint=localhost:9"]

EMBEDDED = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]


class CheckPathsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.create_tempdir().full_path)

    def check(self, arguments: list[str], folders: list[str], paths=(), output: str = ""):
        """Checks the paths of --list, and an output."""
        execution = Execution.of(1, arguments, RemoteConfig(shared_folders=tuple(folders)))
        execution.check_paths({"list": paths}, output)

    def test_a_local_path_is_refused_with_the_remedies(self):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            "--list: received '/home/me/train.txt', a path of this machine, while the workers of "
            "PortableRunner run elsewhere, expected a URL, or an absolute path in a folder that all workers "
            "mount. Copy it to a bucket and give its URL, or to a folder that all workers and this machine "
            "mount under the same name, and name that folder: --shared_folders=FOLDER.",
        ):
            self.check(CLUSTER, [], ["s3://bucket/a.txt", "/home/me/train.txt"])

    @parameterized.parameters("", "/lines/train.txt", "/a/../b")
    def test_paths_in_shared_folders_and_urls_are_accepted(self, name):
        paths = [self.folder + name, "gs://bucket/train.txt"]
        self.check(CLUSTER, ["/proc", self.folder], paths)

    @parameterized.parameters("{}-other/a", "{}/../a", "/")
    def test_other_paths_are_refused(self, path):
        with self.assertRaisesRegex(UserError, "--output: received"):
            self.check(CLUSTER, [self.folder], output=path.format(self.folder))

    def test_a_relative_path_is_refused_because_workers_start_elsewhere(self):
        with (
            contextlib.chdir(self.folder),
            self.assertRaisesRegex(UserError, f"Give the absolute path: {self.folder}/train.txt"),
        ):
            self.check(CLUSTER, [self.folder], ["train.txt"])

    @parameterized.parameters("shared", "/no/such/folder")
    def test_a_shared_folder_has_to_exist(self, folder):
        with self.assertRaisesRegex(UserError, "shared_folders: received .* Set --shared_folders"):
            self.check(CLUSTER, [folder])

    @parameterized.parameters([], ["--runner=FlinkRunner", "--flink_master=[local]"])
    def test_nothing_is_refused_for_workers_of_this_machine(self, *arguments):
        self.check(list(arguments), [], ["train.txt"])


class JobPathsTest(parameterized.TestCase, tf.test.TestCase):
    """Each job refuses each of its paths, before it touches the output or the cluster."""

    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.create_tempdir().full_path)
        shared = self.create_tempdir().full_path
        self.remote = RemoteConfig(shared_folders=(shared,))
        self.shared = os.path.join(shared, "a")

    def check(self, job, config, flag):
        with self.assertRaisesRegex(UserError, f"--{flag}: received '/"):
            job(config, beam_arguments=CLUSTER, remote=self.remote)
        self.assertEqual(os.listdir(self.folder), [])

    @parameterized.parameters(("list_paths", "list"), ("image_root", "image_root"), ("output", "output"))
    def test_convert(self, field, flag):
        names = ("list_paths", "image_root", "output")
        paths = dict.fromkeys(names, self.shared) | {field: f"{self.folder}/a"}
        paths["list_paths"] = (paths["list_paths"],)
        self.check(convert, ConversionConfig(charset_path="charset.txt", **paths), flag)

    def test_convert_an_lmdb(self):
        config = ConversionConfig(lmdb_path=f"{self.folder}/lmdb", charset_path="c.txt", output=self.shared)
        self.check(convert, config, "lmdb")

    def test_synthesize(self):
        config = SynthesisConfig(
            charset_path="c.txt", text=("charset",), fonts=("pillow",), lines=1, output=f"{self.folder}/a"
        )
        self.check(synthesize, config, "output")

    @parameterized.parameters(
        ("list_paths", "list"), ("image_root", "image_root"), ("model", "model"), ("output", "output")
    )
    def test_transcribe(self, field, flag):
        names = ("list_paths", "image_root", "model", "output")
        paths = dict.fromkeys(names, self.shared) | {field: f"{self.folder}/a"}
        paths["list_paths"] = (paths["list_paths"],)
        self.check(transcribe, TranscriptionConfig(**paths), flag)


class TryRunnerTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.create_tempdir().full_path)

    def try_it(self, arguments, inputs=()):
        output = os.path.join(self.folder, "new", "data")
        Execution.of(1, arguments, RemoteConfig()).try_runner({"list": inputs}, output)

    def test_a_runner_that_works_passes_and_nothing_is_left(self):
        path = os.path.join(self.folder, "train.txt")
        open(path, "w").close()
        self.try_it(EMBEDDED, ["", path])
        self.assertEqual(os.listdir(self.folder), ["train.txt"])

    def test_a_path_that_the_worker_lacks_is_named(self):
        with self.assertRaisesRegex(UserError, "^path /no/train.txt: received none on a worker"):
            self.try_it(EMBEDDED, ["/no/train.txt"])
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_local_runner_is_not_tried(self):
        self.try_it([], ["/no/train.txt"])

    def test_a_runner_that_does_not_end_in_time_is_refused(self):
        result = mock.Mock(**{"wait_until_finish.return_value": "RUNNING"})
        with (
            mock.patch.object(beam.Pipeline, "run", return_value=result),
            self.assertRaisesRegex(
                UserError, r"^runner PortableRunner: received no end of it in 600 seconds \(state RUNNING\)"
            ),
        ):
            self.try_it(EMBEDDED)
        result.wait_until_finish.assert_called_once_with(duration=600_000)
        result.cancel.assert_called_once_with()

    def test_ctrl_c_cancels_the_job_on_the_runner(self):
        result = mock.Mock(**{"wait_until_finish.side_effect": KeyboardInterrupt})
        with (
            mock.patch.object(beam.Pipeline, "run", return_value=result),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.try_it(EMBEDDED)
        result.cancel.assert_called_once_with()

    def test_a_worker_with_another_version_of_a_package_is_refused(self):
        with self.assertRaisesRegex(UserError, "^package pillow of the workers: received .*, expected 0.1,"):
            list(CheckWorker({"pillow": "0.1"}, {}).process(0))


if __name__ == "__main__":
    tf.test.main()
