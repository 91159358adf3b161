"""Lists become transcripts: plan the rows, make the shards with a model, collect reports, describe it all."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine.beam_runner import parse_options, try_runner
from densenet_ocr.beam_jobs.engine.job import Job, sweep_description
from densenet_ocr.beam_jobs.engine.provenance import describe_run
from densenet_ocr.beam_jobs.engine.shard_run import find_made_shard
from densenet_ocr.beam_jobs.engine.split_state import Words
from densenet_ocr.beam_jobs.engine.split_work import SplitWork
from densenet_ocr.beam_jobs.sources.image_source import ImageSource
from densenet_ocr.beam_jobs.sources.list_source import ListInput
from densenet_ocr.beam_jobs.transcription import inference
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.export_folder import (
    ExportFolder,
    describe_export,
    hash_files,
    load_saved_model,
)
from densenet_ocr.beam_jobs.transcription.output import SPLIT, check_output
from densenet_ocr.beam_jobs.transcription.transcription_info import (
    FILE_NAME,
    VERSION,
    TranscriptionInfo,
    load_transcription_info,
)
from densenet_ocr.beam_jobs.transcription.transcripts import LineModel, TranscriptJob
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.errors import UserError

# Rows of the list's beginning of which one image at least has to be there.
_TRIED_ROWS = 100

_WORDS = Words(
    subject="transcription {folder}",
    work="transcription",
    place="--output",
    description=FILE_NAME,
    verb="transcribe",
    suspects="Images, or the software and machine that read them,",
)


def transcribe(
    config: TranscriptionConfig,
    *,
    workers: int = 0,
    beam_arguments: list[str] | None = None,
    load: Callable[[str], LineModel] = load_saved_model,
) -> dict[str, Any]:
    """Reads the images of lists with `workers` local processes (0: one a core), or as Beam is told.

    What an earlier call with the same configuration finished is checked and kept. Workers `load` the model of
    the export's folder. Returns {"read", "transcribed", "refused": {reason: n}, "shards", "seconds"}. Raises
    UserError where the input or the model cannot be used or too many rows are refused; and where not one row
    could be read, though all is written then, unless max_reject_fraction is 1.
    """
    start, options = time.time(), parse_options(beam_arguments or [])
    export = describe_export(config.model)
    given = ListInput(config)
    rows = given.scan()
    check_output(config.output)
    try_runner(options)
    with _made_folder(config.output):
        split = ListTranscription(config, export, given, load).run(rows, workers=workers, options=options)
    seconds = time.time() - start
    _summarise(split, seconds)
    if not split.written and config.max_reject_fraction != 1:
        _refuse_all(config, split)
    return {
        "read": split.read,
        "transcribed": split.written,
        "refused": split.refused,
        "shards": len(split.shards),
        "seconds": round(seconds, 2),
    }


class ListTranscription(SplitWork):
    """Makes the transcripts of lists in a folder, which transcription.json tells of once they are whole."""

    def __init__(
        self,
        config: TranscriptionConfig,
        export: ExportFolder,
        given: ListInput,
        load: Callable[[str], LineModel] = load_saved_model,
    ):
        super().__init__(
            folder=config.output,
            split=SPLIT,
            sources={
                **given.identify(),
                "lines_per_shard": config.lines_per_shard,
                # Sums in a batch of another size may differ in their last bits, and confidences with them.
                "batch_size": config.batch_size,
            },
            overwrite=config.overwrite,
            max_reject_fraction=1.0 if config.max_reject_fraction is None else config.max_reject_fraction,
            words=_WORDS,
        )
        self._config, self._export, self._given, self._load = config, export, given, load
        self._start = time.time()

    def identify(self) -> dict[str, Any]:
        """See SplitWork."""
        return _identity(self._export, self._sources)

    def _load_whole(self) -> tuple[SplitInfo, dict[str, Any]] | None:
        there = load_transcription_info(self.folder)
        return (there.split, _identity(there, there.split.sources)) if there else None

    def _remove_description(self) -> None:
        sweep_description(self.folder, FILE_NAME)
        storage.remove(storage.join(self.folder, FILE_NAME))

    def _make_job(self, digest: str, plan_path: str, rows: int) -> TranscriptJob:
        info = self._export.info
        source = self._given.make_source(
            ImageSource,
            plan_path=plan_path,
            rows=rows,
            lines_per_shard=self._config.lines_per_shard,
            charset=info.charset,
            geometry=info.geometry,
            fit=info.fit,
        )
        return TranscriptJob(
            folder=self.folder,
            split=SPLIT,
            source=source,
            digest=digest,
            model=self._config.model,
            load=self._load,
            batch_size=self._config.batch_size,
        )

    def _prepare(self, job: Job, done: int) -> None:
        # A wrong --image_root would cost a night, and end in rows without a text.
        why = "" if self._config.max_reject_fraction == 1 else job.source.find_image(_TRIED_ROWS)
        if why:
            raise UserError(
                "images",
                received=f"none of those tried ({min(_TRIED_ROWS, job.source.rows)}); the first: {why}",
                expected="images that are there",
                remedy="Check --image_root and --list, or add --max_reject_fraction=1 to go on without them.",
            )
        logging.info("reading %s rows into %d shards", f"{job.source.rows:,}", job.source.shard_count)

    def _make_shards(
        self, job: TranscriptJob, numbers: Sequence[int], *, workers: int, options: PipelineOptions
    ) -> None:
        # A worker's model takes seconds to load, and shards that are there would make some workers idle.
        missing = [number for number in numbers if not find_made_shard(job, number)]
        if missing:
            inference.infer_shards(job, missing, workers=workers, options=options)

    def _publish(self, split: SplitInfo) -> None:
        info = self._export.info
        model = {
            "image_height": info.geometry.height,
            "image_width": info.geometry.width,
            "fit": info.fit,
            "charset_sha256": info.charset.sha256,
        }
        run = describe_run(self._start, "tensorflow")
        TranscriptionInfo(split, self._export.files, model, run).save(self.folder)


@contextlib.contextmanager
def _made_folder(folder: str) -> Iterator[None]:
    """Makes a folder, which goes again where it is empty when the block fails."""
    there = storage.exists(folder)
    storage.make_folder(folder)
    try:
        yield
    except UserError:
        if not there and not storage.list_names(folder):
            storage.remove(folder)
        raise


def _refuse_all(config: TranscriptionConfig, split: SplitInfo) -> NoReturn:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in split.refused.items())
    raise UserError(
        f"transcripts of {config.output}",
        received=f"no text: none of {split.read:,} rows could be read ({reasons})",
        expected=f"rows that can be; {SPLIT}.rejects.tsv tells of each",
        remedy="Check --image_root and --list and give the command again with --overwrite, or add "
        "--max_reject_fraction=1 where it is as it should be.",
    )


def _identity(made_with: ExportFolder | TranscriptionInfo, sources: dict[str, Any]) -> dict[str, Any]:
    return {**sources, "model (by SHA-256)": hash_files(made_with.files), "schema_version": VERSION}


def _summarise(split: SplitInfo, seconds: float) -> None:
    refused = ", ".join(f"{count:,} {reason}" for reason, count in split.refused.items())
    logging.info(
        "%s rows: %s read, %s refused%s; %d shards, %.0f s",
        f"{split.read:,}",
        f"{split.written:,}",
        f"{split.read - split.written:,}",
        f" ({refused}): see {SPLIT}.rejects.tsv" if refused else "",
        len(split.shards),
        seconds,
    )
