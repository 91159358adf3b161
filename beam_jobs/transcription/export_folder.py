"""The export of a model that a transcription names, known by its files before anything is loaded."""

import hashlib
import json
from typing import NamedTuple

from densenet_ocr.beam_jobs.transcription.transcripts import LineModel
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.exports.export_info import load_export_info, load_lines_info, require_saved_model


class ExportFolder(NamedTuple):
    """An export: what its lines are like, and the SHA-256 of each file that its readings depend on, by name."""

    info: DatasetInfo
    files: dict[str, str]


def describe_export(folder: str) -> ExportFolder:
    """Looks at the export in a folder; raises UserError where it is none of a SavedModel, or not as written."""
    export = load_export_info(folder)
    require_saved_model(folder, export)
    info = load_lines_info(folder, export)
    return ExportFolder(info, {name: _hash_file(folder, name) for name in export.files})


def hash_files(files: dict[str, str]) -> str:
    """One SHA-256 of an export's files, which are given by theirs."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def load_saved_model(folder: str) -> LineModel:
    """The model of a folder; raises UserError where it does not read its golden line as it should."""
    from densenet_ocr.pipeline.exports.saved_model import (
        SavedModel,  # loads TensorFlow, which only workers need
    )

    return SavedModel(folder)


def _hash_file(folder: str, name: str) -> str:
    with open(storage.join(folder, name), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
