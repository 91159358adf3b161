"""Decode -> grey -> normalise, and back. Every image for training and reading goes through here.

`levels` are grey levels, uint8 [H, W], 0 for black.
"""

import contextlib
import errno
import io
import os
import stat
import unicodedata

import numpy as np
import PIL.Image
import PIL.ImageOps

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.imaging.contrast import NEVER, find_range, has_contrast, make_dark_on_light
from densenet_ocr.pipeline.imaging.file_kinds import BINARY, HEAD_BYTES, describe_file
from densenet_ocr.pipeline.imaging.fitting import check_pixels, check_size, fit_line

# Formats of line images. Other readers of Pillow start programs (EPS) or match by chance (TGA).
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")

# Modes that convert('L') turns into grey; it would clip 'I' and 'F', and does not convert 'LAB'.
GREY_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"})

# 16-bit grey: the high byte is the grey level, as Pillow itself takes it from 16-bit colour.
DEEP_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})

# The notebook's np.array(image, 'f') / 255.0 - 0.5 of each grey level, float32 [256].
NORMALISED = np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)

# Tags of TIFF, and a value of the second (TIFF 6.0, section 8).
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0

# Bits of a pixel in a BMP of black and white, and of grey.
_BMP_BITS = {"1": 1, "L": 8}

# EXIF 2.3: orientations 5 to 8 swap rows and columns.
_ORIENTATION, _SIDEWAYS = 0x0112, range(5, 9)


def read_file(path: str) -> bytes:
    """Reads an image file.

    Raises:
      Refused: `missing_image` or `unreadable_image`.
      UserError: the machine or the store, not the file, is at fault: no file handles or no memory are left, or
        there is no answer; storage.NoPermission where a URL may not be read.
    """
    if storage.is_url(path):
        try:
            return storage.read_bytes(path)
        except storage.MissingFile:
            raise Refused("missing_image", f"no file {path}") from None
    try:
        # Unbuffered: one read of the whole file.
        with open(path, "rb", buffering=0, opener=storage.open_at_once) as file:
            # A device may have no end: /dev/zero would fill the memory.
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused("unreadable_image", f"{path}: a pipe or a device")
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("missing_image", f"no file {path}{_explain_missing(path)}") from None
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise UserError(
                f"image {path}",
                received=error.strerror,
                expected="a free file descriptor; the image may be intact",
                remedy="Lower --workers, or raise the limit (ulimit -n). The same command resumes.",
            ) from None
        raise Refused("unreadable_image", f"{path}: {error.strerror}") from None


def _explain_missing(path: str) -> str:
    """Says why a path may have no file; macOS and its archives may change the Unicode form of a name."""
    folder, name = os.path.split(path)
    if name[-1:] == "," or "|" in name:
        return "; is the list a CSV file without the names of its columns?"
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, name)
        if other != name and os.path.exists(os.path.join(folder, other)):
            return f"; the name exists in {form}: rename the files, or write the list in {form}"
    return ""


def decode(data: bytes) -> np.ndarray:
    """Decodes an image to grey levels by Pillow's convert('L').

    It takes the first picture of a file, applies EXIF's orientation, takes the high byte of 16-bit grey and
    drops transparency, as convert('L') does.

    Args:
      data: The bytes of a file of one of FORMATS.

    Returns:
      Grey levels, uint8 [H, W].

    Raises:
      Refused: `damaged_image`, `too_large`, `unsupported_image` (also where only transparency shows a text), or
        `no_contrast` for grey of 12 bits or fewer in the low bits of 16.
    """
    return _read_grey(_open(data))


def read_picture(picture: PIL.Image.Image) -> np.ndarray:
    """Returns the grey levels of an open Pillow image, uint8 [H, W], and does not change it; see `decode`."""
    _check_picture(picture)
    return _read_grey(picture.copy())


def read_array(pixels: np.ndarray) -> np.ndarray:
    """Returns the grey levels of an array of pixels, uint8 [H, W]; otherwise as `decode`.

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


def decode_line(data: bytes, geometry: Geometry, fit: str, invert: str = NEVER) -> np.ndarray:
    """Returns the grey levels of an image with a text, uint8 [H, W], as a data set has them.

    See `decode`, `make_dark_on_light` and `fit_line`.

    Raises:
      Refused: as both; `wrong_size` before the pixels are decoded; `no_contrast` if it shows nothing.
    """
    image = _open(data)
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    check_size(width, height, geometry, fit)
    levels = _read_grey(image)
    check_contrast(levels)
    levels = make_dark_on_light(levels, invert)
    return levels if fit == "exact" else fit_line(levels, geometry, fit)


def check_contrast(levels: np.ndarray) -> None:
    """Raises Refused (`no_contrast`) for grey levels, uint8 [H, W], that show no text."""
    if not has_contrast(levels):
        darkest, lightest = find_range(levels)
        raise Refused("no_contrast", f"all grey levels lie from {darkest} to {lightest}, of 0 to 255")


def normalise(levels: np.ndarray) -> np.ndarray:
    """Returns grey / 255 - 0.5, float32, of uint8 grey levels of any shape."""
    return NORMALISED.take(levels)


def denormalise(tensor: np.ndarray) -> np.ndarray:
    """Inverts `normalise`: returns uint8 grey levels of a float32 array or tensor of any shape."""
    return np.rint((np.asarray(tensor) + 0.5) * 255).astype(np.uint8)


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
        kind = describe_file(data[:HEAD_BYTES])
        begin = "" if kind == BINARY else f"; it begins like {kind}"
        is_other_image = kind.startswith("an image") and not any(f"({name})" in kind for name in FORMATS)
        remedy = "; convert it to PNG" if is_other_image else ""
        return f"{len(data)} bytes of no image format that is read here ({', '.join(FORMATS)}){begin}{remedy}"
    return str(error) or type(error).__name__


def _check_picture(image: PIL.Image.Image) -> None:
    check_pixels(*image.size)
    if image.mode not in GREY_MODES and not _is_deep(image):
        raise Refused("unsupported_image", f"pixels of mode {image.mode}, which has no 8-bit grey")
    if image.format == "BMP" and image.mode in _BMP_BITS:
        row = (image.width * _BMP_BITS[image.mode] + 31) // 8 & ~3
        for codec, _, _, args in getattr(image, "tile", ()):
            if codec == "raw" and args[1] != row:  # Pillow decodes it at the depth of another palette
                raise Refused("unsupported_image", "a BMP whose palette is too short; save it as PNG")


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
    if not image.has_transparency_data or has_contrast(np.asarray(grey)):
        return grey
    opacity = np.asarray(image.convert("RGBA").getchannel("A"))
    if has_contrast(opacity):
        raise Refused("unsupported_image", "only its transparency shows a text; flatten it onto its paper")
    return grey


def _is_deep(image: PIL.Image.Image) -> bool:
    # Pillow scales a PGM of more than 256 levels to 16 bits, but in a mode for 32.
    return image.mode in DEEP_MODES or (image.mode == "I" and image.format == "PPM")


def _take_high_bits(image: PIL.Image.Image) -> np.ndarray:
    """Returns the eight high bits of deep grey, uint8 [H, W]; Pillow ignores TIFF's depth and white."""
    tags = getattr(image, "tag_v2", {})
    bits, deep = tags.get(_BITS_PER_SAMPLE, (16,))[0], np.asarray(image)
    used = int(deep.max()).bit_length()
    if bits - used >= 4:
        raise Refused("no_contrast", f"grey of {used} bits in the low bits of {bits}; scale it to {bits} bits")
    levels = (deep >> (bits - 8)).astype(np.uint8)
    return 255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels
