"""CTC, both ways: the loss of labels given logits, and the reading of logits along their best path.

Graves et al., "Connectionist Temporal Classification", ICML 2006. The blank is the last class.
"""

from typing import NamedTuple

import tensorflow as tf


class BestPath(NamedTuple):
    """Readings of a batch: class ids (int32) and each character's confidence (float32), ragged [B, None]."""

    ids: tf.RaggedTensor
    confidence: tf.RaggedTensor


def ctc_loss(*, logits, frames, label, label_length):
    """-ln p(label) of each line, float32 [B], summed over all alignments.

    Takes logits float32 [B, T, classes], frames int32 [B], label int32 [B, L] padded with anything and
    label_length int32 [B]. A label that its frames cannot hold, which no conversion lets pass, has an infinite
    loss; TensorFlow raises InvalidArgumentError for an empty label and for one longer than its frames.
    """
    return tf.nn.ctc_loss(
        labels=to_sparse(label, label_length),  # the sparse kernel is the faster one on a CPU
        logits=logits,
        label_length=None,
        logit_length=frames,
        logits_time_major=False,
        blank_index=logits.shape[-1] - 1,
    )


def to_sparse(label, label_length) -> tf.SparseTensor:
    """The labels int32 [B, L] up to their lengths int32 [B], as a SparseTensor."""
    inside = tf.sequence_mask(label_length, tf.shape(label)[1])
    return tf.SparseTensor(tf.where(inside), label[inside], tf.shape(label, tf.int64))


def decode_best_path(logits, frames) -> BestPath:
    """Greedy reading of logits float32 [B, T, classes] over frames int32 [B]: merge repeats, drop blanks.

    A character's confidence is the highest softmax probability of its class among the frames of its run.
    """
    best = tf.argmax(logits, axis=-1, output_type=tf.int32)
    inside = tf.sequence_mask(frames, tf.shape(best)[1])
    before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
    starts = (best != before) & inside
    characters = starts & (best != logits.shape[-1] - 1)
    log_probability = tf.reduce_max(logits, axis=-1) - tf.reduce_logsumexp(logits, axis=-1)
    peaks = _peak_of_run(log_probability, starts, inside)
    return BestPath(tf.ragged.boolean_mask(best, characters), tf.exp(tf.ragged.boolean_mask(peaks, characters)))


def _peak_of_run(values, starts, inside):
    """The largest of `values` in each frame's run of equal frames, [B, T]."""
    batch, length = tf.unstack(tf.shape(values))
    run = tf.cumsum(tf.cast(starts, tf.int32), axis=1) - 1 + length * tf.range(batch)[:, None]
    # A negative segment is left out: frames behind the line's end belong to no run.
    peaks = tf.math.unsorted_segment_max(values, tf.where(inside, run, -1), batch * length)
    return tf.gather(peaks, tf.where(inside, run, 0))
