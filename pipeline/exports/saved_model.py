"""An exported SavedModel, loaded by TensorFlow alone: without Keras and without the network's code."""

from typing import Any

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding import BestPath
from densenet_ocr.pipeline.exports.export_info import (
    ExportInfo,
    damaged_export,
    load_export_info,
    load_lines_info,
    require_saved_model,
)
from densenet_ocr.pipeline.exports.golden_line import check_golden


class SavedModelEngine:
    """Inference by a SavedModel.

    Its methods take grey levels, uint8 [B, H, W], at the model's height, and the lines' widths, int32 [B];
    columns after a line's width are ignored.

    Attributes:
      name: The export's folder.
      export: Description of the export.
      info: Description of the lines that it reads.
      train_split: Split that the model was trained on.
      takes_padding: Whether lines in a batch may differ in width.
    """

    takes_padding = True

    def __init__(self, folder: str, export: ExportInfo, info: DatasetInfo):
        """Loads the model without checking it; raises UserError for a damaged one."""
        self.name, self.export, self.info, self.train_split = folder, export, info, export.train_split
        self._model = _load(folder)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Returns logits, float32 [B, T, classes]; a line has (width + 1) // 8 frames."""
        return self._model.compute_logits(*_to_tensors(levels, widths)).numpy()

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """Returns the lines' characters."""
        return BestPath(*self._model.find_best_path(*_to_tensors(levels, widths)))

    def read(self, levels: np.ndarray, widths: np.ndarray) -> tuple[list[str], list[float]]:
        """Returns the lines' texts and confidences.

        A confidence is the geometric mean of the characters', 0 for an empty text.
        """
        texts, confidences = self._model.read(*_to_tensors(levels, widths))
        return [text.decode("utf-8") for text in texts.numpy()], confidences.numpy().tolist()


def load_saved_model(folder: str) -> SavedModelEngine:
    """Loads an export and checks its files and its golden line; raises UserError."""
    export = load_export_info(folder)
    require_saved_model(folder, export)
    engine = SavedModelEngine(folder, export, load_lines_info(folder, export))
    check_golden(folder, engine.info, engine.compute_logits)
    return engine


def _load(folder: str) -> Any:
    try:
        with storage.plain_path(folder) as place:
            return tf.saved_model.load(place)
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise damaged_export(
            folder,
            received=str(error).splitlines()[0],
            expected="saved_model.pb and variables/, as the export wrote them",
        ) from None


def _to_tensors(levels: np.ndarray, widths: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(levels, tf.uint8), tf.constant(widths, tf.int32)
