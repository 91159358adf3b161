"""The command, with an export of a real network."""

import json
import os
import subprocess
import sys

import keras
import tensorflow as tf

from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests import ROOT
from tests.beam_jobs.transcription.transcription_case import TranscriptionTest, read_output
from tests.beam_jobs.transcription.transcripts import Transcript
from tests.samples import CHARSET, shallow_network, write_lines, write_list

WIDTHS = (64, 40, 41, 200, 64, 64)


class CommandTest(TranscriptionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, len(WIDTHS), widths=WIDTHS)
        self.paths = [*(f"{n}.png" for n in range(len(WIDTHS))), "none.png", "0.png"]
        write_list(self.folder, self.paths)

    def run_command(self, *beam_arguments: str, **changes) -> subprocess.CompletedProcess:
        given = {
            "list": os.path.join(self.folder, "train.txt"),
            "image_root": self.folder,
            "model": self.model,
            "output": self.output,
            "lines_per_shard": 4,
            "batch_size": 3,
            **changes,
        }
        arguments = [f"--{name}={value}" for name, value in given.items()]
        command = [sys.executable, "-m", "beam_jobs.transcribe", *arguments, *beam_arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    def write_network(self) -> None:
        """Exports a network whose weights are random; lines have texts in it, if no sense."""
        keras.utils.set_random_seed(0)
        with shallow_network():
            network = KerasInferenceModel(
                build_densenet(height=32, classes=CHARSET.classes),
                DatasetInfo(CHARSET, Geometry(32, 0), "uint8"),
            )
            self.model = os.path.join(self.folder, "real")
            export(network, output=self.model, format="saved_model")

    def test_an_export_reads_what_ocr_predict_reads_in_one_process_and_in_two(self):
        self.write_network()
        done = self.run_command(workers=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        # TensorFlow 2.21 begins with "WARNING: All log messages ..." itself.
        self.assertNotRegex(done.stderr, r"Exception|WARNING:\S|gradients")
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(result, {"read": 8, "transcribed": 7, "refused": {"missing_image": 1}, "shards": 2})
        alone = os.path.join(self.folder, "alone")
        transcribe(self.config(output=alone), workers=1)
        self.assertEqual(read_output(self.output), read_output(alone))
        readings = list(
            Recognizer(self.model).read_many(
                [os.path.join(self.folder, path) for path in self.paths if path != "none.png"]
            )
        )
        self.assertNotEmpty("".join(reading.text for reading in readings))
        rows = self.read_rows()
        self.assertEqual([row.path for row in rows], self.paths)
        self.assertEqual(rows.pop(6), Transcript("none.png", "", 0.0, "missing_image"))
        self.assertEqual([row.text for row in rows], [reading.text for reading in readings])
        self.assertEqual([row.confidence for row in rows], [round(r.confidence, 4) for r in readings])

    def test_a_damaged_export_is_reported_in_one_line(self):
        done = self.run_command(workers=1)  # its files are not what they are called
        self.assertEqual(done.returncode, 1)
        [error] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        self.assertIn(f"error: export {self.model}: received ", error)
        self.assertNotIn("Traceback", done.stderr)

    def test_wrong_words_are_errors(self):
        for arguments, message in (
            ({"batch_size": 0}, "batch_size: received 0"),
            ({"charset": "x"}, "Unknown command line flag 'charset'"),
        ):
            done = self.run_command(**arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(message, done.stdout + done.stderr)


if __name__ == "__main__":
    tf.test.main()
