"""Scores of a split, its report and its picture."""

import json
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.metrics import wilson_interval
from densenet_ocr.model.reading.config import EvaluateConfig
from densenet_ocr.model.reading.evaluation import evaluate, read_split
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.reading.reading import read_lines
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.inputs import TrainBatches
from densenet_ocr.model.training.validation import Validation
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from tests.samples import CHARSET, convert_any_width, convert_lines, draw_levels, shallow_network

WIDTHS = (64, 17, 100, 64, 31, 64, 8, 65)


class EvaluationTest(parameterized.TestCase, tf.test.TestCase):
    def make_network(self, charset=CHARSET, height=32, padded=False) -> KerasInferenceModel:
        with shallow_network():
            model = build_densenet(height=height, classes=charset.classes, padded=padded)
        # Random weights read little but blanks, and much of what they read is one character.
        bias = model.get_layer("logits").bias
        bias.assign(tf.one_hot(charset.blank, charset.classes, -1.0))
        return KerasInferenceModel(model, DatasetInfo(charset, Geometry(height, 64), "uint8"), name="some run")

    @parameterized.parameters(("float32", 3), ("uint8", 64))
    def test_scores_equal_those_of_validation_in_training(self, encoding, batch_size):
        data = convert_lines(self.create_tempdir().full_path, 13, image_encoding=encoding)
        network, mixture = self.make_network(), load_mixture(data)
        batches = TrainBatches(mixture, mixture.info, TrainConfig(batch_size=4), tf.distribute.get_strategy())
        expected, _ = Validation(batches, network.model, "train").run()
        result = evaluate(network, EvaluateConfig(data=data, split="train", batch_size=batch_size))
        self.assertEqual((result["lines"], result["exact_match"]), (13, expected.exact_match))
        self.assertAllClose(result["cer"], expected.cer)
        interval = wilson_interval(round(13 * expected.exact_match), 13)
        self.assertAllClose(result["exact_match_95"], interval)

    def test_reads_every_line_once_at_its_own_width(self):
        data, network = convert_any_width(self.create_tempdir().full_path, WIDTHS), self.make_network()
        info = load_dataset_info(data)
        results = list(read_split(network, folder=data, info=info, split="train", batch_size=3))
        self.assertCountEqual([result.key for result in results], [f"{k}.png" for k in range(len(WIDTHS))])
        for result in results:
            number = int(result.truth)
            levels = draw_levels(number, width=WIDTHS[number])
            self.assertEqual(result.key, f"{number}.png")
            self.assertAllEqual(result.levels, levels)
            self.assertEqual(result.reading.text, read_lines(network, [levels])[0].text)

    def test_a_decoder_is_compared_with_greedy_decoding(self):
        folder = self.create_tempdir().full_path
        data, report, network = convert_lines(folder, 12), os.path.join(folder, "report"), self.make_network()
        words = self.create_tempfile("words.txt", "".join(f"{k}\n" for k in range(12))).full_path
        decoder = Decoder(DecodingConfig(lexicon=words), CHARSET, compares=True)
        plain = evaluate(network, EvaluateConfig(data=data, split="train"))
        result = evaluate(network, EvaluateConfig(data=data, split="train", report=report), decoder)
        self.assertEqual(result["greedy"], {name: plain[name] for name in ("exact_match", "cer")})
        self.assertNotIn("greedy", plain)
        with open(os.path.join(report, "report.json")) as file:
            changes = json.load(file)["changes"]
        mended, spoilt = (changes["lines"][name] for name in ("mended", "spoilt"))
        self.assertAllClose(result["exact_match"] - plain["exact_match"], (mended - spoilt) / 12)
        with open(os.path.join(report, "index.html")) as file:
            self.assertIn("Changes against greedy decoding", file.read())

    def test_writes_a_report_and_a_picture(self):
        folder = self.create_tempdir().full_path
        data, report, picture = convert_lines(folder, 5), os.path.join(folder, "a/b"), f"{folder}/sheet.png"
        network = self.make_network()
        result = evaluate(
            network,
            EvaluateConfig(
                data=data, split="train", report=report, report_lines=2, picture=picture, picture_lines=3
            ),
        )
        with open(os.path.join(report, "report.json")) as file:
            content = json.load(file)
        with open(os.path.join(report, "index.html")) as file:
            self.assertIn("some run on train", file.read())
        self.assertEqual(content["totals"]["lines"], result["lines"])
        self.assertEqual(content["totals"]["cer"], result["cer"])
        self.assertTrue(os.path.exists(picture))

    @parameterized.parameters(("picture", "none/sheet.png"), ("picture", ""), ("report", "file.txt"))
    def test_outputs_are_checked_before_lines_are_read(self, name, path):
        folder = self.create_tempdir().full_path
        data, reader = convert_lines(folder, 3), mock.Mock(side_effect=AssertionError)
        with open(os.path.join(folder, "file.txt"), "w"):
            pass
        with (
            mock.patch("densenet_ocr.model.reading.evaluation.read_split", reader),
            self.assertRaises(UserError),
        ):
            evaluate(
                self.make_network(),
                EvaluateConfig(data=data, split="train", **{name: os.path.join(folder, path)}),
            )

    def test_refuses_data_of_another_charset(self):
        data = convert_lines(self.create_tempdir().full_path, 3)
        with self.assertRaisesRegex(UserError, "charset of .*14 classes.* 4 classes"):
            evaluate(self.make_network(Charset("xyz")), EvaluateConfig(data=data, split="train"))

    def test_refuses_data_of_another_height(self):
        data = convert_lines(self.create_tempdir().full_path, 3)
        with self.assertRaisesRegex(UserError, "image height of .*32.*48.*--image_height"):
            evaluate(self.make_network(height=48), EvaluateConfig(data=data, split="train"))


if __name__ == "__main__":
    tf.test.main()
