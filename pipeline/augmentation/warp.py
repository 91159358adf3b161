"""Shift, stretch, shear and perspective of lines as one projective map, which keeps the ink inside the line.

Maps are float32 [B, 3, 3] and act on (x, y, 1), pixels from the line's middle, x to the right, y down. `half`
is half the line's size, (x, y), float32 [B, 2].
"""

import tensorflow as tf

from densenet_ocr.pipeline.augmentation import config as augmentation
from densenet_ocr.pipeline.augmentation.ink import estimate_paper, find_ink
from densenet_ocr.pipeline.augmentation.random_values import Draws


def warp(line: tf.Tensor, width: tf.Tensor, draws: dict[str, Draws]) -> tf.Tensor:
    """Applies the operations of config.WARPS.

    Args:
      line: float32 [B, H, W, 1]; the padding repeats the last column.
      width: Pixels without padding, int32 [B].
      draws: Random numbers by the name of the operation; those that are missing are not applied.

    Returns:
      float32 [B, H, W, 1]. Pixels from beyond the ends of a line are paper, from above and below copies of the
      nearest row; the padding is undefined.
    """
    half = tf.stack(
        [(tf.cast(width, tf.float32) - 1) / 2, tf.fill(tf.shape(width), (line.shape[1] - 1) / 2)], 1
    )
    mapping = tf.eye(3, batch_shape=tf.shape(width))
    for name in augmentation.WARPS:
        if name in draws:
            mapping = _MAKERS[name](draws[name], half) @ mapping
    first, last = find_ink(line, width, estimate_paper(line, tf.zeros_like(width), width))
    mapping = _keep_inside(mapping, first - half, last - half, half)
    return _resample(_add_paper(line, width), mapping, half, line.shape, tf.shape(line))


def _shift(draws: Draws, half: tf.Tensor) -> tf.Tensor:
    across = draws.within("across", augmentation.SHIFT_ACROSS) * _height(half)
    return _make_map(1.0, 0.0, draws.within("along", augmentation.SHIFT_ALONG), 0.0, 1.0, across)


def _stretch(draws: Draws, half: tf.Tensor) -> tf.Tensor:
    return _make_map(tf.exp(draws.within("factor", augmentation.STRETCH)), 0.0, 0.0, 0.0, 1.0, 0.0)


def _shear(draws: Draws, half: tf.Tensor) -> tf.Tensor:
    slope = draws.within("slope", augmentation.SLOPE) * _height(half) / half[:, 0]
    return _make_map(1.0, draws.within("slant", augmentation.SLANT), 0.0, slope, 1.0, 0.0)


def _perspective(draws: Draws, half: tf.Tensor) -> tf.Tensor:
    taper = draws.within("taper", augmentation.TAPER) / half[:, 0]
    # By the longer side: the edges of a line higher than wide would meet.
    fan = draws.within("fan", augmentation.FAN) / tf.reduce_max(half, axis=1)
    return _make_map(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, bottom=(taper, fan))


_MAKERS = {"shift": _shift, "stretch": _stretch, "shear": _shear, "perspective": _perspective}


def _height(half: tf.Tensor) -> tf.Tensor:
    return 2 * half[:, 1] + 1


def _make_map(
    *entries: tf.Tensor | float, bottom: tuple[tf.Tensor | float, tf.Tensor | float] = (0.0, 0.0)
) -> tf.Tensor:
    """Returns maps of the six entries of the upper rows and two of the last, each a number or float32 [B]."""
    entries = (*entries, *bottom, 1.0)
    lines = tf.reduce_max([tf.size(entry) for entry in entries])
    return tf.reshape(tf.stack([tf.broadcast_to(entry, [lines]) for entry in entries], 1), [-1, 3, 3])


def _keep_inside(mapping: tf.Tensor, first: tf.Tensor, last: tf.Tensor, half: tf.Tensor) -> tf.Tensor:
    """Adds to the map the least scaling and shift that keep the ink's box inside the line.

    The box has the corners `first` and `last`, float32 [B, 2] each.
    """
    x = tf.stack([first[:, 0], last[:, 0], first[:, 0], last[:, 0]], 1)
    y = tf.stack([first[:, 1], first[:, 1], last[:, 1], last[:, 1]], 1)
    corners = mapping @ tf.stack([x, y, tf.ones_like(x)], 1)
    corners = corners[:, :2] / corners[:, 2:]
    low, high = tf.reduce_min(corners, axis=2), tf.reduce_max(corners, axis=2)
    scale = tf.minimum(1.0, 2 * half / tf.maximum(high - low, 1.0))
    start = tf.clip_by_value(low, -half, half - scale * (high - low))
    moved = start - scale * low
    return _make_map(scale[:, 0], 0.0, moved[:, 0], 0.0, scale[:, 1], moved[:, 1]) @ mapping


def _add_paper(line: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Adds a column of paper before the lines, and paper from their ends on, float32 [B, H, W + 2, 1]."""
    # A character's width: in fewer columns most pixels could be a stroke.
    end = tf.minimum(line.shape[1], width)
    left = estimate_paper(line, tf.zeros_like(width), end)
    right = estimate_paper(line, width - end, end)
    wide = tf.pad(line, [[0, 0], [0, 0], [1, 1], [0, 0]])
    column = tf.range(tf.shape(wide)[2])[None]
    paper = tf.where(column == 0, left[:, None], right[:, None])
    inside = (column > 0) & (column <= width[:, None])
    return tf.where(inside[:, None, :, None], wide, paper[:, None, :, None])


def _resample(
    wide: tf.Tensor, mapping: tf.Tensor, half: tf.Tensor, static_shape: tf.TensorShape, shape: tf.Tensor
) -> tf.Tensor:
    """Samples each pixel bilinearly at its origin under the map; `wide` starts one column before the line."""
    x, y = half[:, 0], half[:, 1]
    back = (
        _make_map(1.0, 0.0, x + 1, 0.0, 1.0, y) @ tf.linalg.inv(mapping) @ _make_map(1.0, 0.0, -x, 0.0, 1.0, -y)
    )
    back = tf.reshape(back, [-1, 9])
    line = tf.raw_ops.ImageProjectiveTransformV3(
        images=wide,
        transforms=back[:, :8] / back[:, 8:],
        output_shape=shape[1:3],
        fill_value=0.0,  # required, but unused in mode NEAREST
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return tf.ensure_shape(line, static_shape)
