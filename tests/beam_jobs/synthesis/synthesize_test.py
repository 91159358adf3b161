"""The command ocr-synthesize: flags, worker processes, errors."""

import json
import os
import subprocess
import sys

import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW
from tests import ROOT
from tests.beam_jobs.conversion.conversion_case import read_folder
from tests.beam_jobs.synthesis.synthesis_case import SynthesisTest


class CommandTest(parameterized.TestCase, SynthesisTest):
    def run_command(self, *arguments: str, python_path: str = "", **changes) -> subprocess.CompletedProcess:
        given = {
            "charset": os.path.join(self.folder, "charset.txt"),
            "text": os.path.join(self.folder, "text.txt"),
            "fonts": PILLOW,
            "output": self.output,
            "lines": 25,
            "length": "3-6",
            "image_width": 128,
            "image_encoding": "uint8",
            "lines_per_shard": 10,
        }
        flags = [f"--{name}={value}" for name, value in {**given, **changes}.items()]
        command = [sys.executable, "-m", "beam_jobs.synthesize", *flags, *arguments]
        environment = {**os.environ, "PYTHONPATH": python_path}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    def test_two_workers_give_the_bytes_of_one_and_load_no_tensorflow(self):
        poison = self.create_tempdir()
        poison.create_file("tensorflow/__init__.py", 'raise RuntimeError("a synthesis loaded TensorFlow")\n')
        done = self.run_command("--", "--job_name=lines", workers=2, seed=3, python_path=poison.full_path)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(result, {"split": "train", "read": 25, "written": 25, "refused": {}, "shards": 3})
        alone = os.path.join(self.folder, "alone")
        self.synthesize(output=alone, seed=3)
        self.assertEqual(read_folder(self.output), read_folder(alone))

    def test_preview_writes_a_picture_only(self):
        path = os.path.join(self.folder, "preview.png")
        done = self.run_command(preview=path, output="", lines=48, looks="plain")  # the old name of --style
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        with PIL.Image.open(path) as picture:
            self.assertGreater(picture.width, 4 * 128)
            self.assertGreater(picture.height, 12 * 32)
        self.assertFalse(os.path.exists(self.output))

    def test_output_is_required_without_preview(self):
        done = self.run_command(output="")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "error: output: received '', .*--preview.*--output")

    @parameterized.named_parameters(
        ("a_font", {"fonts": "none.ttf"}, "error: fonts none.ttf: received no file of that name"),
        ("a_beam_option", {}, "error: Beam options after --: received --runer=FlinkRunner"),
    )
    def test_a_wrong_argument_ends_the_command(self, changes, message):
        done = self.run_command("--", *(["--runer=FlinkRunner"] if not changes else []), **changes)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(message, done.stderr)
        self.assertFalse(os.path.exists(self.output))


if __name__ == "__main__":
    tf.test.main()
