"""Models whose weights have the shapes of the notebook's, but that read otherwise, are refused."""

import json
import os
import shutil
import tempfile

import h5py
import tensorflow as tf
from absl.testing import parameterized

from benchmarks.training import notebook
from densenet_ocr.model.keras2.weights import read_keras2_layers
from densenet_ocr.pipeline.errors import UserError
from tests.model.keras2.keras2_case import shallow


class SettingsTest(parameterized.TestCase, tf.test.TestCase):
    """Models of the same shapes that read otherwise, as `model.save` writes them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.path = os.path.join(cls.folder, "old.h5")
        with shallow():
            notebook.build_network(5).save(cls.path)
        with h5py.File(cls.path) as file:
            cls.config = file.attrs["model_config"]

    def refuse(self, message: str, config: str) -> None:
        self.assertNotEqual(config, self.config)
        with h5py.File(self.path, "a") as file:
            file.attrs["model_config"] = config
        with shallow(), self.assertRaisesRegex(UserError, message):
            read_keras2_layers(self.path)

    @parameterized.parameters(
        ("1.1e-05", "0.001", "batch_normalization with epsilon 0.001, expected 1.1e-05, as in the notebook's"),
        ('"strides": [2, 2], "padding": "same"', '"strides": [1, 2], "padding": "same"', "conv2d with strides"),
        (
            '"AveragePooling2D"',
            '"MaxPooling2D"',
            "average_pooling2d of the kind MaxPooling2D, expected Conv2D,",
        ),
        ('"pool_size": [2, 2]', '"pool_size": [3, 3]', "average_pooling2d with pool_size"),
        ('"relu"', '"elu"', "activation with activation elu, expected relu or"),
        ('"inbound_nodes"', '"nodes"', "a model_config that cannot be read .KeyError"),
    )
    def test_refuses(self, old, new, message):
        self.refuse(message, self.config.replace(old, new))

    def test_refuses_new_channels_before_the_old_ones(self):
        config = json.loads(self.config)
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Concatenate":
                layer["inbound_nodes"][0].reverse()
        self.refuse("concatenate whose last input is conv2d, expected the 8 new channels", json.dumps(config))


if __name__ == "__main__":
    tf.test.main()
