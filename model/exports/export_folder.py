"""The folder of an export, replaced once the new export has been checked.

The new export is written into a locked temporary folder beside it, which then takes its place in one step; a
second export at the same time is refused. The next export removes what a killed one left there.

A folder in a bucket is replaced file by file, with export.json removed first and put last: meanwhile readers
find no export, and never a mixture.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.decoding.tuned_settings import FILE_NAME as TUNED_SETTINGS
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import (
    DESCRIPTION,
    FILE_NAME,
    MODEL_FILES,
    WEIGHTS,
    check_path,
    is_export,
)

_TEMPORARY, _NEW, _OLD = f"{storage.TEMPORARY}export", "new", "old"

# All names in the folder of an export.
_NAMES = {
    FILE_NAME,
    *DESCRIPTION,
    *MODEL_FILES.values(),
    WEIGHTS,
    "variables",
    "assets",
    "fingerprint.pb",
    TUNED_SETTINGS,
}


@contextlib.contextmanager
def replaced_folder(output: str, *, overwrite: bool) -> Iterator[str]:
    """Yields an empty folder that becomes `output` when the block succeeds, and is removed otherwise.

    Args:
      output: Folder of the export, or its URL.
      overwrite: Whether to replace an export that is there.

    Raises:
      UserError: `output` has an export and `overwrite` is False, or has other files, or another process is
        writing it.
    """
    check_path(output)
    _check(output, overwrite)
    replaced = _replaced_in_bucket if storage.is_url(output) else _replaced_on_disk
    with replaced(output, overwrite) as folder:
        yield folder


@contextlib.contextmanager
def _replaced_in_bucket(output: str, overwrite: bool) -> Iterator[str]:
    with _hold(output, output), tempfile.TemporaryDirectory(prefix="densenet-ocr-") as folder:
        _check(output, overwrite)  # another export may have finished since
        yield folder
        old = storage.list_files(output)
        storage.remove(storage.join(output, FILE_NAME))
        new = storage.upload_folder(folder, output, last=[FILE_NAME])
        storage.remove_many([storage.join(output, name) for name in old if name not in new])


@contextlib.contextmanager
def _replaced_on_disk(output: str, overwrite: bool) -> Iterator[str]:
    place = _resolve(output)
    temporary = place + _TEMPORARY
    with _hold(temporary, output):
        try:
            _settle(place, temporary)
            _check(output, overwrite)  # another export may have finished since
            new = storage.join(temporary, _NEW)
            storage.make_folder(new)
            yield new
            _swap(place, temporary)
        finally:
            _settle(place, temporary)
            storage.remove(temporary)


def _hold(folder: str, output: str) -> contextlib.AbstractContextManager[object]:
    return storage.held(
        folder,
        subject=f"output {output}",
        received="a second export, while another one writes it",
        remedy="Wait for the other one, or choose another --output.",
    )


def _check(output: str, overwrite: bool) -> None:
    names = storage.list_names(output)
    others = [name for name in names if name not in _NAMES and storage.TEMPORARY not in name]
    if others or (storage.exists(output) and not storage.is_folder(output)):
        raise UserError(
            f"output {output}",
            received=f"a folder with other files ({', '.join(others[:3])})" if others else "a file",
            expected="a new folder, or that of an export",
            remedy="Choose another --output.",
        )
    if is_export(output) and not overwrite:
        raise UserError(
            f"output {output}",
            received="a folder with an export",
            expected="a new folder",
            remedy="Choose another --output, or give --overwrite to replace it.",
        )
    if storage.is_url(output) or not storage.exists(output):
        return
    if os.path.ismount(_resolve(output)) or os.path.samefile(output, os.curdir):
        raise UserError(
            f"output {output}",
            received="the current folder, or a mount point",
            expected="a folder that can be replaced as a whole",
            remedy="Name a folder inside it.",
        )


def _resolve(output: str) -> str:
    """The target of a link, else the path; relative paths stay, as their parents may not be UTF-8."""
    path = os.path.normpath(output)
    return os.path.realpath(path) if os.path.islink(path) else path


def _swap(place: str, temporary: str) -> None:
    subject, remedy = f"output {place}", "Choose another --output."
    with storage.explained(subject, expected="a folder that can be renamed", remedy=remedy):
        if storage.exists(place):
            shutil.copymode(place, storage.join(temporary, _NEW))
            os.rename(place, storage.join(temporary, _OLD))
        os.rename(storage.join(temporary, _NEW), place)


def _settle(place: str, temporary: str) -> None:
    """Restores an old folder that was not replaced, and empties the temporary folder."""
    old = storage.join(temporary, _OLD)
    if storage.exists(old) and not storage.exists(place):
        os.rename(old, place)
    for name in storage.list_names(temporary):
        storage.remove(storage.join(temporary, name))
