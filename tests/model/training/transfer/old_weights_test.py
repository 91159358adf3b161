"""A training that begins with a weights file of the original notebook."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.model.training.trainer import train
from densenet_ocr.model.training.transfer import begin_with
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.model.training.transfer.transfer_case import OLD, settings
from tests.samples import CHARSET, convert_lines, draw_levels, shallow_network


class OldWeightsTest(tf.test.TestCase):
    """A file of the original notebook in place of a run; its characters are those of OLD."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.network, cls.path = (
            build_densenet(height=32, classes=OLD.classes),
            os.path.join(cls.folder, "old.h5"),
        )
        cls.network.save(cls.path)  # as .h5, in the layout of Keras 2
        cls.charset = os.path.join(cls.folder, "old.txt")
        OLD.write(cls.charset)

    def begin(self, data: Charset, charset: str | None, *, height: int = 32, mode: str = "union"):
        info, run = DatasetInfo(data, Geometry(height, 64), "uint8"), self.create_tempdir().full_path
        return begin_with(settings(self.path, mode, init_charset=charset), info, run)

    def test_weights_are_transferred_by_character(self):
        info, source = self.begin(CHARSET, self.charset)
        self.assertEqual(info.charset.characters, "0123456789ab xy")
        new = build_densenet(height=32, classes=info.charset.classes)
        source.place(new, info.charset)
        line = draw_levels(1)[None, ..., None] / np.float32(255) - 0.5
        before, after = (model(line, training=False).numpy() for model in (self.network, new))
        classes = [*info.charset.encode(OLD.characters), info.charset.blank]
        self.assertAllClose(before, after[..., classes], rtol=1e-5, atol=1e-5)

    def test_without_a_charset_it_has_that_of_the_data(self):
        data = Charset("abcdefghijkl")
        with self.assertLogs(level="INFO") as logs:
            _, source = self.begin(data, None, mode="fail")
        self.assertEqual(source.charset, data)
        self.assertRegex(logs.output[0], "the charset of the data, .* 13 classes; --init_charset")

    def test_without_a_charset_data_of_as_many_classes_are_needed(self):
        with self.assertRaisesRegex(
            UserError,
            "old.h5: received a last layer of 13 classes, and no charset, expected the 14 classes of the data, "
            ".* Name the charset that they were trained with: --init_charset=FILE.",
        ):
            self.begin(CHARSET, None)

    def test_a_charset_of_another_size_is_refused(self):
        CHARSET.write(path := os.path.join(self.create_tempdir().full_path, "other.txt"))
        with self.assertRaisesRegex(
            UserError, "received a last layer of 13 classes, expected 14: the charset's 13"
        ):
            self.begin(OLD, path)

    def test_another_height_of_features_is_refused(self):
        with self.assertRaisesRegex(UserError, "received 48, which makes 6 rows .* with --image_height=32"):
            self.begin(OLD, self.charset, height=48)
        self.begin(OLD, self.charset, height=38)
        build_densenet(height=48, classes=OLD.classes).save(high := os.path.join(self.folder, "high.hdf5"))
        with self.assertRaisesRegex(UserError, "expected 6 rows, .* with --image_height=48"):
            begin_with(settings(high), DatasetInfo(OLD, Geometry(32, 64), "uint8"), self.folder)

    def test_a_missing_file_is_an_error(self):
        with self.assertRaisesRegex(UserError, "file none.hdf5: received No such file"):
            begin_with(settings("none.hdf5"), DatasetInfo(OLD, Geometry(32, 64), "uint8"), self.folder)

    def test_a_run_resumes_when_file_and_charset_are_gone(self):
        data, run = convert_lines(self.folder, 5), os.path.join(self.folder, "run")
        training = settings(self.path, "union", init_charset=self.charset, batch_size=4, epochs=1)
        train(config=training, devices=DeviceConfig(), data=data, run=run)
        for path in (self.path, self.charset):
            os.rename(path, path + "-gone")
            self.addCleanup(os.rename, path + "-gone", path)
        result = train(config=training, devices=DeviceConfig(), data=data, run=run)
        self.assertEqual(result["step"], 1)
        self.assertEqual(load_dataset_info(run).charset.characters, "0123456789ab xy")


if __name__ == "__main__":
    tf.test.main()
