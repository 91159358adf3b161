"""Beam's RunInference over shard numbers: what it loads, and what it does with a number.

Local runners keep all that crosses a border of steps in memory, and a model wants batches: so the element that
is inferred is a whole shard, whose images the handler reads, in batches, and whose file it writes.
"""

import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from densenet_ocr.beam_jobs.engine.beam_runner import count_workers
from densenet_ocr.beam_jobs.engine.shard_run import count_lines, run_shards
from densenet_ocr.beam_jobs.transcription.transcripts import LineModel, TranscriptJob, write_transcripts

# Quiet at its start, and no process takes a GPU's whole memory.
_TENSORFLOW = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


class TranscribingHandler(ModelHandler[int, tuple[int, int, int], LineModel]):
    """Shard number -> (shard number, lines read, rows refused); a worker loads the model once."""

    def __init__(self, job: TranscriptJob, environment: dict[str, str]):
        """`environment` is set in the worker before the model is loaded."""
        super().__init__(min_batch_size=1, max_batch_size=1, env_vars=environment)
        self._job = job

    def load_model(self) -> LineModel:
        """The model, by the job's way to load it."""
        return _HeldModel(self._job.load(self._job.model))

    def run_inference(
        self, batch: Sequence[int], model: LineModel, inference_args: dict[str, Any] | None = None
    ) -> list[tuple[int, int, int]]:
        """Writes shards; RunInference's batches and latencies are theirs."""
        return [self._transcribe(number, model) for number in batch]

    def _transcribe(self, number: int, model: LineModel) -> tuple[int, int, int]:
        report = write_transcripts(self._job, number, model)
        count_lines(report, "transcribed")
        return number, report.shard.records, len(report.refused)


class _HeldModel:
    """A model that is let go when the process ends, if not before.

    Beam keeps it in a global, where a model of TensorFlow's would outlive modules that its end needs.
    """

    def __init__(self, model: LineModel):
        self._held = [model]
        weakref.finalize(self, self._held.clear)

    def read(self, levels: np.ndarray, widths: np.ndarray) -> tuple[list[str], list[float]]:
        """See LineModel."""
        return self._held[0].read(levels, widths)


def infer_shards(job: TranscriptJob, numbers: Sequence[int], *, workers: int, options: PipelineOptions) -> None:
    """Makes these shards of the job, with `workers` local processes (0: one a core) or as Beam is told."""
    here = not options.view_as(StandardOptions).runner
    processes = count_workers(workers, len(numbers)) if here else 1
    step = RunInference(TranscribingHandler(job, make_environment(processes)))
    run_shards(job, numbers, step, verb="transcribe", workers=workers, options=options)


def make_environment(processes: int) -> dict[str, str]:
    """What TensorFlow reads when it starts in one of so many processes of this machine, which share its cores.

    Where there is but one, or a runner spreads them itself, TensorFlow takes the threads that it would.
    """
    wanted = dict(_TENSORFLOW)
    if processes > 1:
        threads = str(max(1, (os.cpu_count() or 1) // processes))
        wanted |= {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}
    return {name: os.environ.get(name, value) for name, value in wanted.items()}
