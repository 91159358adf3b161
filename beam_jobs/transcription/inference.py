"""Beam's RunInference over shard numbers.

Local runners keep all that crosses from step to step in memory, and a model wants batches. So the inferred
element is a whole shard: the handler reads its images, reads them in batches with the model, and writes its
file.

Beam's own OnnxModelHandlerNumpy takes single lines and stacks them into batches of one width. Their texts would
have to be grouped again into the list's order and into shards that resume, and it neither checks an export nor
shares the cores among processes. One handler for all formats is less code.
"""

import dataclasses
import functools
import os
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.ml.inference.base import ModelHandler, RunInference

from densenet_ocr.beam_jobs.engine.shard_job import ShardJob
from densenet_ocr.beam_jobs.engine.shard_pipeline import write_counted
from densenet_ocr.beam_jobs.transcription.transcript_writer import LineModel, LineText, TranscriptWriter
from densenet_ocr.pipeline.decoding.best_path import spell
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder, open_decoder
from densenet_ocr.pipeline.inference_model import InferenceModel

# Fewer messages at start, and no process takes a GPU's whole memory.
_TENSORFLOW = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}

# Loads a model for a number of threads, 0 for one per core.
LoadModel = Callable[[int], LineModel]


class TranscriptionHandler(ModelHandler[int, tuple[int, int, int], LineModel]):
    """Shard number -> (shard number, lines read, rows refused); a worker loads the model once."""

    def __init__(self, job: ShardJob, load_model: Callable[[], LineModel], environment: dict[str, str]) -> None:
        """Takes a job whose writer is a TranscriptWriter.

        Args:
          job: The job.
          load_model: Loads the model.
          environment: Variables to set in the worker before the model is loaded.
        """
        super().__init__(min_batch_size=1, max_batch_size=1, env_vars=environment)
        self._job, self._load_model = job, load_model

    def load_model(self) -> LineModel:
        """Loads the model."""
        return _HeldModel(self._load_model())

    def run_inference(
        self, batch: Sequence[int], model: LineModel, inference_args: dict[str, Any] | None = None
    ) -> list[tuple[int, int, int]]:
        """Writes shards; the batches and latencies that RunInference counts are those of shards."""
        assert isinstance(self._job.writer, TranscriptWriter)
        writer = dataclasses.replace(self._job.writer, model=model)
        return [write_counted(self._job, shard, "transcribed", writer) for shard in batch]


class _HeldModel:
    """A model that is released when the process ends, if not before.

    Beam keeps it in a global, where a TensorFlow model would outlive modules that its destructor needs.
    """

    def __init__(self, model: LineModel) -> None:
        self._held, self.takes_padding = [model], model.takes_padding
        weakref.finalize(self, self._held.clear)

    def read(self, levels: np.ndarray, widths: np.ndarray) -> list[LineText]:
        """See LineModel."""
        return self._held[0].read(levels, widths)


def make_inference_step(job: ShardJob, processes: int, *, load_model: LoadModel) -> beam.PTransform:
    """Returns the step that reads shards with a model; see engine.shard_pipeline.MakeStep."""
    threads = count_threads(processes)
    load = functools.partial(load_model, threads)
    return RunInference(TranscriptionHandler(job, load, make_environment(threads)))


def count_threads(processes: int) -> int:
    """Returns the threads of each of `processes` processes that share the cores; 0, one per core, for one.

    A runner that spreads processes itself counts as one: how many share a machine is not known here.
    """
    return max(1, (os.cpu_count() or 1) // processes) if processes > 1 else 0


def make_environment(threads: int) -> dict[str, str]:
    """Returns TensorFlow's environment variables; for 0 threads it chooses their number itself."""
    wanted = dict(_TENSORFLOW)
    if threads:
        wanted |= {"TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": str(threads)}
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


class LineReader:
    """An export as a transcript writer's LineModel: it gives the texts that ocr-predict prints."""

    def __init__(self, engine: InferenceModel, decoder: Decoder | None = None) -> None:
        """Takes a loaded export, and the decoder of its logits; by default it decodes greedily by itself."""
        self._engine, self._decoder, self.takes_padding = engine, decoder, engine.takes_padding

    def read(self, levels: np.ndarray, widths: np.ndarray) -> list[LineText]:
        """See LineModel."""
        info = self._engine.info
        if self._decoder is None:
            spelled = spell(self._engine.find_best_path(levels, widths), info.charset)
            return list(map(LineText, *spelled))
        frames = info.geometry.count_frames(widths)
        lines = self._decoder.decode(self._engine.compute_logits(levels, widths), frames)
        return [LineText(info.charset.decode(line.ids), line.confidence, line.reason) for line in lines]


def load_line_reader(
    folder: str,
    threads: int,
    decoding: DecodingConfig = DecodingConfig(),  # noqa: B008 - frozen
) -> LineReader:
    """Loads an export, and what decodes its logits.

    Args:
      folder: The export.
      threads: See pipeline.exports.engines.load_export.
      decoding: How its logits are decoded.

    Raises:
      UserError: see load_export and open_decoder.
    """
    # Imported here, as only workers need it and a format's engine.
    from densenet_ocr.pipeline.exports.engines import load_export

    engine = load_export(folder, threads=threads)
    return LineReader(engine, open_decoder(decoding, engine.info.charset, folder))
