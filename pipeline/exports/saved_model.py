"""An exported SavedModel, read back by TensorFlow alone: no Keras, no module that knows the network."""

import numpy as np
import tensorflow as tf

from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.decoding import BestPath
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    ExportInfo,
    check_golden,
    load_export_info,
    load_lines_info,
    require_saved_model,
)


class SavedModel:
    """A model in the folder of an export; `info` describes its lines, `export` the export.

    Takes uint8 grey levels [B, H, W] at the model's height, whose lines are `widths`, int32 [B], wide; behind
    a line may stand anything.
    """

    def __init__(self, folder: str, export: ExportInfo | None = None):
        """Loads a folder and checks its golden line; raises UserError.

        Its writer, who has no golden line yet, gives `export` himself.
        """
        self.export = export or load_export_info(folder)
        require_saved_model(folder, self.export)
        self.info = load_dataset_info(folder) if export else load_lines_info(folder, self.export)
        self._model = _load(folder)
        if export is None:
            check_golden(folder, self.info, self._compute_alone)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Logits, float32 [B, T, classes]; a line has (width + 1) // 8 frames."""
        return self._model.compute_logits(*_to_tensors(levels, widths)).numpy()

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """The lines' readings, character by character."""
        return BestPath(*self._model.find_best_path(*_to_tensors(levels, widths)))

    def read(self, levels: np.ndarray, widths: np.ndarray) -> tuple[list[str], list[float]]:
        """The lines' texts, and their confidences: the geometric mean of their characters', 0 without any."""
        texts, confidences = self._model.read(*_to_tensors(levels, widths))
        return [text.decode("utf-8") for text in texts.numpy()], confidences.numpy().tolist()

    def _compute_alone(self, levels: np.ndarray) -> np.ndarray:
        return self.compute_logits(levels[None], np.array([levels.shape[1]]))[0]


def _load(folder: str):
    try:
        return tf.saved_model.load(folder)
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise UserError(
            f"export {folder}",
            received=str(error).splitlines()[0],
            expected="saved_model.pb and variables/, as the export wrote them",
            remedy="Export the model again, or copy the folder again.",
        ) from None


def _to_tensors(levels: np.ndarray, widths: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(levels, tf.uint8), tf.constant(widths, tf.int32)
