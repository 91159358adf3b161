"""Tries a runner before a job touches any file: one step on one worker, within a time limit."""

import contextlib
import itertools
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineState

from densenet_ocr.beam_jobs.engine.runner.beam_runner import choose_runner, run_pipeline
from densenet_ocr.beam_jobs.engine.runner.worker_errors import raise_worker_error
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
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


def try_runner(
    options: PipelineOptions, *, seconds: float, inputs: Mapping[str, Iterable[str]], output: str
) -> None:
    """Runs a pipeline of one step on the runner that Beam's options name, if they name one.

    A cluster out of reach, a missing option, a worker without the package or without the mounted folder is
    found only by running; better before a data set is touched.

    Args:
      options: Beam's options.
      seconds: How long the runner may take.
      inputs: Paths that workers read, by the flag that gave them; an empty path is none.
      output: Folder that workers write; it need not exist.

    Raises:
      UserError: the pipeline fails, or does not end in time.
    """
    name = options.view_as(StandardOptions).runner
    if not name:
        return
    logging.info("trying runner %s: one step, within %g seconds", name, seconds)
    local = {p: f"path {p}" for p in itertools.chain(*inputs.values()) if p and not storage.is_url(p)}
    with _probe(output) as probe:
        step = CheckWorker({package: find_version(package) for package in _PACKAGES}, local | probe)
        _run_trial(name, options, seconds, step)


def _run_trial(name: str, options: PipelineOptions, seconds: float, step: CheckWorker) -> None:
    runner, options = choose_runner(options, workers=1)
    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
        pipeline | "Try" >> beam.Create([0]) | "Check worker" >> beam.ParDo(step)
        state = run_pipeline(pipeline, seconds=seconds)
    except Exception as error:
        raise_worker_error(error)
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
