"""A SavedModel gives what the run gives, from image files and from grey levels."""

import io
import os
import shutil
import tempfile

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import spell
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.engines import load_export
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import draw_levels, encode_image, shallow_network, train_a_little

CHARSET = Charset("01 字é𠀀ab")  # a space, and characters of two to four bytes
WIDTHS = (64, 300, 57, 64, 66, 8, 305)


class SavedModelTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        temporary = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, temporary)
        cls.folder = os.path.join(temporary, "1")
        with shallow_network():
            model = build_densenet(height=32, classes=CHARSET.classes)
            train_a_little(model)
            # Logits far enough apart that readings have blanks, and confidences of all sizes.
            head = model.layers[-1]
            head.kernel.assign(head.kernel * 3)
            cls.network = KerasInferenceModel(model, DatasetInfo(CHARSET, Geometry(32, 64), "uint8", fit="pad"))
            export(cls.network, output=cls.folder, format="saved_model")
            cls.recognizer = Recognizer(cls.network)
            cls.exported = Recognizer(cls.folder)
            # Traced here, where the network is shallow.
            list(cls.recognizer.read_many([draw_levels(1), draw_levels(1, width=65)]))
            cls.network.compute_logits(np.zeros([2, 32, 64], np.uint8), np.array([64, 8]))
        cls.model = tf.saved_model.load(cls.folder)
        cls.serve = staticmethod(cls.model.signatures["serving_default"])

    def read_bytes(self, *data: bytes) -> dict:
        return {name: value.numpy() for name, value in self.serve(images=tf.constant(data)).items()}

    def test_reads_as_the_run_does_at_any_width(self):
        lines = [draw_levels(n, width=width) for n, width in enumerate(WIDTHS)]
        ours, theirs = (list(one.read_many(lines)) for one in (self.recognizer, self.exported))
        self.assertNotEmpty("".join(reading.text for reading in ours))
        for one, other in zip(ours, theirs, strict=True):
            self.assertEqual(one.text, other.text)
            self.assertAllClose([c[1:] for c in one.characters], [c[1:] for c in other.characters])

    def test_has_one_signature_of_image_files(self):
        self.assertEqual(list(self.model.signatures), ["serving_default"])
        given = self.serve.structured_input_signature[1]["images"]
        self.assertEqual((given.shape.as_list(), given.dtype), ([None], tf.string))
        found = {name: (spec.dtype, spec.shape.rank) for name, spec in self.serve.structured_outputs.items()}
        self.assertEqual(
            found,
            {
                "texts": (tf.string, 1),
                "confidences": (tf.float32, 1),
                "logits": (tf.float32, 3),
                "frames": (tf.int32, 1),
            },
        )

    @parameterized.parameters(("JPEG", 32, 90), ("PNG", 64, 400), ("BMP", 20, 100))
    def test_reads_a_file_of_any_size_as_the_run_does(self, kind, height, width):
        data = encode_image(draw_levels(3, height, width), kind)
        reading, result = self.recognizer.read(data), self.read_bytes(data)
        self.assertEqual(result["texts"][0].decode(), reading.text)
        self.assertAllClose(result["confidences"][0], reading.confidence)
        levels = self.recognizer.prepare(data).levels
        logits = self.network.compute_logits(levels[None], np.array([levels.shape[1]]))
        self.assertAllClose(result["logits"], logits, atol=1e-3, rtol=0)
        self.assertEqual(result["frames"].tolist(), [logits.shape[1]])

    def test_a_file_among_others_reads_as_it_does_alone(self):
        sizes = [(32, 64), (64, 600), (20, 40), (32, 305)]
        data = [encode_image(draw_levels(n, *size), "JPEG") for n, size in enumerate(sizes)]
        together = self.read_bytes(*data)
        for number, one in enumerate(data):
            alone, frames = self.read_bytes(one), together["frames"][number]
            self.assertEqual(alone["texts"][0], together["texts"][number])
            self.assertAllClose(alone["confidences"][0], together["confidences"][number])
            self.assertAllClose(alone["logits"][0], together["logits"][number, :frames], atol=1e-4, rtol=0)

    def test_colours_and_grey_of_16_bits_are_read_as_the_run_reads_them(self):
        random = np.random.default_rng(2)
        colours = PIL.Image.fromarray(random.integers(0, 256, (32, 90, 3), dtype=np.uint8))
        deep = PIL.Image.fromarray(random.integers(0, 65536, (32, 90), dtype=np.uint16))
        for picture in (colours, colours.convert("P"), deep):
            data = io.BytesIO()
            picture.save(data, "PNG")
            reading = self.recognizer.read(data.getvalue())
            self.assertEqual(self.read_bytes(data.getvalue())["texts"][0].decode(), reading.text)

    def test_reads_texts_and_confidences_of_levels(self):
        model, line = load_export(self.folder), draw_levels(1)
        blank = np.zeros_like(line)
        levels, widths = np.stack([line, blank]), np.array([64, 1])  # a line without a frame says nothing
        texts, confidences = spell(model.find_best_path(levels, widths), model.info.charset)
        reading = self.recognizer.read(line)
        self.assertEqual(texts, [reading.text, ""])
        self.assertAllClose(confidences, [reading.confidence, 0.0])
        self.assertEqual(model.info.charset, CHARSET)
        self.assertEqual(model.export.text, self.read_bytes(self.golden())["texts"][0].decode())

    def golden(self) -> bytes:
        with open(os.path.join(self.folder, "golden.png"), "rb") as file:
            return file.read()

    def test_the_golden_line_comes_out_of_the_signature(self):
        expected = np.load(os.path.join(self.folder, "golden.npy"), allow_pickle=False)
        self.assertAllClose(self.read_bytes(self.golden())["logits"][0], expected, atol=1e-4, rtol=0)

    def test_bytes_that_are_no_image_fail_with_their_number(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"(?s)no JPEG, PNG or BMP.*\[1\]"):
            self.read_bytes(self.golden(), b"none")

    def test_a_batch_without_images_fails_by_name(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "no image is in the batch"):
            self.serve(images=tf.constant([], tf.string))

    def test_stores_every_weight_once(self):
        variables = tf.train.list_variables(os.path.join(self.folder, "variables", "variables"))
        stored = sum(np.prod(shape) for _, shape in variables)
        self.assertEqual(int(stored), self.network.model.count_params() + 1)  # and a counter of saves

    def copy(self) -> str:
        folder = os.path.join(self.create_tempdir().full_path, "copy")
        shutil.copytree(self.folder, folder)
        return folder

    def test_a_changed_weight_is_refused(self):
        folder = self.copy()
        path = os.path.join(folder, "variables", "variables.data-00000-of-00001")
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(b"\x41" * 64)
        with self.assertRaisesRegex(UserError, "variables.data-00000-of-00001 with a CRC-32C of"):
            load_export(folder)

    def test_another_height_is_refused(self):
        folder = self.copy()
        path = os.path.join(folder, "dataset.json")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"image_height": 32', '"image_height": 48'))
        with self.assertRaisesRegex(UserError, "dataset.json with a CRC-32C of"):
            load_export(folder)

    @parameterized.parameters("saved_model.pb", "variables/variables.index", "dataset.json", "golden.npy")
    def test_a_missing_file_is_refused(self, name):
        folder = self.copy()
        os.remove(os.path.join(folder, name))
        with self.assertRaises(UserError):
            load_export(folder)


if __name__ == "__main__":
    tf.test.main()
