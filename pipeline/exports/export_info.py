"""export.json, the description of an exported model, and the checksums of the files beside it.

Beside it lie the model, dataset.json, charset.txt and the golden line (see golden_line.py).
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME as DATASET
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.shipped import FOLDER, find_shipped, name_shipped
from densenet_ocr.pipeline.tfrecord.records import hash_file

FILE_NAME, GOLDEN_IMAGE, GOLDEN_LOGITS = "export.json", "golden.png", "golden.npy"
CHARSET = "charset.txt"
VERSION = 1
PRECISIONS = ("float32", "float16", "int8")

# The model's file by format; a SavedModel has files in variables/, too.
SAVED_MODEL = "saved_model"
MODEL_FILES = {SAVED_MODEL: "saved_model.pb", "onnx": "model.onnx", "tflite": "model.tflite"}
INT8_FORMATS = ("onnx", "tflite")

# The weights of a float16 export, which an ONNX model computes with and a training may begin with.
WEIGHTS = "weights.float16"

# The files beside the model and export.json.
DESCRIPTION = (DATASET, CHARSET, GOLDEN_IMAGE, GOLDEN_LOGITS)

_REMEDY = "Export the model again, or copy the folder again."


@dataclasses.dataclass(frozen=True)
class ExportInfo:
    """Description of an exported model, validated on construction.

    Attributes:
      format: A key of MODEL_FILES.
      precision: One of PRECISIONS.
      text: Text of the golden line.
      confidence: Confidence of that reading, from 0 to 1.
      tolerance: Largest absolute difference of a logit from golden.npy.
      files: CRC-32C of each other file of the export, by name.
      provenance: Model, weights, versions of packages, and figures of the comparison with the run.
      train_split: Split of dataset.json that the model was trained on, empty if unknown.
    """

    format: str
    precision: str
    text: str
    confidence: float
    tolerance: float
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    train_split: str = ""

    def __post_init__(self) -> None:
        holds = {
            "format": self.format in MODEL_FILES,
            "precision": self.precision in PRECISIONS,
            "text": isinstance(self.text, str),
            "confidence": 0 <= self.confidence <= 1,
            "tolerance": 0 < self.tolerance < float("inf"),
            "files": isinstance(self.files, dict) and all(map(_is_own_name, self.files)),
            "provenance": isinstance(self.provenance, dict),
            "train_split": isinstance(self.train_split, str),
        }
        wrong = [f"{name} {getattr(self, name)!r}" for name, right in holds.items() if not right]
        if wrong:
            raise ValueError(", ".join(wrong))

    def save(self, folder: str) -> None:
        """Writes export.json atomically; with it the folder is an export."""
        content = {
            "schema_version": VERSION,
            "format": self.format,
            "precision": self.precision,
            "train_split": self.train_split,
            "golden": {"text": self.text, "confidence": self.confidence, "tolerance": self.tolerance},
            "files": self.files,
            "provenance": self.provenance,
        }
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        storage.write_atomically(storage.join(folder, FILE_NAME), text.encode("utf-8", "backslashreplace"))


def is_export(folder: str) -> bool:
    """Whether a folder, or the name of a shipped model, is that of an exported model."""
    return storage.exists(storage.join(find_shipped(folder), FILE_NAME))


def has_weights(folder: str) -> bool:
    """Whether a folder holds an export that training can begin with."""
    return is_export(folder) and load_export_info(folder).precision == "float16"


def check_path(folder: str) -> None:
    """Raises UserError for a path that is not UTF-8, which TensorFlow and onnxruntime cannot open."""
    try:
        folder.encode("utf-8")
    except UnicodeEncodeError:
        raise damaged_export(
            folder,
            received="a path that is not UTF-8",
            expected="a UTF-8 path, which TensorFlow and onnxruntime need",
            remedy="Rename its folders, or name another one.",
        ) from None


def load_export_info(folder: str) -> ExportInfo:
    """Reads a folder's export.json; `folder` may be the name of a shipped model.

    Raises:
      UserError: it is missing, damaged or of another version, or the model's file is missing.
    """
    folder = find_shipped(folder)
    if not is_export(folder):
        raise damaged_export(
            folder,
            received=f"no {FILE_NAME}",
            expected="the folder of an exported model",
            remedy=f"Export one first: ocr-export --model=RUN --output=... Shipped models: {name_shipped()}.",
        )
    check_path(folder)
    path = storage.join(folder, FILE_NAME)
    try:
        info = _from_json(storage.read_json(path))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged_export(
            path,
            received=f"{type(error).__name__}: {error}",
            expected=f"a description of schema version {VERSION}",
            remedy="Export the model again.",
        ) from None
    require_file(folder, MODEL_FILES[info.format])
    return info


@contextlib.contextmanager
def local_export(folder: str) -> Iterator[tuple[str, ExportInfo]]:
    """Yields a local folder with the files of an export, and its description.

    Args:
      folder: The export, or the name of a shipped one, which is itself that folder; or its URL, of which that
        is a copy (see storage.local_folder). Errors of the block name the URL in place of its copy.

    Raises:
      UserError: see `load_export_info`; or a file cannot be copied.
    """
    folder = find_shipped(folder)
    info = load_export_info(folder)
    with storage.local_folder(folder, [FILE_NAME, *info.files]) as copy:
        try:
            yield copy, info
        except UserError as error:
            raise UserError.of_text(str(error).replace(copy, folder)) from None


def require_file(folder: str, name: str) -> None:
    """Raises UserError for an export without the file `name`."""
    if not storage.exists(storage.join(folder, name)):
        raise damaged_export(folder, received=f"no {name}", expected="all files that the export wrote")


def hash_files(folder: str) -> dict[str, str]:
    """Returns the CRC-32C of each file of an export but export.json, by name; raises UserError."""
    variables = storage.list_names(storage.join(folder, "variables"))
    names = [*MODEL_FILES.values(), WEIGHTS, *(f"variables/{name}" for name in variables), *DESCRIPTION]
    paths = {name: storage.join(folder, name) for name in names}
    try:
        return {name: hash_file(path) for name, path in paths.items() if storage.exists(path)}
    except OSError as error:
        raise damaged_export(
            folder, received=f"{error.filename}: {error.strerror}", expected="files that can be read"
        ) from None


def check_files(folder: str, info: ExportInfo) -> None:
    """Raises UserError for a file that was changed since the export, or that it did not write.

    Some engines crash on such files. A model in another format is not read.
    """
    found = hash_files(folder)
    own = MODEL_FILES[info.format]
    others = {*MODEL_FILES.values()} - {own}
    for name in [own, *info.files, *(name for name in found if name not in others)]:
        require_file(folder, name)
        if found.get(name) != info.files.get(name):
            raise damaged_export(
                folder,
                received=f"{name} with a CRC-32C of {found.get(name)}",
                expected=f"{info.files.get(name, 'none')}, as {FILE_NAME} has it",
            )


def load_lines_info(folder: str, info: ExportInfo) -> DatasetInfo:
    """Checks an export's files and returns the description of the lines that it reads.

    Raises:
      UserError: a file is missing or was changed.
    """
    check_files(folder, info)
    require_file(folder, DATASET)
    return load_dataset_info(folder)


def damaged_export(folder: str, *, received: str, expected: str, remedy: str = _REMEDY) -> UserError:
    """Returns the error about an export that cannot be used."""
    if folder.startswith(FOLDER):
        remedy = "Install densenet-ocr again."
    return UserError(f"export {folder}", received=received, expected=expected, remedy=remedy)


def _is_own_name(name: str) -> bool:
    """Whether a file lies in the export's folder, or in variables/ of a SavedModel."""
    return storage.is_plain_name(name.removeprefix("variables/"))


def _from_json(content: dict[str, Any]) -> ExportInfo:
    if content["schema_version"] != VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    golden = {name: content["golden"][name] for name in ("text", "confidence", "tolerance")}
    described = {name: content[name] for name in ("format", "precision", "train_split", "files", "provenance")}
    return ExportInfo(**described, **golden)
