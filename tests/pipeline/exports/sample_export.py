"""A small export, with a file in place of its model."""

import os

import numpy as np

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.exports.export_info import ExportInfo
from densenet_ocr.pipeline.exports.golden_line import save_golden
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import draw_levels

CHARSET = Charset("深 a")
LINES = DatasetInfo(CHARSET, Geometry(32, 64), "uint8")
# Frames of classes; 3 is the blank.
PATH = [3, 0, 0, 3, 1, 2, 2, 3]
LOGITS = np.eye(4, dtype=np.float32)[PATH] * 20 + np.random.default_rng(0).normal(0, 2, (8, 4)).astype("f")
INFO = ExportInfo(
    "onnx", "float32", "深 a", 0.5, 1e-3, {"model.onnx": "00"}, {"run": "runs/1", "packages": {"onnx": None}}
)


def write_export(folder: str, info: ExportInfo = INFO) -> str:
    """Writes an export into a folder, with a file in place of its model; returns the folder."""
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(b"a model")
    LINES.save(folder)
    CHARSET.write(os.path.join(folder, "charset.txt"))
    save_golden(folder, draw_levels(1), LOGITS)
    info.save(folder)
    return folder
