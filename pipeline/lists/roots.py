"""The folder that the paths in lists are relative to."""

from collections.abc import Sequence

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError


def find_root(paths: Sequence[str], image_root: str) -> str:
    """Returns the image root, by default the folder of the lists, and logs that.

    Args:
      paths: The lists; one that is a folder is its own folder.
      image_root: --image_root, or "".

    Raises:
      UserError: there is no such folder, or lists lie in several.
    """
    if not image_root:
        return _find_folder(paths)
    # A web server lists no folders: whether there is one shows with the first image.
    if not storage.is_folder(image_root) and not storage.is_web(image_root):
        raise UserError(
            f"image root {image_root}",
            received="no such folder",
            expected="the folder that the list's paths start from",
            remedy="Check --image_root.",
        )
    return image_root


def _find_folder(paths: Sequence[str]) -> str:
    folders = [path if storage.is_folder(path) else storage.parent(path) or "." for path in paths]
    if len(set(map(storage.absolute, folders))) != 1:
        raise UserError(
            "image root",
            received=f"lists in the folders {', '.join(dict.fromkeys(folders))}",
            expected="one folder that the paths in all lists are relative to",
            remedy="Set --image_root.",
        )
    logging.info("paths are relative to %s, the list's folder (--image_root)", folders[0])
    return folders[0]
