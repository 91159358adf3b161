"""pipeline.images as TensorFlow operations for exported models: equal to the bit, without Pillow.

It decodes JPEG, PNG, BMP and GIF. Differences from pipeline.images:

- EXIF's orientation is ignored.
- A CMYK JPEG may differ by two grey levels.
- The first picture of a GIF must fill the canvas, as nearly all do.
- Transparency is always dropped; a text that only transparency shows is not refused.
- TIFF, WebP, PPM and JPEG 2000 are not decoded, nor are compressed BMP files or those of another depth than 8,
  24 or 32 bits.

A graph cannot refuse one row of a batch, so an unreadable image fails the whole call.
"""

import tensorflow as tf

from densenet_ocr.pipeline.fitting import MAX_PIXELS
from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.geometry import Geometry

# Pillow's BICUBIC: the kernel's a, its radius in pixels, and the fractional bits of its coefficients.
_A, _REACH, _BITS = -0.5, 2.0, 22

# Pillow's convert('L'): ITU-R 601-2 with 16 fractional bits.
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 1 << 15

# Magic numbers, in the order of the branches in `decode`.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8")
_SHORTEST = 33  # bytes up to the end of a PNG's header; no image has fewer

# Byte offsets in file headers: PNG (ISO/IEC 15948) and BMP (BITMAPINFOHEADER).
_PNG_DEPTH = 24
_BMP_HEADER, _BMP_BITS, _BMP_COMPRESSION, _BMP_COLOURS = 14, 28, 30, 46


def normalise(image: tf.Tensor) -> tf.Tensor:
    """Returns grey / 255 - 0.5, equal to images.normalise in every bit, also in compiled graphs.

    It divides in float64: in float32 a compiled graph multiplies by 1/255, which differs in the last bit for
    111 of the 256 levels. A table lookup is as exact but takes six times as long on a CPU.

    Args:
      image: uint8 grey levels of any shape; float32 is already normalised and returned as it is.

    Returns:
      float32 of the same shape.
    """
    if image.dtype == tf.float32:
        return image
    return tf.cast(tf.cast(image, tf.float64) / 255, tf.float32) - 0.5


def decode_batch(data: tf.Tensor, geometry: Geometry, fit: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes and fits a batch of encoded images.

    Args:
      data: string [B], the bytes of image files.
      geometry: The size of the training lines.
      fit: How those were fitted, see fitting.fit_for_reading.

    Returns:
      Grey levels, uint8 [B, H, W], padded with 0 to the widest line, and widths without padding, int32 [B].

    Raises:
      tf.errors.InvalidArgumentError: the batch is empty, or an image cannot be read. The message has the
        image's number, from 0, if its format is unknown or it is too narrow or too large.
    """

    def read(image: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return tf.transpose(fit_for_reading(decode(*image), geometry, fit, image[1]))

    holds = tf.debugging.Assert(tf.size(data) > 0, ["no image is in the batch"])
    with tf.control_dependencies([holds] if holds is not None else []):
        data = tf.identity(data)
    # Transposed, because only the first dimension may be ragged.
    spec = tf.RaggedTensorSpec([None, geometry.height], tf.uint8, ragged_rank=0)
    lines = tf.map_fn(read, (data, tf.range(tf.size(data))), fn_output_signature=spec)
    levels = tf.transpose(lines.to_tensor(), [0, 2, 1])
    return tf.ensure_shape(levels, [None, geometry.height, None]), tf.cast(lines.row_lengths(), tf.int32)


def decode(data: tf.Tensor, number: tf.Tensor | int = 0) -> tf.Tensor:
    """Returns the grey levels, uint8 [H, W], of an encoded image, a string scalar, as images.decode.

    Errors call the image `number`, an int32 scalar.
    """
    begins = tf.stack([tf.strings.substr(data, 0, len(start)) == start for start in _SIGNATURES])
    known = tf.reduce_any(begins) & (tf.strings.length(data) >= _SHORTEST)
    _require(known, "no JPEG, PNG, BMP or GIF is in the bytes of image", number)
    # Operations of a branch that is not taken do not run.
    kind = tf.where(known, tf.argmax(begins, output_type=tf.int32), len(_SIGNATURES))
    return tf.switch_case(
        kind,
        [
            lambda: _decode_jpeg(data),
            lambda: _decode_png(data),
            lambda: _decode_bmp(data, number),
            lambda: _to_grey(tf.io.decode_gif(data)[0]),
            lambda: tf.zeros([0, 0], tf.uint8),
        ],
    )


def fit_for_reading(levels: tf.Tensor, geometry: Geometry, fit: str, number: tf.Tensor | int = 0) -> tf.Tensor:
    """Returns grey levels, uint8 [H, W], fitted as fitting.fit_for_reading does, uint8 [geometry.height, W]."""
    if fit == "resize" and geometry.width:
        return _check_line(resize(levels, geometry.height, geometry.width), number)
    height, width = tf.unstack(tf.shape(levels, tf.int64))
    natural = tf.cast(width * geometry.height, tf.float64) / tf.cast(height, tf.float64)
    width = tf.maximum(tf.cast(tf.round(natural), tf.int64), 1)  # to even, as Python rounds
    checked = _require(width * geometry.height <= MAX_PIXELS, "too wide for a line is image", number)
    with tf.control_dependencies([checked]):  # before memory is taken for it
        width = tf.cast(width, tf.int32)
    levels = resize(levels, geometry.height, width)
    if fit == "pad" and geometry.width:
        missing = tf.maximum(geometry.width - tf.shape(levels)[1], 0)
        levels = tf.pad(levels, [[0, 0], [0, missing]], constant_values=_find_median(levels))
    return _check_line(levels, number)


def resize(levels: tf.Tensor, height: tf.Tensor | int, width: tf.Tensor | int) -> tf.Tensor:
    """Scales uint8 [H, W] to uint8 [height, width], equal to Pillow's BICUBIC in every bit.

    Two passes, columns first, each rounded to whole levels.
    """
    columns = _resize_rows(tf.transpose(levels), width)
    return _resize_rows(tf.transpose(columns), height)


def _resize_rows(levels: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
    return tf.cond(tf.shape(levels)[0] == size, lambda: levels, lambda: _scale_rows(levels, size))


def _scale_rows(levels: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
    """Scales uint8 [N, M] to uint8 [size, M] by Pillow's integer coefficients.

    All sums stay below 2^53, so float64 is exact.
    """
    start, weights = _find_weights(tf.shape(levels)[0], size)
    counts = weights.row_lengths()
    row = weights.value_rowids()
    place = tf.ragged.range(start, start + counts).flat_values
    shape = tf.stack([tf.cast(size, tf.int64), tf.shape(levels, tf.int64)[0]])
    matrix = tf.SparseTensor(tf.stack([row, place], axis=1), weights.flat_values, shape)
    scaled = tf.sparse.sparse_dense_matmul(matrix, tf.cast(levels, tf.float64))
    whole = tf.floor((scaled + 2.0 ** (_BITS - 1)) / 2.0**_BITS)
    return tf.cast(tf.clip_by_value(whole, 0, 255), tf.uint8)


def _find_weights(rows: tf.Tensor, size: tf.Tensor | int) -> tuple[tf.Tensor, tf.RaggedTensor]:
    """Returns first source rows, int64 [size], and their weights, ragged float64 [size, None]."""
    rows, size = tf.cast(rows, tf.float64), tf.cast(size, tf.float64)
    scale = rows / size
    stretch = tf.maximum(scale, 1)  # scaling down widens the kernel to the source rows of one row
    centre = (tf.range(size, dtype=tf.float64) + 0.5) * scale
    start = tf.maximum(tf.cast(centre - _REACH * stretch + 0.5, tf.int64), 0)
    end = tf.minimum(tf.cast(centre + _REACH * stretch + 0.5, tf.int64), tf.cast(rows, tf.int64))
    place = tf.ragged.range(tf.zeros_like(start), end - start)
    row = place.value_rowids()
    distance = tf.cast(place.flat_values + tf.gather(start, row), tf.float64) - tf.gather(centre, row) + 0.5
    weights = place.with_flat_values(_weigh(distance * (1 / stretch)))
    total = tf.gather(tf.reduce_sum(weights, axis=1), row)
    exact = weights.flat_values / total * 2.0**_BITS
    # Halves round away from zero; the cast truncates.
    whole = tf.cast(exact + tf.sign(exact) * 0.5, tf.int64)
    return start, weights.with_flat_values(tf.cast(whole, tf.float64))


def _weigh(distance: tf.Tensor) -> tf.Tensor:
    """Returns the bicubic kernel at some distances in pixels, float64 of the same shape."""
    x = tf.abs(distance)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    return tf.where(x < 1, near, tf.where(x < _REACH, far, 0))


def _decode_jpeg(data: tf.Tensor) -> tf.Tensor:
    return _to_grey(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"))


def _decode_png(data: tf.Tensor) -> tf.Tensor:
    def take_high_bytes() -> tf.Tensor:
        deep = tf.io.decode_png(data, channels=3, dtype=tf.uint16)
        return tf.cast(tf.bitwise.right_shift(deep, tf.constant(8, tf.uint16)), tf.uint8)

    deep = _read_number(data, _PNG_DEPTH, 1) == 16
    return _to_grey(tf.cond(deep, take_high_bytes, lambda: tf.io.decode_png(data, channels=3)))


def _decode_bmp(data: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    bits, compression = _read_number(data, _BMP_BITS, 2), _read_number(data, _BMP_COMPRESSION, 4)
    header = _read_number(data, _BMP_HEADER, 4)
    plain = (header >= 40) & (compression == 0) & tf.reduce_any(bits == [8, 24, 32])
    checked = _require(plain, "compressed, or not of 8, 24 or 32 bits, is the BMP in image", number)
    with tf.control_dependencies([checked]):  # before decode_bmp fails without the image's number
        pixels = tf.io.decode_bmp(data)

    def look_up() -> tf.Tensor:
        colours = _read_number(data, _BMP_COLOURS, 4)
        colours = tf.where((colours > 0) & (colours <= 256), colours, 256)
        table = tf.io.decode_raw(tf.strings.substr(data, _BMP_HEADER + header, 4 * colours), tf.uint8)
        return tf.gather(tf.reshape(table, [-1, 4])[:, 2::-1], tf.cast(pixels[..., 0], tf.int32))

    return _to_grey(tf.cond(bits == 8, look_up, lambda: pixels[..., :3]))


def _to_grey(colours: tf.Tensor) -> tf.Tensor:
    """Returns the grey levels, uint8 [H, W], of RGB, uint8 [H, W, 3]."""
    red, green, blue = tf.unstack(tf.cast(colours, tf.int32), 3, axis=-1)
    grey = red * _RED + green * _GREEN + blue * _BLUE + _HALF
    return tf.cast(tf.bitwise.right_shift(grey, 16), tf.uint8)


def _read_number(data: tf.Tensor, place: int, size: int) -> tf.Tensor:
    """Returns the little-endian number in `size` bytes of a string scalar from `place` on, an int32 scalar."""
    digits = tf.cast(tf.io.decode_raw(tf.strings.substr(data, place, size), tf.uint8), tf.int32)
    return tf.reduce_sum(digits * [256**k for k in range(size)])


def _find_median(levels: tf.Tensor) -> tf.Tensor:
    """Returns the median of uint8 levels, a uint8 scalar, truncated as in fitting.fit_line."""
    up_to = tf.cumsum(tf.math.bincount(tf.cast(tf.reshape(levels, [-1]), tf.int32), minlength=256))
    middle = tf.stack([(tf.size(levels) + 1) // 2, tf.size(levels) // 2 + 1])
    return tf.cast(tf.reduce_sum(tf.searchsorted(up_to, middle)) // 2, tf.uint8)


def _check_line(levels: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    _require(count_frames(tf.shape(levels)[1]) >= 1, "too narrow for a frame of 7 pixels is image", number)
    return levels


def _require(holds: tf.Tensor, message: str, number: tf.Tensor | int) -> tf.Operation | None:
    """Fails unless a bool scalar holds; returns the operation that does so in a graph."""
    return tf.debugging.Assert(holds, [message, number])
