"""A transcription that was lost, and the same command again: resumed or refused."""

import itertools
import os
import signal
import subprocess
import sys
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.engine.split_state import hold_split
from densenet_ocr.beam_jobs.transcription import manifest
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from tests import ROOT
from tests.beam_jobs.damage import Killed, cut_file, flip_bit
from tests.beam_jobs.transcription.fake_model import write_export
from tests.beam_jobs.transcription.transcription_case import TranscriptionTest, read_output
from tests.messages import user_error
from tests.samples import write_lines, write_list


class ResumeTest(TranscriptionTest, parameterized.TestCase):
    """Runs that are lost, and the same command again."""

    def setUp(self):
        super().setUp()
        write_lines(self.folder, 40)
        write_list(self.folder, [*(f"{n}.png" for n in range(40)), "none.png"])
        self.whole = os.path.join(self.folder, "whole")
        self.transcribe(output=self.whole)

    def lose_run(self, after: int) -> None:
        """A run that ends as one that is killed does, when it has read some images."""
        reads, read = itertools.count(1), images.read_file

        def read_file(path: str) -> bytes:
            if next(reads) > after:
                raise Killed("by the test")
            return read(path)

        with mock.patch.object(images, "read_file", read_file), self.assertRaises(Killed):
            self.transcribe()

    @parameterized.parameters(0, 3, 17, 40)
    def test_the_same_command_resumes_to_the_bytes_of_an_uninterrupted_run(self, after):
        self.lose_run(after)
        self.assertFalse(os.path.exists(os.path.join(self.output, "transcription.json")))
        with mock.patch.object(images, "read_file", side_effect=images.read_file) as read:
            self.transcribe()
        self.assertEqual(read.call_count, 41 - after // 4 * 4)
        self.assertEqual(read_output(self.output), read_output(self.whole))

    def test_lost_shards_and_reports_are_written_again(self):
        self.lose_run(33)
        state = os.path.join(self.output, "transcripts.unfinished")
        os.remove(os.path.join(state, "00002.json"))
        cut_file(os.path.join(state, "00003.json"), 5)
        flip_bit(os.path.join(self.output, "transcripts-00005-of-00011.tsv"))
        self.transcribe()
        self.assertEqual(read_output(self.output), read_output(self.whole))

    @parameterized.parameters(1, 2)
    def test_a_killed_command_resumes(self, workers):
        code = (
            "from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig\n"
            "from densenet_ocr.beam_jobs.transcription.job import transcribe\n"
            "from tests.beam_jobs.transcription.fake_model import load_killing_model\n"
            f"transcribe({self.config()!r}, workers={workers}, load=load_killing_model)"
        )
        killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.output, "transcription.json")))
        self.assertNotEmpty([name for name in os.listdir(self.output) if name.endswith(".tsv")])
        self.transcribe()
        self.assertEqual(read_output(self.output), read_output(self.whole))

    def test_a_run_started_with_another_model_is_refused(self):
        self.lose_run(17)
        other = write_export(os.path.join(self.folder, "other"), fit="pad", width=64)
        with user_error("model (by SHA-256)", "started"):
            self.transcribe(model=other)

    def test_a_second_one_at_once_is_refused(self):
        with (
            hold_split(self.output, "transcripts", manifest._TERMS),
            self.assertRaisesWithLiteralMatch(
                UserError,
                f"transcription {self.output}: received a second transcription, while another one writes it, "
                "expected one at a time. Wait for the other one, or choose another --output.",
            ),
        ):
            self.transcribe()


if __name__ == "__main__":
    tf.test.main()
