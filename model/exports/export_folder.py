"""The folder of an export: a new one takes the place of an old one when it is proved, never before.

It is made in a room beside the folder, which is named after it and held meanwhile, so that a second export
there is refused. What a killed one left in the room goes when the next begins.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import DESCRIPTION, FILE_NAME, MODEL_FILES, check_path, is_export

_ROOM, _NEW, _OLD = f"{storage.TEMPORARY}export", "new", "old"

# Everything that an export may have in its folder.
_NAMES = {FILE_NAME, *DESCRIPTION, *MODEL_FILES.values(), "variables", "assets", "fingerprint.pb"}


@contextlib.contextmanager
def replaced_folder(output: str, *, overwrite: bool) -> Iterator[str]:
    """An empty folder that becomes `output` when the block ends well, and goes otherwise.

    Raises UserError where `output` has an export and is not to be overwritten, or other files, or where another
    process is making it.
    """
    check_path(output)
    _check(output, overwrite)
    place = _resolve(output)
    room = place + _ROOM
    with storage.held(
        room,
        subject=f"output {output}",
        received="a second export, while another one writes it",
        remedy="Wait for the other one, or choose another --output.",
    ):
        try:
            _settle(place, room)
            _check(output, overwrite)  # another one may have ended meanwhile
            new = storage.join(room, _NEW)
            storage.make_folder(new)
            yield new
            _swap(place, room)
        finally:
            _settle(place, room)
            storage.remove(room)


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
            received="a folder that has an export",
            expected="a new folder",
            remedy="Choose another --output, or give --overwrite to replace it.",
        )
    if storage.exists(output) and (os.path.ismount(_resolve(output)) or os.path.samefile(output, os.curdir)):
        raise UserError(
            f"output {output}",
            received="the folder that the command runs in, or one that a disk is mounted at",
            expected="a folder that can be replaced as a whole",
            remedy="Name a folder inside it.",
        )


def _resolve(output: str) -> str:
    """The folder itself, where a link is named; it stays relative, for another path may not be UTF-8."""
    path = os.path.normpath(storage.local_path(output))
    return os.path.realpath(path) if os.path.islink(path) else path


def _swap(place: str, room: str) -> None:
    try:
        if storage.exists(place):
            shutil.copymode(place, storage.join(room, _NEW))
            os.rename(place, storage.join(room, _OLD))
        os.rename(storage.join(room, _NEW), place)
    except OSError as error:
        raise UserError(
            f"output {place}",
            received=error.strerror,
            expected="a folder that can be renamed",
            remedy="Choose another --output.",
        ) from None


def _settle(place: str, room: str) -> None:
    """Puts an old folder back for which no new one came, and empties the room."""
    old = storage.join(room, _OLD)
    if storage.exists(old) and not storage.exists(place):
        os.rename(old, place)
    for name in storage.list_names(room):
        storage.remove(storage.join(room, name))
