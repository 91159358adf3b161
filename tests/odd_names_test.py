"""Folders of users are names, never patterns or formats: each command works in one with all such characters."""

import os
import tempfile
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.inspection.config import DescribeConfig
from densenet_ocr.beam_jobs.inspection.job import describe
from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.job import synthesize
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network import densenet
from densenet_ocr.model.reading.image_paths import find_images
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.training import trainer as training_module
from densenet_ocr.model.training.config import CheckpointConfig, DeviceConfig, TrainConfig
from densenet_ocr.model.training.step import StepLoss
from densenet_ocr.model.training.trainer import train
from tests.beam_jobs.transcription.fake_model import load_fake_model
from tests.samples import convert_lines, shallow_network

ODD = "m[1] {a}{epoch}{} a*b x?y %d%s ~ \\d"


class OddNamesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.enterClassContext(mock.patch.multiple(densenet, STEM_FILTERS=8, TRANSITION_FILTERS=8))
        root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.folder = os.path.join(root, ODD)
        os.makedirs(cls.folder)
        cls.data, cls.run_folder = convert_lines(cls.folder, 10), os.path.join(cls.folder, "run")
        for epochs in (1, 2):
            cls.train(epochs)

    @classmethod
    def train(cls, epochs: int) -> dict:
        """Trains without a network, or resumes the run."""
        config = TrainConfig(batch_size=4, epochs=epochs)
        with mock.patch.object(training_module, "make_step", lambda *_: lambda batch: StepLoss(1.0, 4.0)):
            return train(
                config=config,
                devices=DeviceConfig(),
                data=cls.data,
                run=cls.run_folder,
                checkpoints=CheckpointConfig(keep_checkpoints=1),
            )

    def test_a_run_resumes_and_keeps_the_checkpoints_that_it_shall(self):
        names = os.listdir(os.path.join(self.run_folder, "checkpoints"))
        self.assertEqual([name for name in names if name.endswith(".index")], ["ckpt-4.index"])
        self.assertLen([name for name in names if ".data-" in name], 1)
        weights = os.listdir(os.path.join(self.run_folder, "weights"))
        self.assertCountEqual(weights, ["epoch-0001.weights.h5", "epoch-0002.weights.h5"])
        self.assertEqual(os.listdir(os.path.dirname(self.folder)), [ODD])

    def test_a_run_and_its_export_are_read(self):
        output = os.path.join(self.folder, "export")
        export(load_network(self.run_folder), output=output, format="saved_model")
        self.assertEqual(load_network(output).name, output)  # which reads its golden line
        config = TranscriptionConfig(
            list_paths=(os.path.join(self.folder, "train.txt"),),
            image_root=self.folder,
            model=output,
            output=os.path.join(self.folder, "transcripts"),
        )
        self.assertEqual(transcribe(config, workers=1, load=load_fake_model)["transcribed"], 10)

    def test_lists_and_images_are_found(self):
        path = os.path.join(self.folder, "0.png")
        self.assertEqual([image.path for image in find_images([path])], [path])
        self.assertEqual(describe(DescribeConfig(data=self.data, verify=True))["verified"], True)

    def test_lines_are_drawn(self):
        text = os.path.join(self.folder, "text.txt")
        with open(text, "w") as file:
            file.write("012 345 678\n" * 9)
        output = os.path.join(self.folder, "drawn")
        charset = os.path.join(self.folder, "charset.txt")
        config = SynthesisConfig(
            text=(text,),
            fonts=("pillow",),
            charset_path=charset,
            output=output,
            lines=3,
            length="3",
            image_width=64,
        )
        self.assertEqual(synthesize(config, workers=1)["written"], 3)
