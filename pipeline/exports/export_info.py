"""The description that travels with an exported model, as export.json, and the line that proves it whole.

Beside it stand dataset.json and charset.txt, golden.png (a line at the model's height) and golden.npy (the
logits that the exported model gave it). A model that is loaded must give them again, and export.json has the
checksums of all these files.
"""

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image

from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import FILE_NAME as DATASET
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.decoding import find_best_path
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.records import hash_file

FILE_NAME, GOLDEN_IMAGE, GOLDEN_LOGITS = "export.json", "golden.png", "golden.npy"
CHARSET = "charset.txt"
VERSION = 1
PRECISIONS = ("float32", "int8")

# By format, the file that the model is in (SavedModel's is in its folder variables/, too).
SAVED_MODEL = "saved_model"
MODEL_FILES = {SAVED_MODEL: "saved_model.pb", "onnx": "model.onnx", "tflite": "model.tflite"}
INT8_FORMATS = ("onnx", "tflite")

# What stands beside the model and export.json.
DESCRIPTION = (DATASET, CHARSET, GOLDEN_IMAGE, GOLDEN_LOGITS)

# The largest difference of a float32 export's logits from those of the run, or of the machine that wrote it.
# Both sum up in other orders, which makes differences of some 1e-5; a wrong weight makes larger ones.
TOLERANCE = 1e-3

_REMEDY = "Export the model again, or copy the folder again."


@dataclasses.dataclass(frozen=True)
class ExportInfo:
    """An exported model: its format and precision, how its golden line reads, and what it was made of.

    `train_split` is the split of dataset.json that it was trained on, empty where that is not known.
    `tolerance` is the largest difference of a logit from golden.npy with which a model is the same; `files` has
    the CRC-32C of each other file of the export, by its name.
    """

    format: str
    precision: str
    text: str
    confidence: float
    tolerance: float
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    train_split: str = ""

    def __post_init__(self):
        _check(self.format in MODEL_FILES, f"format {self.format!r}, known are {', '.join(MODEL_FILES)}")
        _check(self.precision in PRECISIONS, f"precision {self.precision!r}")
        for name in ("text", "train_split"):
            _check(isinstance(getattr(self, name), str), f"{name} {getattr(self, name)!r}")
        _check(0 <= self.confidence <= 1, f"confidence {self.confidence!r}, not from 0 to 1")
        _check(0 < self.tolerance < float("inf"), f"tolerance {self.tolerance!r}, not above 0")
        for name in ("files", "provenance"):
            _check(isinstance(getattr(self, name), dict), f"{name} {getattr(self, name)!r}")

    def to_json(self) -> str:
        """The text of export.json."""
        content = {
            "schema_version": VERSION,
            "format": self.format,
            "precision": self.precision,
            "train_split": self.train_split,
            "golden": {"text": self.text, "confidence": self.confidence, "tolerance": self.tolerance},
            "files": self.files,
            "provenance": self.provenance,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def save(self, folder: str) -> None:
        """Writes export.json into a folder, in one go: with it the folder is an export."""
        data = self.to_json().encode("utf-8", "backslashreplace")
        storage.write_atomically(storage.join(folder, FILE_NAME), data)


def is_export(folder: str) -> bool:
    """Whether a folder holds an exported model."""
    return storage.exists(storage.join(folder, FILE_NAME))


def check_path(folder: str) -> None:
    """Raises UserError for a path that is not UTF-8, which TensorFlow and onnxruntime cannot open."""
    try:
        folder.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(
            f"export {folder}",
            received="a path that is not UTF-8",
            expected="one that is, for the engines open no other",
            remedy="Rename its folders, or name another one.",
        ) from None


def load_export_info(folder: str) -> ExportInfo:
    """Reads a folder's export.json; raises UserError where it is missing, damaged or of another version."""
    path = storage.join(folder, FILE_NAME)
    if not is_export(folder):
        raise UserError(
            f"export {folder}",
            received=f"no {FILE_NAME}",
            expected="the folder of an exported model",
            remedy="Export one first: python -m model.export --model=RUN --output=...",
        )
    check_path(folder)
    try:
        info = _from_json(json.loads(storage.read_bytes(path).decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"export {path}",
            received=f"{type(error).__name__}: {error}",
            expected=f"a description of schema version {VERSION}",
            remedy="Export the model again.",
        ) from None
    _require_file(folder, MODEL_FILES[info.format])
    return info


def require_saved_model(folder: str, export: ExportInfo) -> None:
    """Raises UserError for an export in another format."""
    if export.format != SAVED_MODEL:
        raise UserError(
            f"export {folder}",
            received=f"a model in the format {export.format}",
            expected="a SavedModel",
            remedy=f"Export one: python -m model.export --model=RUN --format={SAVED_MODEL} --output=...",
        )


def hash_files(folder: str) -> dict[str, str]:
    """The CRC-32C of each file of an export in a folder but export.json, by its name."""
    variables = storage.list_names(storage.join(folder, "variables"))
    names = [*MODEL_FILES.values(), *(f"variables/{name}" for name in variables)]
    names += DESCRIPTION
    paths = {name: storage.join(folder, name) for name in names}
    return {name: hash_file(path) for name, path in paths.items() if storage.exists(path)}


def check_files(folder: str, info: ExportInfo) -> None:
    """Raises UserError unless an export's files are those that it wrote: some engines die of others."""
    found = hash_files(folder)
    described = {name: None for name in found if name in DESCRIPTION}
    for name in {**info.files, **described}:
        _require_file(folder, name)
        if found.get(name) != info.files.get(name):
            raise UserError(
                f"export {folder}",
                received=f"{name} with a CRC-32C of {found.get(name)}",
                expected=f"{info.files.get(name, 'none')}, as {FILE_NAME} has it",
                remedy=_REMEDY,
            )


def load_lines_info(folder: str, info: ExportInfo) -> DatasetInfo:
    """What the lines of an export are like, once its files have been checked; raises UserError."""
    check_files(folder, info)
    _require_file(folder, DATASET)
    return load_dataset_info(folder)


def save_golden(folder: str, levels: np.ndarray, logits: np.ndarray) -> None:
    """Writes the golden line, uint8 [H, W], and its logits, float32 [T, classes]."""
    for name, data in (
        (GOLDEN_IMAGE, _to_png(levels)),
        (GOLDEN_LOGITS, _to_npy(logits)),
    ):
        storage.write_atomically(storage.join(folder, name), data)


def check_golden(folder: str, lines: DatasetInfo, compute: Callable[[np.ndarray], np.ndarray]) -> None:
    """Raises UserError unless `compute` gives the golden line, uint8 [H, W], its logits [T, classes].

    They must read as export.json says. It is golden.npy that is spelt, not what was computed: where two classes
    are as good as equal, another machine's last bits may prefer the other.
    """
    info = load_export_info(folder)
    levels, expected = load_golden(folder)
    if levels.shape[0] != lines.geometry.height:
        raise UserError(
            f"export {folder}",
            received=f"{GOLDEN_IMAGE} of height {levels.shape[0]}",
            expected=f"{lines.geometry.height}, the height of the model's lines",
            remedy=_REMEDY,
        )
    difference = compare_logits(_compute(folder, compute, levels), expected)
    if not difference <= info.tolerance:  # a NaN is not
        raise UserError(
            f"export {folder}",
            received=f"logits of {GOLDEN_IMAGE} that differ from {GOLDEN_LOGITS} by up to {difference:.2g}",
            expected=f"{info.tolerance:.2g} at most",
            remedy="A file of it was changed or damaged: export the model again, or copy the folder again.",
        )
    charset, classes = lines.charset, expected.shape[1]
    text = _decode(expected, charset) if classes == charset.classes else None
    if text != info.text:
        raise UserError(
            f"export {folder}",
            received=f"{GOLDEN_LOGITS} of {classes} classes that read {text!r}",
            expected=f"{info.text!r}, as {FILE_NAME} has it",
            remedy="A file of it was changed or damaged: export the model again, or copy the folder again.",
        )


def _decode(logits: np.ndarray, charset: Charset) -> str:
    """The text of one line's logits, float32 [T, classes]."""
    (ids,) = find_best_path(logits[None].astype(np.float32), [len(logits)]).ids.to_list()
    return charset.decode(ids)


def _compute(folder: str, compute: Callable[[np.ndarray], np.ndarray], levels: np.ndarray) -> np.ndarray:
    try:
        return compute(levels)
    except Exception as error:  # each engine has classes of its own
        raise UserError(
            f"export {folder}",
            received=f"a model that fails on {GOLDEN_IMAGE}: {(str(error).splitlines() or [''])[0]}",
            expected="the model that the export wrote",
            remedy=_REMEDY,
        ) from None


def load_golden(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """The golden line, uint8 [H, W], and its logits, float32 [T, classes]; raises UserError."""
    for name in (GOLDEN_IMAGE, GOLDEN_LOGITS):
        _require_file(folder, name)
    image, logits = (storage.join(folder, name) for name in (GOLDEN_IMAGE, GOLDEN_LOGITS))
    try:
        # Pickles are programs, and a folder of a model may come from anywhere.
        data = io.BytesIO(storage.read_bytes(logits))
        return images.decode(storage.read_bytes(image)), np.load(data, allow_pickle=False)
    except (Refused, ValueError, EOFError) as error:
        raise UserError(
            f"export {folder}",
            received=f"a damaged {GOLDEN_IMAGE} or {GOLDEN_LOGITS} ({error})",
            expected="the line and the logits that the export wrote",
            remedy=_REMEDY,
        ) from None


def compare_logits(logits: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays of logits; infinite where they differ in shape."""
    logits = np.asarray(logits)
    if logits.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(logits - expected), initial=0.0))


def _from_json(content: dict[str, Any]) -> ExportInfo:
    if content["schema_version"] != VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    golden = {name: content["golden"][name] for name in ("text", "confidence", "tolerance")}
    described = {name: content[name] for name in ("format", "precision", "train_split", "files", "provenance")}
    return ExportInfo(**described, **golden)


def _require_file(folder: str, name: str) -> None:
    if not storage.exists(storage.join(folder, name)):
        raise UserError(
            f"export {folder}",
            received=f"no {name}",
            expected="all files that the export wrote",
            remedy=_REMEDY,
        )


def _to_png(levels: np.ndarray) -> bytes:
    data = io.BytesIO()
    PIL.Image.fromarray(levels).save(data, "PNG")
    return data.getvalue()


def _to_npy(logits: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, np.asarray(logits, np.float32), allow_pickle=False)
    return data.getvalue()


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
