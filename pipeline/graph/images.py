"""pipeline.images as TensorFlow operations for exported models: equal to the bit without Pillow, or an error.

It decodes JPEG, PNG and BMP files. These files fail here, but not in pipeline.images:

- other formats: TensorFlow decodes a GIF with a transparent or a small first picture in another way;
- a JPEG of CMYK, which TensorFlow converts to RGB with other roundings;
- EXIF data twice, at an unusual place or with an unusual orientation, see graph.orientation;
- a BMP that is compressed, or not of 8, 24 or 32 bits;
- a PNG without its end.

What pipeline.images refuses fails here too, but for a PNG that is damaged in an optional part. A graph cannot
refuse one row of a batch, so an image that cannot be read fails the whole call.
"""

import tensorflow as tf

from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.graph import orientation
from densenet_ocr.pipeline.graph.contrast import has_contrast, make_dark_on_light
from densenet_ocr.pipeline.graph.fitting import fit_for_reading
from densenet_ocr.pipeline.graph.headers import read_number, require
from densenet_ocr.pipeline.imaging.contrast import NEVER

# Pillow's convert('L'): ITU-R 601-2 with 16 fractional bits.
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 1 << 15

# Magic numbers, in the order of the branches in `decode`.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM")
_SHORTEST = 33  # bytes up to the end of a PNG's header; no image has fewer

# Byte offsets in file headers, and values: PNG (ISO/IEC 15948) and BMP (BITMAPINFOHEADER and its kin).
_PNG_DEPTH, _PNG_COLOUR, _PNG_GREY = 24, 25, 0
_BMP_HEADERS = (40, 52, 56, 64, 108, 124)
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


def decode_batch(
    data: tf.Tensor, geometry: Geometry, fit: str, invert: str = NEVER
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes and fits a batch of encoded images.

    Args:
      data: string [B], the bytes of image files.
      geometry: The size of the training lines.
      fit: How those were fitted, see fitting.fit_for_reading.
      invert: Which images to invert before, one of polarity.INVERT.

    Returns:
      Grey levels, uint8 [B, H, W], padded with 0 to the widest line, and widths without padding, int32 [B].

    Raises:
      tf.errors.InvalidArgumentError: the batch is empty, or an image cannot be read. The message has the
        image's number, from 0, if its format is unknown or it is too narrow or too large.
    """

    def read(image: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns uint8 [W, H] of the bytes of an image, a string scalar, and its number, an int32 scalar."""
        levels = make_dark_on_light(decode(*image), invert)
        return tf.transpose(fit_for_reading(levels, geometry, fit, image[1]))

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
    require(known, "no JPEG, PNG or BMP is in the bytes of image", number)
    # Operations of a branch that is not taken do not run.
    kind = tf.where(known, tf.argmax(begins, output_type=tf.int32), len(_SIGNATURES))
    return tf.switch_case(
        kind,
        [
            lambda: _decode_jpeg(data, number),
            lambda: _decode_png(data, number),
            lambda: _decode_bmp(data, number),
            lambda: tf.zeros([0, 0], tf.uint8),
        ],
    )


def _decode_jpeg(data: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns the grey levels, uint8 [H, W], of a JPEG, a string scalar; see `decode`."""
    channels = tf.io.extract_jpeg_shape(data)[2]
    checked = require(channels != 4, "CMYK is in the JPEG in image", number)
    with tf.control_dependencies([checked]):
        levels = _to_grey(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"))
    return orientation.turn(levels, orientation.find_in_jpeg(data, number))


def _decode_png(data: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns the grey levels, uint8 [H, W], of a PNG, a string scalar; see `decode`."""
    grey = read_number(data, _PNG_COLOUR, 1) == _PNG_GREY

    def take_high_bytes() -> tf.Tensor:
        """Returns RGBA, uint8 [H, W, 4], of 16 bits a channel."""
        deep = tf.cast(tf.io.decode_png(data, channels=4, dtype=tf.uint16), tf.int32)
        used = ~grey | (tf.reduce_max(deep[..., :3]) >= 1 << 12)
        require(used, "12 bits or fewer in the low bits of 16 has the grey of image", number)
        return tf.cast(deep // 256, tf.uint8)

    deep = read_number(data, _PNG_DEPTH, 1) == 16
    pixels = tf.cond(deep, take_high_bytes, lambda: tf.io.decode_png(data, channels=4))
    levels = _to_grey(pixels[..., :3])
    hidden = ~grey & ~has_contrast(levels) & has_contrast(pixels[..., 3])
    require(~hidden, "only transparency shows a text in image", number)
    return orientation.turn(levels, orientation.find_in_png(data, number))


def _decode_bmp(data: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns the grey levels, uint8 [H, W], of a BMP, a string scalar; see `decode`."""
    bits, compression = read_number(data, _BMP_BITS, 2), read_number(data, _BMP_COMPRESSION, 4)
    header = read_number(data, _BMP_HEADER, 4)
    plain = tf.reduce_any(header == _BMP_HEADERS) & (compression == 0) & tf.reduce_any(bits == [8, 24, 32])
    checked = require(plain, "compressed, or not of 8, 24 or 32 bits, is the BMP in image", number)
    with tf.control_dependencies([checked]):  # before decode_bmp fails without the image's number
        pixels = tf.io.decode_bmp(data)

    def look_up() -> tf.Tensor:
        """Returns RGB, uint8 [H, W, 3], of a palette."""
        colours = read_number(data, _BMP_COLOURS, 4)
        # Pillow takes two colours for one bit a pixel.
        require((colours != 2) & (colours <= 256), "an unusual palette is in the BMP in image", number)
        colours = tf.where(colours > 0, colours, 256)
        table = tf.io.decode_raw(tf.strings.substr(data, _BMP_HEADER + header, 4 * colours), tf.uint8)
        return tf.gather(tf.reshape(table, [-1, 4])[:, 2::-1], tf.cast(pixels[..., 0], tf.int32))

    return _to_grey(tf.cond(bits == 8, look_up, lambda: pixels[..., :3]))


def _to_grey(colours: tf.Tensor) -> tf.Tensor:
    """Returns the grey levels, uint8 [H, W], of RGB, uint8 [H, W, 3]."""
    red, green, blue = tf.unstack(tf.cast(colours, tf.int32), 3, axis=-1)
    grey = red * _RED + green * _GREEN + blue * _BLUE + _HALF
    return tf.cast(tf.bitwise.right_shift(grey, 16), tf.uint8)
