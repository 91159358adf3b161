"""Decode -> grey -> fit -> normalise, and back. Every image for training and reading goes through here.

`levels` are grey levels, uint8 [H, W], 0 for black.
"""

import contextlib
import errno
import io
import os
import stat
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageOps

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.frames import count_frames
from densenet_ocr.pipeline.geometry import Geometry

# What happens to an image of another size: refused; scaled; scaled to the height, then padded on the right.
FITS = ("exact", "resize", "pad")

# Formats of line images. Other readers of Pillow start programs (EPS) or match by chance (TGA).
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000")

# No line has more pixels, before or after fitting; a few bytes of a file can claim billions.
MAX_PIXELS = 1 << 25

# Modes that convert('L') turns into grey; it would clip 'I' and 'F', and does not convert 'LAB'.
GREY_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"})

# 16-bit grey: the high byte is the grey level, as Pillow itself takes it from 16-bit colour.
DEEP_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})

# The notebook's np.array(image, 'f') / 255.0 - 0.5 of each grey level, float32 [256].
NORMALISED = np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)

# Tags of TIFF, and a value of the second (TIFF 6.0, section 8).
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0

# EXIF 2.3: orientations 5 to 8 swap rows and columns.
_ORIENTATION, _SIDEWAYS = 0x0112, range(5, 9)


class FittedLine(NamedTuple):
    """A line at a model's height.

    Attributes:
      levels: Grey levels, uint8 [H, W], possibly padded on the right.
      scale: Pixels of the image per column of `levels`.
      width: Width of the image in pixels.
    """

    levels: np.ndarray
    scale: float
    width: int


def read_file(path: str) -> bytes:
    """Reads a local image file.

    Raises:
      Refused: `missing_image` or `unreadable_image`.
      UserError: the machine, not the file, is at fault: no file handles or no memory are left.
    """
    try:
        # Unbuffered: one read of the whole file.
        with open(path, "rb", buffering=0, opener=storage.open_at_once) as file:
            # A device may have no end: /dev/zero would fill the memory.
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused("unreadable_image", f"{path}: a pipe or a device")
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("missing_image", f"no file {path}") from None
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise UserError(
                f"image {path}",
                received=error.strerror,
                expected="a machine that can open one more file; the image may be fine",
                remedy="Lower --workers, or raise the limit (ulimit -n). The same command resumes.",
            ) from None
        raise Refused("unreadable_image", f"{path}: {error.strerror}") from None


def decode(data: bytes) -> np.ndarray:
    """Decodes an image to grey levels by Pillow's convert('L').

    It takes the first picture of a file, applies EXIF's orientation, takes the high byte of 16-bit grey and
    drops transparency, as convert('L') does.

    Args:
      data: The bytes of a file of one of FORMATS.

    Returns:
      Grey levels, uint8 [H, W].

    Raises:
      Refused: `damaged_image`, `unsupported_image` (also where only transparency shows a text) or `too_large`.
    """
    return _read_grey(_open(data))


def read_picture(picture: PIL.Image.Image) -> np.ndarray:
    """Returns the grey levels of an open Pillow image, which stays unchanged; otherwise as `decode`."""
    _check_picture(picture)
    return _read_grey(picture.copy())


def read_array(pixels: np.ndarray) -> np.ndarray:
    """Returns the grey levels of an array of pixels; otherwise as `decode`.

    Args:
      pixels: uint8, grey [H, W] or [H, W, 1], RGB [H, W, 3] or RGBA [H, W, 4].
    """
    if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (1,), (3,), (4,)) or not pixels.size:
        raise Refused(
            "unsupported_image",
            f"an array {pixels.dtype} {list(pixels.shape)}, not uint8 [H, W], or [H, W, 3 or 4]",
        )
    pixels = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    return read_picture(PIL.Image.fromarray(pixels))


def decode_line(data: bytes, geometry: Geometry, fit: str) -> np.ndarray:
    """Decodes an image and fits it to a data set's size, see `decode` and `fit_line`.

    Raises:
      Refused: as both; `wrong_size` before the pixels are decoded.
    """
    image = _open(data)
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    _check_size(width, height, geometry, fit)
    levels = _read_grey(image)
    return levels if fit == "exact" else fit_line(levels, geometry, fit)


def fit_line(levels: np.ndarray, geometry: Geometry, fit: str) -> np.ndarray:
    """Fits grey levels to a data set's size.

    Args:
      levels: uint8 [H, W] of any size.
      geometry: The size of the data set's lines.
      fit: One of FITS; `pad` fills up with the median, the grey of the paper.

    Returns:
      Grey levels, uint8 [geometry.height, geometry.width, or the line's own width at that height].

    Raises:
      Refused: `wrong_size` or `too_large`.
    """
    _check_size(levels.shape[1], levels.shape[0], geometry, fit)
    if fit == "exact":
        return levels
    if fit == "resize" and geometry.width:
        return _resize(levels, geometry.height, geometry.width)
    fitted = fit_height(levels, geometry.height)
    missing = max(0, geometry.width - fitted.shape[1])
    # Most of a line is paper.
    return np.pad(fitted, ((0, 0), (0, missing)), constant_values=int(np.median(fitted)))


def fit_height(levels: np.ndarray, height: int) -> np.ndarray:
    """Scales grey levels, uint8 [H, W], to a height, keeping the aspect ratio; raises Refused (`too_large`)."""
    width = _width_at(height, levels.shape[1], levels.shape[0])
    _check_pixels(width, height)
    return _resize(levels, height, width)


def fit_for_reading(levels: np.ndarray, geometry: Geometry, fit: str) -> FittedLine:
    """Fits grey levels for a model, as the lines were fitted that it was trained on.

    A longer line keeps its length, unless training scaled all lines to one width.

    Args:
      levels: uint8 [H, W] of any size.
      geometry: The size of the training lines.
      fit: How they were fitted, one of FITS; `exact` scales to the height.

    Returns:
      The line at the model's height.

    Raises:
      Refused: `wrong_size` for a line too narrow for a frame, `too_large`.
    """
    if fit == "resize" and geometry.width:
        fitted = scaled = fit_line(levels, geometry, fit)
    else:
        fitted = scaled = fit_height(levels, geometry.height)
        if fit == "pad" and fitted.shape[1] < geometry.width:
            fitted = fit_line(fitted, geometry, fit)
    if count_frames(fitted.shape[1]) < 1:
        raise Refused("wrong_size", f"{fitted.shape[1]} pixels wide at the model's height, 7 make a frame")
    width = levels.shape[1]
    return FittedLine(fitted, width / scaled.shape[1], width)


def normalise(levels: np.ndarray) -> np.ndarray:
    """Returns grey / 255 - 0.5, float32, of uint8 grey levels of any shape."""
    return NORMALISED.take(levels)


def denormalise(tensor: np.ndarray) -> np.ndarray:
    """Inverts `normalise`: returns uint8 grey levels of a float32 array or tensor of any shape."""
    return np.rint((np.asarray(tensor) + 0.5) * 255).astype(np.uint8)


def check_fit(fit: str) -> str:
    """Returns the fit; raises UserError unless it is one of FITS."""
    if fit not in FITS:
        raise UserError("fit", received=repr(fit), expected=", ".join(FITS), remedy="Set --fit.")
    return fit


def _open(data: bytes) -> PIL.Image.Image:
    """Opens an image without decoding its pixels; raises Refused."""
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
    except MemoryError:
        raise
    except PIL.Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from None
    # Pillow's readers raise many types for broken bytes (SyntaxError, struct.error, ...): all mean damage.
    except Exception as error:
        raise Refused("damaged_image", _describe(error, data)) from None
    _check_picture(image)
    return image


def _describe(error: Exception, data: bytes) -> str:
    if not data:
        return "the file is empty"
    if isinstance(error, PIL.UnidentifiedImageError):
        return f"{len(data)} bytes of no image format that is read here ({', '.join(FORMATS)})"
    return str(error) or type(error).__name__


def _check_picture(image: PIL.Image.Image) -> None:
    _check_pixels(*image.size)
    if image.mode not in GREY_MODES and not _is_deep(image):
        raise Refused("unsupported_image", f"pixels of mode {image.mode}, which has no 8-bit grey")


def _read_grey(image: PIL.Image.Image) -> np.ndarray:
    """Decodes the pixels of an open image to grey levels, uint8 [H, W]; raises Refused."""
    try:
        orientation = _orientation(image)
        image.load()
        if orientation != 1:
            image.info.pop("exif")  # exif_transpose would rewrite it, and fail if one of its fields is broken
            image = PIL.ImageOps.exif_transpose(image)
        grey = _to_grey(image)
    except (MemoryError, Refused):
        raise
    except Exception as error:
        raise Refused("damaged_image", str(error) or type(error).__name__) from None
    return np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)


def _orientation(image: PIL.Image.Image) -> int:
    """Returns EXIF's orientation, 1 for upright; Pillow turns TIFF files by itself."""
    if "exif" in image.info and image.format != "TIFF":
        # A sound image may have broken EXIF data, such as a thumbnail; viewers show it all the same.
        with contextlib.suppress(Exception):
            return image.getexif().get(_ORIENTATION, 1)
    return 1


def _to_grey(image: PIL.Image.Image) -> PIL.Image.Image:
    """Converts a decoded image to mode L; raises Refused if only transparency shows a text."""
    if image.mode == "L":
        return image
    if _is_deep(image):
        return PIL.Image.fromarray(_take_high_bits(image))
    grey = image.convert("L")
    if image.has_transparency_data and _is_flat(grey) and not _is_flat(image.convert("RGBA").getchannel("A")):
        raise Refused("unsupported_image", "only its transparency shows a text; flatten it onto its paper")
    return grey


def _is_deep(image: PIL.Image.Image) -> bool:
    # Pillow scales a PGM of more than 256 levels to 16 bits, but in a mode for 32.
    return image.mode in DEEP_MODES or (image.mode == "I" and image.format == "PPM")


def _take_high_bits(image: PIL.Image.Image) -> np.ndarray:
    """Returns the eight high bits of deep grey, uint8 [H, W]; Pillow ignores TIFF's depth and white."""
    tags = getattr(image, "tag_v2", {})
    levels = (np.asarray(image) >> (tags.get(_BITS_PER_SAMPLE, (16,))[0] - 8)).astype(np.uint8)
    return 255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels


def _is_flat(channel: PIL.Image.Image) -> bool:
    low, high = channel.getextrema()
    return low == high


def _check_size(width: int, height: int, geometry: Geometry, fit: str) -> None:
    """Raises Refused for an image, of these pixels, that does not fit the geometry."""
    if fit == "exact":
        if height != geometry.height or geometry.width not in (0, width):
            raise Refused("wrong_size", f"{width}x{height} pixels, the data set's are {geometry}")
        return
    natural = _width_at(geometry.height, width, height)
    _check_pixels(natural, geometry.height)
    if fit == "pad" and geometry.width and natural > geometry.width:
        raise Refused(
            "wrong_size", f"{natural} pixels wide at height {geometry.height}, the data set's are {geometry}"
        )


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Refused("too_large", f"{width}x{height} pixels, a line has {MAX_PIXELS:,} at most")


def _width_at(height: int, width: int, from_height: int) -> int:
    return max(1, round(width * height / from_height))


def _resize(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scales uint8 [H, W] to uint8 [height, width] by Pillow's BICUBIC."""
    if levels.shape == (height, width):
        return levels
    return np.asarray(PIL.Image.fromarray(levels).resize((width, height), PIL.Image.Resampling.BICUBIC))
