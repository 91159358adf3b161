"""Greedy CTC decoding of arrays: the best path, without repeats and blanks.

Graves et al., "Connectionist Temporal Classification", ICML 2006, section 3.2. The blank is the last class.
model.network.ctc has the same decoder for tensors.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from densenet_ocr.pipeline.charset import Charset

if TYPE_CHECKING:
    import tensorflow as tf

    Ragged: TypeAlias = "tf.RaggedTensor | RaggedArray"


@dataclasses.dataclass(frozen=True)
class RaggedArray:
    """An array [B, None], with the names of tf.RaggedTensor; reading without TensorFlow uses it.

    Attributes:
      flat_values: The values of all rows, one row after another, [N].
      row_splits: int64 [B + 1]; row k is flat_values[row_splits[k] : row_splits[k + 1]].
    """

    flat_values: np.ndarray
    row_splits: np.ndarray

    def to_list(self) -> list[list[Any]]:
        """Returns the rows as lists."""
        values = self.flat_values.tolist()
        return [values[start:end] for start, end in itertools.pairwise(self.row_splits.tolist())]


class BestPath(NamedTuple):
    """Decoded characters of a batch of lines, ragged [B, None]."""

    ids: "Ragged"  # int32, the class
    confidence: "Ragged"  # float32, from 0 to 1: the highest softmax probability among the character's frames
    first: "Ragged"  # int32, the first frame
    last: "Ragged"  # int32, the last frame, which may be the first


def find_best_path(logits: np.ndarray, frames: Sequence[int] | np.ndarray) -> BestPath:
    """Decodes logits greedily: merges repeats, then drops blanks.

    Args:
      logits: float32 [B, T, classes].
      frames: int32 [B], number of frames of each line; what follows them is ignored.

    Returns:
      The characters of each line.
    """
    return merge_repeats(*find_likeliest(logits, frames), blank=logits.shape[-1] - 1)


def find_likeliest(logits: np.ndarray, frames: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the class with the highest logit in each frame.

    Args:
      logits: float32 [B, T, classes].
      frames: int32 [B], number of frames of each line.

    Returns:
      The class, int32 [B, T], which is the blank after a line's last frame; and its softmax probability,
      float32 [B, T], which is 0 for blanks: most frames are blanks, and a softmax over thousands of classes
      is slow.
    """
    blank = logits.shape[-1] - 1
    best = np.argmax(logits, axis=-1).astype(np.int32)
    best[np.arange(best.shape[1]) >= np.asarray(frames)[:, None]] = blank
    is_character, probability = best != blank, np.zeros(best.shape, np.float32)
    # Line by line, because the logits of one line fit into a core's cache and those of a batch do not.
    for line, line_probability, places in zip(logits, probability, is_character, strict=True):
        line_probability[places] = _find_peaks(line[places])
    return best, probability


def merge_repeats(best: np.ndarray, probability: np.ndarray, blank: int) -> BestPath:
    """Merges equal neighbours and drops blanks.

    Args:
      best: int32 [B, T], the likeliest class of each frame.
      probability: float32 [B, T], its softmax probability; values of blanks are ignored.
      blank: The class of the blank.

    Returns:
      The characters of each line, as arrays.
    """
    is_character, changes = best != blank, best[:, 1:] != best[:, :-1]
    starts, ends = is_character.copy(), is_character.copy()
    starts[:, 1:] &= changes
    ends[:, :-1] &= changes
    (_, first), (_, last) = np.nonzero(starts), np.nonzero(ends)
    confidence = np.maximum.reduceat(probability[is_character], np.flatnonzero(starts[is_character]))
    splits = np.concatenate([[0], np.cumsum(starts.sum(axis=1))])
    parts = (best[starts], confidence, first.astype(np.int32), last.astype(np.int32))
    return BestPath(*(RaggedArray(part, splits) for part in parts))


def spell(path: BestPath, charset: Charset) -> tuple[list[str], list[float]]:
    """Returns the texts of decoded lines, and their confidences: see `geometric_mean`."""
    texts = [charset.decode(ids) for ids in path.ids.to_list()]
    return texts, [geometric_mean(confidences) for confidences in path.confidence.to_list()]


def geometric_mean(confidences: Iterable[float]) -> float:
    """Returns the confidence of a line with these confidences of its characters; 0 if it has none."""
    values = list(confidences)
    if not values or min(values) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, values)) / len(values))


def _find_peaks(logits: np.ndarray) -> np.ndarray:
    """Highest softmax probability of each frame, float32 [frames]; overwrites logits [frames, classes]."""
    logits -= logits.max(axis=-1, keepdims=True)
    return 1 / np.exp(logits, out=logits).sum(axis=-1)
