"""Decode -> grey -> normalise, and back. Every image that is trained on or read goes through here."""

import dataclasses
import io

import numpy as np
import PIL.Image

from pipeline.errors import Refused, UserError
from pipeline.frames import count_frames

# Modes that convert('L') gives a grey reading of; 'I;16', 'I' and 'F' would be clipped, 'LAB' is not converted.
GREY_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"})

# The notebook's np.array(image, 'f') / 255.0 - 0.5, once for each grey level, in float32 throughout.
NORMALISED = np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Height and width of a data set's lines in pixels."""

    height: int = 32
    width: int = 280

    def __post_init__(self):
        for name, size in (("height", self.height), ("width", self.width)):
            if count_frames(size) < 1:
                raise UserError(
                    f"image {name}",
                    received=size,
                    expected="at least 7 pixels, which make one frame",
                    remedy=f"Choose --image_{name} as the lines are.",
                )


def read_file(path: str) -> bytes:
    """The bytes of a local image file; raises Refused."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("missing_image", f"no file {path}") from None
    except OSError as error:
        raise Refused("unreadable_image", f"{path}: {error.strerror}") from None


def decode(data: bytes) -> np.ndarray:
    """Grey levels (uint8, [height, width]) of an encoded image, by Pillow's convert('L'); raises Refused."""
    image = _open(data)
    return np.asarray(_load_grey(image))


def decode_exact(data: bytes, geometry: Geometry) -> np.ndarray:
    """As `decode`, of images of exactly this size: others are refused before their pixels are decoded."""
    image = _open(data)
    if image.size != (geometry.width, geometry.height):
        raise Refused(
            "wrong_size",
            f"{image.width}x{image.height} pixels, the data set's are {geometry.width}x{geometry.height}",
        )
    return np.asarray(_load_grey(image))


def fit_height(levels: np.ndarray, height: int) -> np.ndarray:
    """Scales grey levels to a height, keeping the aspect; untouched where the height is right already."""
    if levels.shape[0] == height:
        return levels
    width = max(1, round(levels.shape[1] * height / levels.shape[0]))
    resized = PIL.Image.fromarray(levels).resize((width, height), PIL.Image.Resampling.BICUBIC)
    return np.asarray(resized)


def normalise(levels: np.ndarray) -> np.ndarray:
    """float32 grey/255 - 0.5 of uint8 grey levels, any shape."""
    return NORMALISED[levels]


def denormalise(tensor: np.ndarray) -> np.ndarray:
    """The uint8 grey levels that `normalise` made a tensor of, any shape."""
    return np.rint((np.asarray(tensor) + 0.5) * 255).astype(np.uint8)


def _open(data: bytes) -> PIL.Image.Image:
    try:
        image = PIL.Image.open(io.BytesIO(data))
    # Pillow's readers raise many kinds for broken bytes (SyntaxError, struct.error, ...): all mean damage.
    except Exception as error:
        raise Refused("damaged_image", _describe(error, data)) from None
    if image.mode not in GREY_MODES:
        raise Refused("unsupported_image", f"pixels of mode {image.mode}, which has no 8-bit grey")
    return image


def _load_grey(image: PIL.Image.Image) -> PIL.Image.Image:
    try:
        return image.convert("L")
    except Exception as error:
        raise Refused("damaged_image", str(error) or type(error).__name__) from None


def _describe(error: Exception, data: bytes) -> str:
    if not data:
        return "the file is empty"
    if isinstance(error, PIL.UnidentifiedImageError):
        return f"{len(data)} bytes of no image format that Pillow knows"
    return str(error) or type(error).__name__
