"""What engines of normalised lines have in common: ONNX and TFLite models."""

import abc
import concurrent.futures
import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import BestPath, find_likeliest, merge_repeats
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import MODEL_FILES, ExportInfo

INPUT, OUTPUT = "lines", "logits"  # names in ONNX and TFLite models

# Further outputs of ONNX models: each frame's likeliest class and its softmax probability.
LIKELIEST = ("best", "probability")


class LineEngine(abc.ABC):
    """A model of normalised lines, float32 [B, H, W, 1], all of one width.

    The lines of a batch are computed one by one, on as many threads as there are cores: a line's activations
    stay in a core's cache, and no thread waits for another. 64 lines of 280x32 on two cores took 317 ms this
    way, 509 ms with onnxruntime's own threads (medians, on a shared machine).

    Attributes:
      threads: Lines that are computed at once.
    """

    takes_padding = False

    def __init__(self, folder: str, export: ExportInfo, info: DatasetInfo, threads: int = 0):
        """Loads the model without checking it.

        Args:
          folder: The export.
          export: Its description.
          info: Description of the lines that it reads.
          threads: Lines to compute at once, 0 for one per core.

        Raises:
          UserError: the model's file is damaged.
        """
        self.name, self.export, self.info, self.train_split = folder, export, info, export.train_split
        self.threads = threads or len(os.sched_getaffinity(0))  # the cores that this process may use
        path = storage.join(folder, MODEL_FILES[export.format])
        try:
            self._load(path)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"model {path}",
                received=(str(error).splitlines() or [type(error).__name__])[0],
                expected="the file that the export wrote",
                remedy="Export the model again, or copy the folder again.",
            ) from None
        self._pool = concurrent.futures.ThreadPoolExecutor(self.threads)

    def compute_logits(self, levels: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Returns logits, float32 [B, T, classes].

        Args:
          levels: Grey levels, uint8 [B, H, W].
          widths: int32 [B], all equal to W.
        """
        return np.concatenate(self._map(self._compute_logits, levels, widths))

    def find_best_path(self, levels: np.ndarray, widths: np.ndarray) -> BestPath:
        """Returns the lines' characters, ragged [B, None]; takes what `compute_logits` takes."""
        results = self._map(self._find_likeliest, levels, widths)
        best, probability = map(np.concatenate, zip(*results, strict=True))
        return merge_repeats(best, probability, self.info.charset.blank)

    @abc.abstractmethod
    def _load(self, path: str) -> None:
        """Loads a model's file; raises OSError, ValueError or RuntimeError for a damaged one."""

    @abc.abstractmethod
    def _compute_logits(self, line: np.ndarray, *, alone: bool) -> np.ndarray:
        """Logits [1, T, classes] of one line [1, H, W, 1]; several threads call it at once unless `alone`."""

    def _find_likeliest(self, line: np.ndarray, *, alone: bool) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest class, int32 [1, T], and its probability, float32 [1, T], of one line [1, H, W, 1]."""
        logits = self._compute_logits(line, alone=alone)
        return find_likeliest(logits, [logits.shape[1]])

    def _map(self, compute: Callable[..., Any], levels: np.ndarray, widths: np.ndarray) -> list[Any]:
        """What `compute` returns for each line of uint8 [B, H, W]."""
        if np.any(np.asarray(widths) != levels.shape[2]):
            raise ValueError(f"widths {list(widths)} in a batch of width {levels.shape[2]}")
        lines = images.normalise(levels)[:, None, ..., None]
        if len(lines) == 1 or self.threads == 1:
            return [compute(line, alone=True) for line in lines]
        return list(self._pool.map(functools.partial(compute, alone=False), lines))
