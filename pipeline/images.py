"""Decode -> grey -> fit -> normalise, and back. Every image that is trained on or read goes through here."""

import contextlib
import dataclasses
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

# What becomes of an image of another size: refused; scaled; scaled to the height, then filled up on the right.
FITS = ("exact", "resize", "pad")

# Formats that lines come in. Of others that Pillow knows, some start programs (EPS) or match by chance (TGA).
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000")

# No line has more pixels, as stored or as fitted; a few bytes of a file can claim billions.
MAX_PIXELS = 1 << 25

# Modes that convert('L') gives a grey reading of; 'I' and 'F' would be clipped, 'LAB' is not converted.
GREY_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"})

# 16-bit grey: its high byte is its grey level, as Pillow itself takes it from 16-bit colour.
DEEP_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})

# The notebook's np.array(image, 'f') / 255.0 - 0.5, once for each grey level, in float32 throughout.
NORMALISED = np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)

# Tags of TIFF, and one value (TIFF 6.0, section 8).
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0

_ORIENTATION, _SIDEWAYS = 0x0112, range(5, 9)


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Height and width of a data set's lines in pixels; width 0 is each line's own at that height."""

    height: int = 32
    width: int = 280

    def __post_init__(self):
        for name, size in (("height", self.height), ("width", self.width)):
            if count_frames(size) < 1 and (name, size) != ("width", 0):
                raise UserError(
                    f"image {name}",
                    received=size,
                    expected="at least 7 pixels, which make one frame",
                    remedy=f"Choose --image_{name} as the lines are.",
                )

    def __str__(self):
        return f"{self.width}x{self.height}" if self.width else f"{self.height} high, any width"


class FittedLine(NamedTuple):
    """A line at a model's height: grey levels, uint8 [H, W], perhaps padded on the right.

    A column of them is `scale` pixels of the image, which is `width` pixels wide.
    """

    levels: np.ndarray
    scale: float
    width: int


def read_file(path: str) -> bytes:
    """The bytes of a local image file; raises Refused."""
    try:
        # Unbuffered: one read of the whole file, without a buffer made and thrown away for it.
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
                expected="a machine that can open one file more; the image is not to blame",
                remedy="Give fewer --workers, or raise the limit (ulimit -n). The same command goes on.",
            ) from None
        raise Refused("unreadable_image", f"{path}: {error.strerror}") from None


def decode(data: bytes) -> np.ndarray:
    """Grey levels (uint8, [height, width]) of an encoded image, by Pillow's convert('L'); raises Refused.

    Of a file with several pictures the first counts; one that EXIF turns is turned; of 16-bit grey the high
    byte counts. Transparency is left out, as convert('L') does, unless nothing but transparency shows a text.
    """
    return _read_grey(_open(data))


def read_picture(picture: PIL.Image.Image) -> np.ndarray:
    """As `decode`, of an image that Pillow has opened or made already; it stays as it is."""
    _check_picture(picture)
    return _read_grey(picture.copy())


def read_array(pixels: np.ndarray) -> np.ndarray:
    """As `decode`, of uint8 pixels: grey [H, W] or [H, W, 1], colour [H, W, 3], with transparency [H, W, 4]."""
    if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (1,), (3,), (4,)) or not pixels.size:
        raise Refused(
            "unsupported_image",
            f"an array {pixels.dtype} {list(pixels.shape)}, not uint8 [H, W], or [H, W, 3 or 4]",
        )
    pixels = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    return read_picture(PIL.Image.fromarray(pixels))


def decode_line(data: bytes, geometry: Geometry, fit: str) -> np.ndarray:
    """As `decode`, fitted to a data set's size; what cannot be is refused before its pixels are decoded."""
    image = _open(data)
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    _check_size(width, height, geometry, fit)
    levels = _read_grey(image)
    return levels if fit == "exact" else fit_line(levels, geometry, fit)


def fit_line(levels: np.ndarray, geometry: Geometry, fit: str) -> np.ndarray:
    """Grey levels scaled to a geometry, or scaled to its height and filled up with paper; raises Refused."""
    _check_size(levels.shape[1], levels.shape[0], geometry, fit)
    if fit == "exact":
        return levels
    if fit == "resize" and geometry.width:
        return _resize(levels, geometry.height, geometry.width)
    fitted = fit_height(levels, geometry.height)
    missing = max(0, geometry.width - fitted.shape[1])
    # Most of a line is paper, so the median is its grey.
    return np.pad(fitted, ((0, 0), (0, missing)), constant_values=int(np.median(fitted)))


def fit_height(levels: np.ndarray, height: int) -> np.ndarray:
    """Scales grey levels to a height, keeping the aspect; raises Refused where they would become too large."""
    width = _width_at(height, levels.shape[1], levels.shape[0])
    _check_pixels(width, height)
    return _resize(levels, height, width)


def fit_for_reading(levels: np.ndarray, geometry: Geometry, fit: str) -> FittedLine:
    """Grey levels as a model reads them, fitted as the lines were that it was trained on.

    A line longer than those keeps its length, unless they were all scaled to one. Raises Refused for one too
    narrow for a frame.
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
    """float32 grey/255 - 0.5 of uint8 grey levels, any shape."""
    return NORMALISED.take(levels)


def denormalise(tensor: np.ndarray) -> np.ndarray:
    """The uint8 grey levels that `normalise` made a tensor of, any shape."""
    return np.rint((np.asarray(tensor) + 0.5) * 255).astype(np.uint8)


def _open(data: bytes) -> PIL.Image.Image:
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
    except MemoryError:
        raise
    except PIL.Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from None
    # Pillow's readers raise many kinds for broken bytes (SyntaxError, struct.error, ...): all mean damage.
    except Exception as error:
        raise Refused("damaged_image", _describe(error, data)) from None
    _check_picture(image)
    return image


def _check_picture(image: PIL.Image.Image) -> None:
    _check_pixels(*image.size)
    if image.mode not in GREY_MODES and not _is_deep(image):
        raise Refused("unsupported_image", f"pixels of mode {image.mode}, which has no 8-bit grey")


def _read_grey(image: PIL.Image.Image) -> np.ndarray:
    try:
        orientation = _orientation(image)
        image.load()
        if orientation != 1:
            image.info.pop("exif")  # exif_transpose would write it anew, and fail where a field of it is broken
            image = PIL.ImageOps.exif_transpose(image)
        grey = _to_grey(image)
    except (MemoryError, Refused):
        raise
    except Exception as error:
        raise Refused("damaged_image", str(error) or type(error).__name__) from None
    return np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)


def _to_grey(image: PIL.Image.Image) -> PIL.Image.Image:
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
    """The eight high bits of deep grey; what TIFF says of its depth and white end Pillow leaves to us."""
    tags = getattr(image, "tag_v2", {})
    levels = (np.asarray(image) >> (tags.get(_BITS_PER_SAMPLE, (16,))[0] - 8)).astype(np.uint8)
    return 255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels


def _is_flat(channel: PIL.Image.Image) -> bool:
    low, high = channel.getextrema()
    return low == high


def _orientation(image: PIL.Image.Image) -> int:
    """EXIF's number for how an image is turned, 1 for upright; Pillow turns TIFF files by itself."""
    if "exif" in image.info and image.format != "TIFF":
        # A thumbnail's or a maker's note can be broken in a sound image; viewers show it all the same.
        with contextlib.suppress(Exception):
            return image.getexif().get(_ORIENTATION, 1)
    return 1


def _check_size(width: int, height: int, geometry: Geometry, fit: str) -> None:
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
    if levels.shape == (height, width):
        return levels
    return np.asarray(PIL.Image.fromarray(levels).resize((width, height), PIL.Image.Resampling.BICUBIC))


def check_fit(fit: str) -> str:
    """Returns the fit; raises UserError for one that is not known."""
    if fit not in FITS:
        raise UserError("fit", received=repr(fit), expected=", ".join(FITS), remedy="Set --fit.")
    return fit


def _describe(error: Exception, data: bytes) -> str:
    if not data:
        return "the file is empty"
    if isinstance(error, PIL.UnidentifiedImageError):
        return f"{len(data)} bytes of no image format that is read here ({', '.join(FORMATS)})"
    return str(error) or type(error).__name__
