"""Where a job runs: in processes of this machine, or on a runner that Beam's own options name.

Such a runner is checked before a job touches any file. Its workers have to see the paths of the job: URLs, and
folders that all of them mount. A trial runs one step on one worker, within a time limit.
"""

import contextlib
import dataclasses
import itertools
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam
from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineState

from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.runner.beam_runner import (
    choose_runner,
    is_remote,
    parse_options,
    run_pipeline,
)
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError, check_setting
from densenet_ocr.pipeline.packages import find_version

# Other versions of these may write other bytes.
_PACKAGES = ("densenet-ocr", "pillow")


class CheckWorker(beam.DoFn):
    """Checks that a worker has the packages of the driver, and sees its files."""

    def __init__(self, versions: Mapping[str, str | None], paths: Mapping[str, str]) -> None:
        """Takes the versions of packages by name, and paths with what messages call them."""
        super().__init__()
        self._versions, self._paths = versions, paths

    def process(self, element: int) -> Iterator[int]:
        """Yields the element; raises UserError where the worker differs."""
        for package, version in self._versions.items():
            found = find_version(package)
            if found != version:
                raise UserError(
                    f"package {package} of the workers",
                    received=found,
                    expected=f"{version}, as on the machine that starts the job",
                    remedy="Install the same version on all workers.",
                )
        for path, subject in self._paths.items():
            if not os.path.exists(path):
                raise UserError(
                    subject,
                    received="none on a worker, or another one",
                    expected="the one of the machine that starts the job",
                    remedy="Mount the folder on all workers under the same name, or give a URL.",
                )
        yield element


@dataclasses.dataclass(frozen=True)
class Execution:
    """Where a job runs.

    Attributes:
      workers: Processes of the local runner, 0 for one per core.
      options: Beam's options; a runner that they name takes the place of the local one.
      remote: Shared folders and time limit of that runner.
    """

    workers: int
    options: PipelineOptions
    remote: RemoteConfig

    @classmethod
    def of(cls, workers: int, beam_arguments: list[str] | None, remote: RemoteConfig) -> "Execution":
        """Parses Beam's options; raises UserError where Beam does not know one."""
        return cls(workers, parse_options(beam_arguments or []), remote)

    @property
    def runner(self) -> str | None:
        """The runner that Beam's options name."""
        return self.options.view_as(StandardOptions).runner

    def count_processes(self, shards: int) -> int:
        """Returns the local processes for so many shards; a runner that is named spreads its own, and has 1."""
        return 1 if self.runner else min(self.workers or os.cpu_count() or 1, shards)

    def check_paths(self, inputs: Mapping[str, Iterable[str]], output: str) -> None:
        """Checks that the workers of a remote runner can see the paths of a job.

        Args:
          inputs: Paths that workers read, by the flag that gave them; an empty path is none.
          output: Folder that workers write.

        Raises:
          UserError: a path is a local one outside of the shared folders.
        """
        folders = self.remote.shared_folders
        for folder in folders:
            is_folder = os.path.isabs(folder) and os.path.isdir(folder)
            check_setting("shared_folders", folder, is_folder, "the absolute path of an existing folder")
        if not is_remote(self.options):
            return
        for flag, values in {**inputs, "output": [output]}.items():
            for path in values:
                if path and not storage.is_url(path):
                    _check_shared(flag, path, folders, self.runner)

    def try_runner(self, inputs: Mapping[str, Iterable[str]], output: str) -> None:
        """Runs a pipeline of one step on the runner that Beam's options name, if they name one.

        A cluster out of reach, a missing option, a worker without the package or without the mounted folder is
        found only by running; better before a data set is touched.

        Args:
          inputs: Paths that workers read, by the flag that gave them; an empty path is none.
          output: Folder that workers write; it need not exist.

        Raises:
          UserError: the pipeline fails, or does not end in time.
        """
        if not self.runner:
            return
        seconds = self.remote.runner_timeout
        logging.info("trying runner %s: one step, within %g seconds", self.runner, seconds)
        local = {p: f"path {p}" for p in itertools.chain(*inputs.values()) if p and not storage.is_url(p)}
        with _probe(output) as probe:
            step = CheckWorker({package: find_version(package) for package in _PACKAGES}, local | probe)
            _run_trial(self.runner, self.options, seconds, step)


def _check_shared(flag: str, path: str, shared_folders: Sequence[str], runner: str | None) -> None:
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


def _run_trial(name: str, options: PipelineOptions, seconds: float, step: CheckWorker) -> None:
    runner, options = choose_runner(options, workers=1)
    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
        pipeline | "Try" >> beam.Create([0]) | "Check worker" >> beam.ParDo(step)
        state = run_pipeline(pipeline, seconds=seconds)
    except UserError:
        raise
    except Exception as error:
        raise _refuse(name, f"{type(error).__name__}: {_first_line(error)}") from None
    if not PipelineState.is_terminal(state):
        raise _refuse(name, f"no end of it in {seconds:g} seconds (state {state})")


@contextlib.contextmanager
def _probe(output: str) -> Iterator[dict[str, str]]:
    """Yields the path of a file beside a local output folder, which only who shares the disk sees."""
    if not output or storage.is_url(output):
        yield {}
        return
    folder = os.path.abspath(output)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    path = storage.join(folder, f".try-{uuid.uuid4().hex[:8]}")
    storage.write_atomically(path, b"")
    try:
        yield {path: f"folder {folder}"}
    finally:
        storage.remove(path)


def _first_line(error: Exception) -> str:
    # Beam lists wrong options below a heading.
    lines = (str(error) or "no reason given").splitlines()
    return " ".join(lines[:2]) if lines[0].rstrip().endswith(":") else lines[0]


def _refuse(name: str, received: str) -> UserError:
    return UserError(
        f"runner {name}",
        received=received,
        expected="a runner that runs a job of one step",
        remedy="Check Beam's options after --, that the runner can be reached, and that its workers start: "
        "where --environment_type=EXTERNAL is given, a worker pool has to listen beside each task manager. "
        "--runner_timeout gives a slow runner more time. A trial that hangs may have to be cancelled on the "
        "runner's own page.",
    )


_MOUNT = (
    "Copy it to a bucket and give its URL, or to a folder that all workers and this machine mount under the "
    "same name, and name that folder: --shared_folders=FOLDER."
)
