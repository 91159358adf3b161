"""Local paths with a runner whose workers run elsewhere."""

import contextlib
import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.runner.beam_runner import parse_options
from densenet_ocr.beam_jobs.engine.runner.shared_paths import check_paths
from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.job import synthesize
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.pipeline.errors import UserError

# Nothing listens there: whoever tries to reach it fails with another message, and late.
CLUSTER = ["--runner=PortableRunner", "--job_endpoint=localhost:9"]


class CheckPathsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.create_tempdir().full_path)
        self.options = parse_options(CLUSTER)

    def test_a_local_path_is_refused_with_the_remedies(self):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            "--list: received '/home/me/train.txt', a path of this machine, while the workers of "
            "PortableRunner run elsewhere, expected a URL, or an absolute path in a folder that all workers "
            "mount. Copy it to a bucket and give its URL, or to a folder that all workers and this machine "
            "mount under the same name, and name that folder: --shared_folders=FOLDER.",
        ):
            check_paths(self.options, [], {"list": ["s3://bucket/a.txt", "/home/me/train.txt"]})

    @parameterized.parameters("", "/lines/train.txt", "/a/../b")
    def test_paths_in_shared_folders_and_urls_are_accepted(self, name):
        paths = [self.folder + name, "gs://bucket/train.txt"]
        check_paths(self.options, ["/proc", self.folder], {"list": paths})

    @parameterized.parameters("{}-other/a", "{}/../a", "/")
    def test_other_paths_are_refused(self, path):
        with self.assertRaisesRegex(UserError, "--output: received"):
            check_paths(self.options, [self.folder], {"output": [path.format(self.folder)]})

    def test_a_relative_path_is_refused_because_workers_start_elsewhere(self):
        with (
            contextlib.chdir(self.folder),
            self.assertRaisesRegex(UserError, f"Give the absolute path: {self.folder}/train.txt"),
        ):
            check_paths(self.options, [self.folder], {"list": ["train.txt"]})

    @parameterized.parameters("shared", "/no/such/folder")
    def test_a_shared_folder_has_to_exist(self, folder):
        with self.assertRaisesRegex(UserError, "shared_folders: received .* Set --shared_folders"):
            check_paths(self.options, [folder], {})

    @parameterized.parameters([], ["--runner=FlinkRunner", "--flink_master=[local]"])
    def test_nothing_is_refused_for_workers_of_this_machine(self, *arguments):
        check_paths(parse_options(list(arguments)), [], {"list": ["train.txt"]})


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


if __name__ == "__main__":
    tf.test.main()
