"""The model of the package reads wherever no model is named, and a training begins with it."""

import contextlib
import os
import shutil
import subprocess
import sys

import tensorflow as tf

from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.model.reading.config import EvaluateConfig, ModelConfig, WeightsConfig
from densenet_ocr.model.reading.evaluation import evaluate
from densenet_ocr.model.reading.loading import load_for_data, load_keras_network, needs_tensorflow
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.exports import shipped
from densenet_ocr.pipeline.exports.export_info import load_export_info
from densenet_ocr.pipeline.exports.shipped import DEFAULT, find_shipped
from tests import ROOT
from tests.samples import CHARSET, conversion, convert, convert_lines

FOLDER = find_shipped(DEFAULT)
LINE = os.path.join(FOLDER, "golden.png")
TEXT = load_export_info(DEFAULT).text

# Reads without naming a model, and prints the packages that this took.
READER = """
import sys
from densenet_ocr.model.predict import run
sys.argv = ["ocr-predict", sys.argv[1]]
try:
    run()
finally:
    print(*{name.partition(".")[0] for name in sys.modules})
"""


class ShippedModelTest(tf.test.TestCase):
    def test_ocr_predict_reads_without_a_model_and_without_tensorflow(self):
        done = subprocess.run([sys.executable, "-c", READER, LINE], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        row, packages = done.stdout.splitlines()
        self.assertEqual(row.split("\t")[:2], [LINE, TEXT])
        self.assertNoCommonElements(packages.split(), ["tensorflow", "keras", "onnx", "apache_beam"])

    def test_a_recognizer_reads_with_it_whatever_the_engine(self):
        network = load_keras_network(ModelConfig())
        for recognizer in (Recognizer(), Recognizer(network)):
            reading = recognizer.read(LINE)
            self.assertEqual(reading.text, TEXT)
            self.assertGreater(reading.confidence, 0.9)
        self.assertFalse(needs_tensorflow(ModelConfig()))

    def test_warns_where_a_folder_of_the_user_has_its_name(self):
        folder = self.create_tempdir().full_path
        os.mkdir(os.path.join(folder, DEFAULT))
        shipped._warn_of_folder.cache_clear()
        with contextlib.chdir(folder), self.assertLogs(level="WARNING") as logs:
            self.assertEqual([find_shipped(DEFAULT), find_shipped(f"./{DEFAULT}")], [FOLDER, f"./{DEFAULT}"])
        self.assertIn(f"./{DEFAULT}", "".join(logs.output))

    def test_it_has_the_classes_of_the_notebook_and_no_paths(self):
        info = load_dataset_info(FOLDER)
        self.assertEqual((info.charset.classes, info.geometry.height), (5990, 32))
        self.assertEqual((info.splits, info.provenance), ({}, {}))
        size = sum(os.path.getsize(os.path.join(FOLDER, name)) for name in ("model.onnx", "weights.float16"))
        self.assertLess(size, 10e6)

    def convert_line(self, folder: str) -> str:
        """A data set of the golden line."""
        shutil.copy(LINE, os.path.join(folder, "line.png"))
        for name, row in (("train.txt", f"line.png\t{TEXT}\n"),):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(row)
        charset = os.path.join(FOLDER, "charset.txt")
        config = conversion(folder, list_format="text", charset_path=charset, image_width=0)
        convert(config, workers=1)
        return config.output

    def test_it_is_evaluated_and_transcribes(self):
        folder = self.create_tempdir().full_path
        data = self.convert_line(folder)
        model = load_for_data(WeightsConfig(), data)
        self.assertEqual(evaluate(model, EvaluateConfig(data=data, split="train"))["exact_match"], 1.0)
        config = TranscriptionConfig(
            list_paths=(os.path.join(folder, "train.txt"),), image_root=folder, output=f"{folder}/texts"
        )
        transcribe(config, workers=1)
        with open(os.path.join(folder, "texts", "transcripts-00000-of-00001.tsv"), encoding="utf-8") as file:
            self.assertEqual(file.read().split("\t")[1], TEXT)

    def test_a_training_keeps_what_it_reads_and_adds_characters(self):
        folder = self.create_tempdir().full_path
        data, run = convert_lines(folder, 2), os.path.join(folder, "run")
        config = TrainConfig(
            init_from=DEFAULT,
            charset_mode="union",
            epochs=1,
            batch_size=2,
            learning_rate=1e-7,
            validation_split="none",
        )
        train(config=config, devices=DeviceConfig(), data=data, run=run)
        shipped = load_dataset_info(FOLDER).charset
        self.assertEqual(load_dataset_info(run).charset, CHARSET.union(shipped))
        self.assertEqual(Charset(" ").without(shipped), " ")
        self.assertEqual(Recognizer(run).read(LINE).text, TEXT)


if __name__ == "__main__":
    tf.test.main()
