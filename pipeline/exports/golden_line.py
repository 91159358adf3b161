"""The golden line of an export: an image and its logits, which a loaded model must reproduce.

golden.png is a line at the model's height; golden.npy has the logits that the exported model gave for it.
"""

import io
from collections.abc import Callable

import numpy as np
import PIL.Image

from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import find_best_path
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.exports.export_info import (
    FILE_NAME,
    GOLDEN_IMAGE,
    GOLDEN_LOGITS,
    damaged_export,
    load_export_info,
    require_file,
)

# Largest difference of a logit of a float32 export from the run's, or from that of the machine that wrote it;
# float16 exports compute in float32, too. Sums in another order differ by about 1e-5, a wrong weight by more.
TOLERANCE = 1e-3

# Tolerance of an int8 export, as a share of its largest golden logit: another processor's kernels may round
# some of its quantised values the other way.
_INT8_TOLERANCE = 0.05

# uint8 [B, H, W] and the lines' widths, int32 [B] -> logits, float32 [B, T, classes].
ComputeLogits = Callable[[np.ndarray, np.ndarray], np.ndarray]

_REMEDY = "A file of it was changed or damaged: export the model again, or copy the folder again."


def find_tolerance(precision: str, logits: np.ndarray) -> float:
    """Returns the largest difference from the golden logits, [T, classes], that an export may have."""
    return _INT8_TOLERANCE * float(np.max(np.abs(logits))) if precision == "int8" else TOLERANCE


def save_golden(folder: str, levels: np.ndarray, logits: np.ndarray) -> None:
    """Writes the golden line.

    Args:
      folder: The export.
      levels: uint8 [H, W].
      logits: float32 [T, classes].
    """
    image, array = io.BytesIO(), io.BytesIO()
    PIL.Image.fromarray(levels).save(image, "PNG")
    np.save(array, np.asarray(logits, np.float32), allow_pickle=False)
    storage.write_atomically(storage.join(folder, GOLDEN_IMAGE), image.getvalue())
    storage.write_atomically(storage.join(folder, GOLDEN_LOGITS), array.getvalue())


def load_golden(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads the golden line, uint8 [H, W], and its logits, float32 [T, classes]; raises UserError."""
    for name in (GOLDEN_IMAGE, GOLDEN_LOGITS):
        require_file(folder, name)
    image, array = (storage.read_bytes(storage.join(folder, name)) for name in (GOLDEN_IMAGE, GOLDEN_LOGITS))
    try:
        # No pickles: they are programs, and a model's folder may come from anywhere.
        return images.decode(image), np.load(io.BytesIO(array), allow_pickle=False)
    except (Refused, ValueError, EOFError, MemoryError) as error:
        raise damaged_export(
            folder,
            received=f"a damaged {GOLDEN_IMAGE} or {GOLDEN_LOGITS} ({error})",
            expected="the line and the logits that the export wrote",
        ) from None


def check_golden(folder: str, lines: DatasetInfo, compute_logits: ComputeLogits) -> None:
    """Checks that a loaded model reproduces the golden line.

    Args:
      folder: The export.
      lines: Description of the model's lines.
      compute_logits: The loaded model.

    Raises:
      UserError: logits differ by more than the export's tolerance, or golden.npy has another text.
    """
    info = load_export_info(folder)
    levels, expected = load_golden(folder)
    if levels.shape[0] != lines.geometry.height:
        raise damaged_export(
            folder,
            received=f"{GOLDEN_IMAGE} of height {levels.shape[0]}",
            expected=f"{lines.geometry.height}, the height of the model's lines",
        )
    frames = lines.geometry.count_frames(levels.shape[1])
    if len(expected) != frames:  # first, as a wide line takes much memory
        raise damaged_export(
            folder,
            received=f"{GOLDEN_LOGITS} of {len(expected)} frames",
            expected=f"{frames}, as many as {GOLDEN_IMAGE} has",
        )
    if not info.tolerance <= find_tolerance(info.precision, expected):
        raise damaged_export(
            folder,
            received=f"a tolerance of {info.tolerance:.2g}",
            expected=f"{find_tolerance(info.precision, expected):.2g} at most, as ocr-export writes it",
            remedy=_REMEDY,
        )
    difference = compare_logits(_try_to_compute(folder, compute_logits, levels), expected)
    if not difference <= info.tolerance:  # also if it is NaN
        raise damaged_export(
            folder,
            received=f"logits of {GOLDEN_IMAGE} that differ from {GOLDEN_LOGITS} by up to {difference:.2g}",
            expected=f"{info.tolerance:.2g} at most",
            remedy=_REMEDY,
        )
    # The stored logits are decoded: in computed ones rounding may prefer the other of two equal classes.
    classes = expected.shape[1]
    text = _decode(expected, lines.charset) if classes == lines.charset.classes else None
    if text != info.text:
        raise damaged_export(
            folder,
            received=f"{GOLDEN_LOGITS} of {classes} classes that read {text!r}",
            expected=f"{info.text!r}, as {FILE_NAME} has it",
            remedy=_REMEDY,
        )


def compute_line(compute_logits: ComputeLogits, levels: np.ndarray) -> np.ndarray:
    """Returns logits, float32 [T, classes], of one line, uint8 [H, W]."""
    return compute_logits(levels[None], np.array([levels.shape[1]], np.int32))[0]


def compare_logits(logits: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest absolute difference of two arrays [T, classes]; infinity if their shapes differ."""
    logits = np.asarray(logits)
    if logits.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(logits - expected), initial=0.0))


def _try_to_compute(folder: str, compute_logits: ComputeLogits, levels: np.ndarray) -> np.ndarray:
    """Logits, float32 [T, classes], of one line, uint8 [H, W]; raises UserError where the model fails."""
    try:
        return compute_line(compute_logits, levels)
    except Exception as error:  # the engines' errors have no other base class in common
        raise damaged_export(
            folder,
            received=f"a model that fails on {GOLDEN_IMAGE}: {(str(error).splitlines() or [''])[0]}",
            expected="the model that the export wrote",
        ) from None


def _decode(logits: np.ndarray, charset: Charset) -> str:
    """The text of one line's logits, float32 [T, classes]."""
    (ids,) = find_best_path(logits[None].astype(np.float32), [len(logits)]).ids.to_list()
    return charset.decode(ids)
