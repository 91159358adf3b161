"""The interface of a model that reads batches of lines."""

from typing import Protocol

import numpy as np

from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import BestPath


class InferenceModel(Protocol):
    """A model that reads batches: a Keras model in memory, or an export.

    Attributes:
      name: Where the model was loaded from.
      info: Charset, geometry and fit of its training data.
      train_split: The split of that data it was trained on; '' if unknown.
      takes_padding: Whether the lines of a batch may differ in width.
    """

    name: str
    info: DatasetInfo
    train_split: str
    takes_padding: bool

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Computes the logits of a batch.

        Args:
          levels: Grey levels, uint8 [B, H, W]; lines are padded on the right.
          widths: Width of each line in pixels, int32 [B].

        Returns:
          float32 [B, T, classes]. A line has info.geometry.count_frames(width) frames; values behind them are
          undefined.
        """

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """Decodes the logits of a batch greedily; see `compute_logits` for the arguments.

        Returns:
          The characters of each line, ragged [B, None]; see BestPath.
        """
