"""The image path of pipeline.images in TensorFlow, for graphs: the same numbers to the last bit.

An exported model decodes and fits by these functions, where no Pillow is. They take JPEG, PNG, BMP and GIF, and
give the levels that Pillow gives, scaled ones too. They differ from pipeline.images in what they do not know:

- EXIF's turn is not applied: a photograph that is to be turned is read as it is stored.
- A JPEG of CMYK colours may differ by two grey levels.
- Of a GIF the first picture should fill the canvas, as all but odd ones do.
- A text that only its transparency shows is not refused: transparency is left out.
- TIFF, WebP, PPM and JPEG 2000 are no images here, nor are BMP files that are compressed or of another bit
  depth than 8, 24 or 32.

One row of a batch cannot be refused in a graph, so what cannot be read fails the whole call.
"""

import tensorflow as tf

from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.images import MAX_PIXELS, Geometry

# Pillow's: the kernel's a and its reach in pixels, and the bits behind the point of its coefficients.
_A, _REACH, _BITS = -0.5, 2.0, 22

# Pillow's convert('L'), ITU-R 601-2 in 16 bits behind the point.
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 1 << 15

# How files begin, in the order of the branches in `decode`.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8")
_SHORTEST = 33  # the bytes up to the end of a PNG's header; no image has fewer

# Places in a file's header, in bytes: PNG (ISO/IEC 15948) and BMP (BITMAPINFOHEADER).
_PNG_DEPTH = 24
_BMP_HEADER, _BMP_BITS, _BMP_COMPRESSION, _BMP_COLOURS = 14, 28, 30, 46


def normalise(image):
    """float32 grey/255 - 0.5 of uint8 grey levels, any shape; float32 is normalised already and stays.

    By way of float64: in float32 a compiled graph multiplies by 1/255, which differs in the last bit for 111 of
    the 256 levels. Looking levels up in a table is as exact and takes six times as long on a CPU.
    """
    if image.dtype == tf.float32:
        return image
    return tf.cast(tf.cast(image, tf.float64) / 255, tf.float32) - 0.5


def decode_batch(data, geometry: Geometry, fit: str):
    """Lines of encoded images, string [B]: grey levels uint8 [B, H, W] padded with 0, and widths int32 [B].

    Fails (InvalidArgumentError) where an image cannot be read; where its bytes are none or it is too narrow or
    too large, the error tells the image's number, from 0. A batch of none fails, too.
    """

    def read(image):
        return tf.transpose(fit_for_reading(decode(*image), geometry, fit, image[1]))

    holds = tf.debugging.Assert(tf.size(data) > 0, ["no image is in the batch"])
    with tf.control_dependencies([holds] if holds is not None else []):
        data = tf.identity(data)
    # As columns, so that the dimension in which lines differ is the first.
    spec = tf.RaggedTensorSpec([None, geometry.height], tf.uint8, ragged_rank=0)
    lines = tf.map_fn(read, (data, tf.range(tf.size(data))), fn_output_signature=spec)
    levels = tf.transpose(lines.to_tensor(), [0, 2, 1])
    return tf.ensure_shape(levels, [None, geometry.height, None]), tf.cast(lines.row_lengths(), tf.int32)


def decode(data, number=0):
    """Grey levels, uint8 [H, W], of an encoded image, a string, as images.decode gives them.

    `number` is what an error calls the image.
    """
    begins = tf.stack([tf.strings.substr(data, 0, len(start)) == start for start in _SIGNATURES])
    known = tf.reduce_any(begins) & (tf.strings.length(data) >= _SHORTEST)
    _require(known, "no JPEG, PNG, BMP or GIF is in the bytes of image", number)
    # A switch of its own for each kind: a branch that is not taken reads nothing.
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


def fit_for_reading(levels, geometry: Geometry, fit: str, number=0):
    """uint8 grey levels [H, W] fitted as images.fit_for_reading fits them."""
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


def resize(levels, height, width):
    """uint8 grey levels [H, W] scaled to a height and width, as Pillow's BICUBIC scales them, to the bit.

    In two passes, columns first, each rounded to whole levels.
    """
    columns = _resize_rows(tf.transpose(levels), width)
    return _resize_rows(tf.transpose(columns), height)


def _resize_rows(levels, size):
    return tf.cond(tf.shape(levels)[0] == size, lambda: levels, lambda: _scale_rows(levels, size))


def _scale_rows(levels, size):
    """Rows of [N, M] scaled to `size` rows, by Pillow's coefficients, which are whole numbers.

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


def _find_weights(rows, size):
    """For each of `size` rows the first of `rows` that it is made of, int64, and their weights, ragged."""
    rows, size = tf.cast(rows, tf.float64), tf.cast(size, tf.float64)
    scale = rows / size
    stretch = tf.maximum(scale, 1)  # scaling down, the kernel is as wide as what one row takes up
    centre = (tf.range(size, dtype=tf.float64) + 0.5) * scale
    start = tf.maximum(tf.cast(centre - _REACH * stretch + 0.5, tf.int64), 0)
    end = tf.minimum(tf.cast(centre + _REACH * stretch + 0.5, tf.int64), tf.cast(rows, tf.int64))
    place = tf.ragged.range(tf.zeros_like(start), end - start)
    row = place.value_rowids()
    distance = tf.cast(place.flat_values + tf.gather(start, row), tf.float64) - tf.gather(centre, row) + 0.5
    weights = place.with_flat_values(_weigh(distance * (1 / stretch)))
    total = tf.gather(tf.reduce_sum(weights, axis=1), row)
    exact = weights.flat_values / total * 2.0**_BITS
    # Rounded away from zero at a half: a cast cuts off what is behind the point.
    whole = tf.cast(exact + tf.sign(exact) * 0.5, tf.int64)
    return start, weights.with_flat_values(tf.cast(whole, tf.float64))


def _weigh(distance):
    x = tf.abs(distance)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    return tf.where(x < 1, near, tf.where(x < _REACH, far, 0))


def _decode_jpeg(data):
    return _to_grey(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"))


def _decode_png(data):
    def take_high_bytes():
        deep = tf.io.decode_png(data, channels=3, dtype=tf.uint16)
        return tf.cast(tf.bitwise.right_shift(deep, tf.constant(8, tf.uint16)), tf.uint8)

    deep = _read_number(data, _PNG_DEPTH, 1) == 16
    return _to_grey(tf.cond(deep, take_high_bytes, lambda: tf.io.decode_png(data, channels=3)))


def _decode_bmp(data, number):
    bits, compression = _read_number(data, _BMP_BITS, 2), _read_number(data, _BMP_COMPRESSION, 4)
    header = _read_number(data, _BMP_HEADER, 4)
    plain = (header >= 40) & (compression == 0) & tf.reduce_any(bits == [8, 24, 32])
    checked = _require(plain, "compressed, or not of 8, 24 or 32 bits, is the BMP in image", number)
    with tf.control_dependencies([checked]):  # which would have an error of its own, without the number
        pixels = tf.io.decode_bmp(data)

    def look_up():
        colours = _read_number(data, _BMP_COLOURS, 4)
        colours = tf.where((colours > 0) & (colours <= 256), colours, 256)
        table = tf.io.decode_raw(tf.strings.substr(data, _BMP_HEADER + header, 4 * colours), tf.uint8)
        return tf.gather(tf.reshape(table, [-1, 4])[:, 2::-1], tf.cast(pixels[..., 0], tf.int32))

    return _to_grey(tf.cond(bits == 8, look_up, lambda: pixels[..., :3]))


def _to_grey(colours):
    """uint8 [H, W, 3] -> uint8 [H, W]."""
    red, green, blue = tf.unstack(tf.cast(colours, tf.int32), 3, axis=-1)
    grey = red * _RED + green * _GREEN + blue * _BLUE + _HALF
    return tf.cast(tf.bitwise.right_shift(grey, 16), tf.uint8)


def _read_number(data, place: int, size: int):
    """The little-endian number in `size` bytes of a string, int32."""
    digits = tf.cast(tf.io.decode_raw(tf.strings.substr(data, place, size), tf.uint8), tf.int32)
    return tf.reduce_sum(digits * [256**k for k in range(size)])


def _find_median(levels):
    """The median of uint8 levels, cut to a whole one as images.fit_line cuts it."""
    up_to = tf.cumsum(tf.math.bincount(tf.cast(tf.reshape(levels, [-1]), tf.int32), minlength=256))
    middle = tf.stack([(tf.size(levels) + 1) // 2, tf.size(levels) // 2 + 1])
    return tf.cast(tf.reduce_sum(tf.searchsorted(up_to, middle)) // 2, tf.uint8)


def _check_line(levels, number):
    _require(count_frames(tf.shape(levels)[1]) >= 1, "too narrow for a frame of 7 pixels is image", number)
    return levels


def _require(holds, message: str, number):
    """In a graph the operation that fails unless it holds."""
    return tf.debugging.Assert(holds, [message, number])
