"""The export of a model that a transcription names, known by its files before anything is loaded."""

import hashlib
import json
from typing import NamedTuple

from beam_jobs.transcripts import LineModel
from pipeline import storage
from pipeline.dataset_info import FILE_NAME, DatasetInfo, load_dataset_info
from pipeline.errors import UserError

FORMAT = "saved_model"

_EXPORT, _GRAPH, _VARIABLES = "export.json", "saved_model.pb", "variables"


class ExportFolder(NamedTuple):
    """An export: what its lines are like, and the SHA-256 of each file that its readings depend on, by name."""

    info: DatasetInfo
    files: dict[str, str]


def describe_export(folder: str) -> ExportFolder:
    """Looks at the export in a folder; raises UserError where it is none of a SavedModel, or not whole."""
    _check_format(folder)
    variables = [f"{_VARIABLES}/{name}" for name in storage.list_names(storage.join(folder, _VARIABLES))]
    names = [FILE_NAME, _GRAPH, *(variables or [f"{_VARIABLES}/variables.index"])]
    for name in names:
        if not storage.exists(storage.join(folder, name)):
            raise _refuse(folder, f"no {name}", "Restore it from a copy, or export the model again.")
    files = {name: _hash_file(storage.join(folder, name)) for name in names}
    return ExportFolder(load_dataset_info(folder), files)


def hash_files(files: dict[str, str]) -> str:
    """One SHA-256 of an export's files, which are given by theirs."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def load_saved_model(folder: str) -> LineModel:
    """The model of a folder; raises UserError where it does not read its golden line as it should."""
    from pipeline.saved_model import SavedModel  # loads TensorFlow, which only workers need

    return SavedModel(folder)


def _check_format(folder: str) -> None:
    remedy = f"Export the model: python -m model.export --model=RUN --format={FORMAT} --output={folder}."
    path = storage.join(folder, _EXPORT)
    if not storage.exists(path):
        raise _refuse(folder, f"no {_EXPORT}" if storage.is_folder(folder) else "no such folder", remedy)
    try:
        found = json.loads(storage.read_bytes(path))["format"]
    except (ValueError, LookupError, TypeError) as error:
        damage = f"an {_EXPORT} that is damaged ({type(error).__name__}: {error})"
        raise _refuse(folder, damage, remedy) from None
    if found != FORMAT:
        raise _refuse(folder, f"one of format {found}", remedy)


def _refuse(folder: str, received: str, remedy: str) -> UserError:
    return UserError(
        f"model {folder}", received=received, expected=f"an export, format {FORMAT}", remedy=remedy
    )


def _hash_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
