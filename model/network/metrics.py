"""Scores of readings: exact match, CER, the notebook's accuracy under an honest name, and intervals.

Every line counts once; padding rows have weight 0.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.ctc import compute_losses, decode_best_path, to_sparse
from densenet_ocr.pipeline import schema

# z of a two-sided 95 % interval.
_Z = 1.959964


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scores of a split.

    Attributes:
      lines: Number of lines.
      loss: Mean CTC loss.
      exact_match: Share of lines with every character right, from 0 to 1.
      cer: Total edits over total reference characters.
      loss_rounds_to_0: Share of lines whose loss rounds to 0: the notebook's 'accuracy'.
    """

    lines: int
    loss: float
    exact_match: float
    cer: float
    loss_rounds_to_0: float

    @classmethod
    def from_sums(cls, sums: np.ndarray) -> "Scores":
        """Computes scores of the summed results of `score_batch`, float64 [6]."""
        lines, loss, exact, edits, characters, rounds = (float(value) for value in sums)
        return cls(round(lines), loss / lines, exact / lines, edits / characters, rounds / lines)


def score_batch(logits: tf.Tensor, batch: dict[str, tf.Tensor]) -> tf.Tensor:
    """Sums the scores of a batch.

    The notebook's 'accuracy' is the last sum over the first: its model returned the loss, which Keras rounded
    and compared with a target of 0.

    Args:
      logits: float32 [B, T, classes].
      batch: A batch of pipeline.schema.parse with rows [B].

    Returns:
      float64 [6]: lines, loss, exact matches, Levenshtein edits, reference characters, losses that round to 0.
    """
    loss = compute_losses(logits, batch)
    edits = count_edits(decode_best_path(logits, batch[schema.FRAMES]).ids, batch)
    columns = [
        tf.ones_like(loss),
        loss,
        tf.cast(edits == 0, tf.float32),
        edits,
        tf.cast(batch[schema.LABEL_LENGTH], tf.float32),
        tf.cast(tf.round(loss) == 0, tf.float32),
    ]
    weighted = tf.stack(columns) * batch[schema.WEIGHT]
    return tf.reduce_sum(tf.cast(weighted, tf.float64), axis=1)


def count_edits(ids: tf.RaggedTensor, batch: dict[str, tf.Tensor]) -> tf.Tensor:
    """Returns the Levenshtein distance of each reading, int32 [B, ragged], from its label, float32 [B]."""
    truth = to_sparse(batch[schema.LABEL], batch[schema.LABEL_LENGTH])
    return tf.edit_distance(ids.to_sparse(), truth, normalize=False)


def wilson_interval(hits: int, lines: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of the share hits / lines (Wilson 1927); (0, 1) without lines."""
    if not lines:
        return 0.0, 1.0
    share, z2 = hits / lines, _Z * _Z / lines
    centre = (share + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(share * (1 - share) / lines + z2 / (4 * lines))
    # At the ends the bounds are exactly 0 and 1, which rounding would miss.
    return (centre - half if hits else 0.0), (centre + half if hits < lines else 1.0)
