"""Paths that the workers of a remote runner have to see: URLs, and folders that all of them mount."""

import os
from collections.abc import Iterable, Mapping, Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from densenet_ocr.beam_jobs.engine.runner.beam_runner import is_remote
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError, check_setting

_MOUNT = (
    "Copy it to a bucket and give its URL, or to a folder that all workers and this machine mount under the "
    "same name, and name that folder: --shared_folders=FOLDER."
)


def check_paths(
    options: PipelineOptions, shared_folders: Sequence[str], paths: Mapping[str, Iterable[str]]
) -> None:
    """Checks that the workers of a remote runner can see the paths of a job.

    Args:
      options: Beam's options. Nothing is checked where they name no remote runner.
      shared_folders: Folders that all workers mount under the same name as this machine.
      paths: Paths that workers read or write, by the flag that gave them; an empty path is none.

    Raises:
      UserError: a path is a local one outside of `shared_folders`.
    """
    for folder in shared_folders:
        is_folder = os.path.isabs(folder) and os.path.isdir(folder)
        check_setting("shared_folders", folder, is_folder, "the absolute path of an existing folder")
    if not is_remote(options):
        return
    runner = options.view_as(StandardOptions).runner
    for flag, values in paths.items():
        for path in values:
            if path and not storage.is_url(path):
                _check_shared(flag, path, shared_folders, runner)


def _check_shared(flag: str, path: str, shared_folders: Sequence[str], runner: str) -> None:
    within = any(_is_within(path, folder) for folder in shared_folders)
    if within and os.path.isabs(path):
        return
    raise UserError(
        f"--{flag}",
        received=f"{path!r}, a path of this machine, while the workers of {runner} run elsewhere",
        expected="a URL, or an absolute path in a folder that all workers mount",
        remedy=f"Give the absolute path: {os.path.abspath(path)}." if within else _MOUNT,
    )


def _is_within(path: str, folder: str) -> bool:
    # Links are not followed: they may lead elsewhere on a worker, but the name is what it opens.
    path, folder = os.path.abspath(path), os.path.abspath(folder)
    return os.path.commonpath([path, folder]) == folder
