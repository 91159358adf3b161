"""Outputs of an older version (tests/fixtures) stay readable, and their commands give the same bytes.

Commit e7e7d65 made the fixture: a conversion with refused rows, a run of the network of `tiny_network` that was
killed in the last but one of 60 epochs, what it read, the history of the same training without the kill, and a
transcription. Conversion and transcription are compared byte by byte. Weights are exact only on one machine, so
readings and losses are compared within a tolerance.
"""

import csv
import json
import os
import shutil
from unittest import mock

import h5py
import tensorflow as tf

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.model.network import densenet
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.trainer import train
from tests.beam_jobs.transcription.fake_model import load_fake_model
from tests.beam_jobs.transcription.transcripts import read_transcripts
from tests.samples import shallow_network

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")

# Between CPUs, float32 sums differ in their last digits; two epochs of training amplify that.
CONFIDENCE_TOLERANCE, LOSS_TOLERANCE = 1e-3, 0.02


def tiny_network():
    """Patches the network to one layer per block and 8 filters, which keeps the fixture small."""
    return mock.patch.multiple(densenet, STEM_FILTERS=8, TRANSITION_FILTERS=8)


def read_files(folder: str) -> dict[str, bytes]:
    """Returns the files of a folder by name, those in JSON without their provenance."""
    files = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
        if name.endswith(".json"):
            content = json.loads(files[name])
            del content["provenance"]
            files[name] = json.dumps(content).encode()
    return files


def read_losses(path: str) -> dict[int, float]:
    """Returns the training loss of each epoch."""
    with open(path) as file:
        return {int(row["epoch"]): float(row["loss"]) for row in csv.DictReader(file)}


class CompatibilityTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.create_tempdir().full_path, "fixtures")
        shutil.copytree(FIXTURES, self.folder)
        # Commands were given relative paths, which dataset.json and config.json hold.
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.enterContext(shallow_network())
        self.enterContext(tiny_network())

    def convert(self, output: str) -> None:
        config = ConversionConfig(
            list_paths=("list.txt",),
            image_root="images",
            list_format="mixed",  # the list has ids, and one text
            charset_path="charset.txt",
            output=output,
            image_width=48,
            image_encoding="uint8",
            lines_per_shard=13,
            max_reject_fraction=1.0,
        )
        convert(config, workers=1)

    def transcribe(self, output: str) -> None:
        config = TranscriptionConfig(
            list_paths=("paths.txt",),
            image_root="images",
            model="export",
            output=output,
            lines_per_shard=6,
            batch_size=3,
        )
        transcribe(config, workers=1, load=load_fake_model)

    def test_conversion_reproduces_the_bytes(self):
        self.convert("again")
        self.assertEqual(read_files("again"), read_files("data"))

    def test_an_older_data_set_resumes_to_the_same_bytes(self):
        expected = read_files("data")
        os.remove(os.path.join("data", "train-00001-of-00002.tfrecord"))
        self.convert("data")
        self.assertEqual(read_files("data"), expected)

    def test_transcription_reproduces_the_bytes(self):
        self.transcribe("again")
        self.assertEqual(read_files("again"), read_files("transcripts"))

    def test_older_transcripts_are_read_and_repaired(self):
        expected = read_files("transcripts")
        path = os.path.join("transcripts", "transcripts-00000-of-00002.tsv")
        self.assertLen(list(read_transcripts(path)), 6)
        os.remove(path)
        self.transcribe("transcripts")
        self.assertEqual(read_files("transcripts"), expected)

    def test_an_older_run_reads_the_same_texts(self):
        with h5py.File(os.path.join("run", "weights", "epoch-0058.weights.h5")) as file:
            self.assertIn("optimizer", file)  # older weights files have Adam's slots
        with open("readings.json", encoding="utf-8") as file:
            expected = json.load(file)
        recognizer = Recognizer("run")
        for name, (text, confidence) in expected.items():
            reading = recognizer.read(os.path.join("images", name))
            self.assertEqual(reading.text, text, name)
            self.assertAllClose(reading.confidence, confidence, atol=CONFIDENCE_TOLERANCE)

    def test_an_older_run_resumes_from_its_checkpoint(self):
        with open(os.path.join("run", "history.csv")) as file:
            finished = file.read()
        config = TrainConfig(batch_size=4, epochs=60, learning_rate=1e-2, seed=3)
        result = train(config=config, devices=DeviceConfig(), data="data", run="run")
        self.assertEqual(result["step"], 240)
        with open(os.path.join("run", "history.csv")) as file:
            self.assertStartsWith(file.read(), finished)  # no finished epoch is trained again
        losses, expected = read_losses(os.path.join("run", "history.csv")), read_losses("history.csv")
        self.assertEqual(losses.keys(), expected.keys())
        for epoch in (58, 59):  # history.csv counts epochs from 0
            self.assertAllClose(losses[epoch], expected[epoch], rtol=LOSS_TOLERANCE)


if __name__ == "__main__":
    tf.test.main()
