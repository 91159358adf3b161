"""Frames of four pixels: conversion, training, exports and readings go by the data set's frame stride."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.reading.config import EvaluateConfig
from densenet_ocr.model.reading.evaluation import evaluate
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.trainer import train
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.messages import user_error
from tests.samples import (
    conversion,
    draw_levels,
    encode_image,
    shallow_network,
    write_list,
)

# Nine frames of eight pixels and eighteen of four: it has twelve characters.
WIDTH, LONG = 72, "012345678901"


class FrameStrideTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.fine, cls.coarse, cls.run_folder = (
            os.path.join(cls.root, name) for name in ("fine", "coarse", "run")
        )
        for number in range(8):
            with open(os.path.join(cls.root, f"{number}.png"), "wb") as file:
                file.write(encode_image(draw_levels(number, width=WIDTH)))
        write_list(cls.root, [f"{number}.png\t{LONG if number % 2 else number}" for number in range(8)])
        for folder, stride in ((cls.fine, 4), (cls.coarse, 8)):
            config = conversion(
                cls.root, output=folder, image_width=WIDTH, frame_stride=stride, max_reject_fraction=0.5
            )
            convert(config, workers=1)
        cls.train(cls.fine, cls.run_folder)

    @classmethod
    def train(cls, data, run, **settings):
        settings = {"epochs": 1, "batch_size": 4, "validation_split": "train", **settings}
        return train(config=TrainConfig(**settings), devices=DeviceConfig(), data=data, run=run)

    def make_folder(self) -> str:
        return os.path.join(self.create_tempdir().full_path, "new")

    def test_labels_that_need_more_frames_are_refused_for_eight_pixels_only(self):
        fine, coarse = (load_dataset_info(folder).splits["train"] for folder in (self.fine, self.coarse))
        self.assertEqual((fine.written, fine.refused), (8, {}))
        self.assertEqual((coarse.written, coarse.refused), (4, {"label_too_long": 4}))

    def test_splits_of_one_data_set_have_one_stride(self):
        with user_error("frame stride", "8", "4, as split train has it"):
            convert(conversion(self.root, output=self.fine, image_width=WIDTH, split="other"), workers=1)

    def test_a_model_of_such_data_reads_them_and_is_exported(self):
        model = load_network(self.run_folder)
        self.assertEqual(model.info.geometry.frame_stride, 4)
        lines = np.stack([draw_levels(number, width=WIDTH) for number in (1, 2)]), np.array([WIDTH, 50])
        logits = model.compute_logits(*lines)
        self.assertEqual(logits.shape[:2], (2, 18))
        self.assertEqual(evaluate(model, EvaluateConfig(data=self.fine, split="train"))["lines"], 8)
        for name in ("saved_model", "onnx", "tflite"):
            export(model, output=(folder := os.path.join(self.root, name)), format=name)
            engine = load_network(folder)
            for levels, width, expected in zip(*lines, logits, strict=True):
                frames = engine.info.geometry.count_frames(width)
                found = engine.compute_logits(levels[None, :, :width], np.array([width]))[0]
                self.assertAllClose(found, expected[:frames], atol=1e-4, rtol=0)

    def test_data_of_eight_pixels_train_a_model_of_four(self):
        self.train(self.coarse, run := self.make_folder(), frame_stride=4)
        self.assertEqual(load_dataset_info(run).geometry.frame_stride, 4)
        resumed = self.train(self.coarse, run, frame_stride=4, epochs=2)
        self.assertEqual(resumed["step"], 2)

    def test_data_of_four_pixels_cannot_train_a_model_of_eight(self):
        with user_error("frame_stride", "8", "may need more frames", "convert the data with --frame_stride=8"):
            self.train(self.fine, self.make_folder(), frame_stride=8)

    def test_weights_of_eight_pixels_begin_a_model_of_four(self):
        self.train(self.coarse, first := self.make_folder())
        self.train(self.fine, run := self.make_folder(), init_from=first, learning_rate=1e-9)
        weights = [load_network(folder).model.get_weights()[0] for folder in (first, run)]
        self.assertAllClose(*weights, atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
