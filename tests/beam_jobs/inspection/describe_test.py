"""The command ocr-describe, as people and scripts call it."""

import json
import os
import subprocess
import sys

import PIL.Image
import tensorflow as tf

from tests import ROOT
from tests.samples import convert_lines


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "beam_jobs.describe", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


class DescribeTest(tf.test.TestCase):
    def test_describes_checks_and_draws_a_good_set_and_refuses_a_damaged_one(self):
        folder = self.create_tempdir().full_path
        data, picture = convert_lines(folder, 20), os.path.join(folder, "sheet.png")

        done = run(f"--data={data}", "--verify", "--workers=2", f"--picture={picture}", "--lines=5")
        self.assertEqual(done.returncode, 0, done.stderr)
        *lines, last = done.stdout.splitlines()
        self.assertEqual(lines[0], f"data set {data}")
        result = json.loads(last)
        self.assertEqual((result["data"], result["verified"]), (data, True))
        self.assertEqual(result["splits"]["train"]["written"], 20)
        self.assertIn("verify: 20 of 20 lines", done.stderr)
        with PIL.Image.open(picture) as sheet:
            self.assertEqual(sheet.format, "PNG")

        os.remove(os.path.join(data, "train-00001-of-00003.tfrecord"))
        failed = run(f"--data={data}", "--verify", "--workers=2")
        self.assertEqual(failed.returncode, 1)
        *_, problem, error = failed.stderr.splitlines()
        self.assertEqual(problem, f"{os.path.join(data, 'train-00001-of-00003.tfrecord')}: no such file")
        self.assertStartsWith(error, f"error: data set {data}: received 1 problem in 1 of 3 shards")
        self.assertNotIn("verified", failed.stdout)

    def test_the_picture_is_drawn_though_the_reader_of_the_text_has_gone(self):
        folder = self.create_tempdir().full_path
        data, picture = convert_lines(folder, 3), os.path.join(folder, "sheet.png")
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "beam_jobs.describe", f"--data={data}", f"--picture={picture}"]
        done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
        os.close(writer)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.exists(picture))


if __name__ == "__main__":
    tf.test.main()
