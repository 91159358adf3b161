"""A small network to export, and exports of it."""

import dataclasses
import os
import shutil
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import build_for
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import CHARSET, shallow_network, train_a_little

INFO = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")


def make_network(seed: int = 0, **geometry: int) -> KerasInferenceModel:
    """A shallow network; `geometry` has what differs from that of INFO."""
    info = dataclasses.replace(INFO, geometry=dataclasses.replace(INFO.geometry, **geometry))
    with shallow_network():
        model = build_for(info, seed=seed)
    train_a_little(model)
    return KerasInferenceModel(model, info)


class ExportCase(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def make(self, name: str, seed: int = 0, *, geometry: dict[str, int] | None = None, **how) -> str:
        """The folder of an export, which is made once."""
        folder = os.path.join(self.root, f"{name}-{seed}")
        if not os.path.exists(folder):
            with shallow_network():
                export(make_network(seed, **(geometry or {})), output=folder, **how)
        return folder
