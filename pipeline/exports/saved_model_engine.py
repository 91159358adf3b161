"""An exported SavedModel, loaded by TensorFlow alone: without Keras and without the network's code."""

from typing import Any

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import BestPath
from densenet_ocr.pipeline.exports.export_info import ExportInfo, damaged_export


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

    def __init__(self, folder: str, export: ExportInfo, info: DatasetInfo, threads: int = 0):
        """Loads the model without checking it.

        Args:
          folder: The export.
          export: Its description.
          info: Description of the lines that it reads.
          threads: Ignored: TensorFlow's threads are those of the whole process.

        Raises:
          UserError: a file of the model is damaged.
        """
        self.name, self.export, self.info, self.train_split = folder, export, info, export.train_split
        self._model = _load(folder)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Returns logits, float32 [B, T, classes]; see InferenceModel."""
        return self._model.compute_logits(*_to_tensors(levels, widths)).numpy()

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """Returns the lines' characters, ragged [B, None]; see InferenceModel."""
        return BestPath(*self._model.find_best_path(*_to_tensors(levels, widths)))


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
    """Grey levels, uint8 [B, H, W], and widths, int32 [B], as tensors."""
    return tf.constant(levels, tf.uint8), tf.constant(widths, tf.int32)
