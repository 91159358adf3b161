"""One split of a data set, whatever it is made of: from its plan to its place in dataset.json."""

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine import shards
from densenet_ocr.beam_jobs.engine.job import Job, RefusedRow, ShardJob, Source, sweep_description
from densenet_ocr.beam_jobs.engine.provenance import describe_run
from densenet_ocr.beam_jobs.engine.split_state import CONVERSION, Words
from densenet_ocr.beam_jobs.engine.split_work import SplitWork
from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME, IMAGES_NAME, DatasetInfo, SplitInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError

# What tells of a folder of records, and of one of images.
DESCRIPTIONS = (FILE_NAME, IMAGES_NAME)

# Within a split's sources, what was found when it was planned: it follows from the others, and is only told.
FOUND = "found"


class DatasetSplit(SplitWork):
    """Makes one split of a data set of records.

    `info` is the data set as this split would begin it, without splits; `sources` all that the records depend
    on beside it, and what was FOUND; `make_source` gives the source of a plan by its plan_path and its rows.
    """

    def __init__(
        self,
        *,
        folder: str,
        split: str,
        info: DatasetInfo,
        sources: dict[str, Any],
        make_source: Callable[..., Source],
        overwrite: bool,
        max_reject_fraction: float,
        words: Words = CONVERSION,
    ):
        super().__init__(
            folder=folder,
            split=split,
            sources=sources,
            overwrite=overwrite,
            max_reject_fraction=max_reject_fraction,
            words=words,
        )
        self._info, self._make_source = info, make_source
        self._start = time.time()

    def check(self) -> None:
        """Makes the output folder; raises UserError where the split cannot go there."""
        storage.make_folder(self.folder)
        for name in DESCRIPTIONS:
            # Shards of both kinds, and what they refuse, would go by the same names.
            if name != self._words.description and storage.exists(storage.join(self.folder, name)):
                raise UserError(
                    f"output {self.folder}",
                    received=f"a folder with {name}",
                    expected=f"one without, for {self._words.description} to tell of it",
                    remedy="Records and images go to folders of their own: name another --output.",
                )
        self._join()

    def identify(self) -> dict[str, Any]:
        """See SplitWork."""
        return _identity(self._info, self._sources)

    def _load_whole(self) -> tuple[SplitInfo, dict[str, Any]] | None:
        if not self._has_description():
            return None
        there = load_dataset_info(self.folder, self._words.description)
        whole = there.splits.get(self.split)
        return (whole, _identity(there, whole.sources)) if whole else None

    def _has_description(self) -> bool:
        return storage.exists(storage.join(self.folder, self._words.description))

    def _remove_description(self) -> None:
        with storage.locked(self.folder, wait=True):
            sweep_description(self.folder, self._words.description)
            if self._has_description():
                self._join().save(self.folder, self._words.description)

    def _publish(self, split: SplitInfo) -> None:
        """Puts the split into the description, beside those that are there by now."""
        with storage.locked(self.folder, wait=True):
            joined = self._join().with_split(self.split, split, describe_run(self._start))
            joined.save(self.folder, self._words.description)

    def _join(self) -> DatasetInfo:
        """The data set in the folder without this split; raises UserError where other splits differ from it."""
        if not self._has_description():
            return self._info
        there = load_dataset_info(self.folder, self._words.description).without_split(self.split)
        for name, old, new in (
            ("charset (by SHA-256)", there.charset.sha256, self._info.charset.sha256),
            ("image size", there.geometry, self._info.geometry),
            ("image encoding", there.image_encoding, self._info.image_encoding),
            ("fit", there.fit, self._info.fit),
        ):
            if there.splits and old != new:
                raise UserError(
                    f"data set {self.folder}: {name}",
                    received=new,
                    expected=f"{old}, as split {', '.join(there.splits)} has it",
                    remedy=f"All splits of a data set share it: {self._words.verb} with the same, "
                    "or to another --output.",
                )
        return there if there.splits else self._info

    def _make_job(self, digest: str, plan_path: str, rows: int) -> ShardJob:
        return ShardJob(
            folder=self.folder,
            split=self.split,
            image_encoding=self._info.image_encoding,
            source=self._make_source(plan_path=plan_path, rows=rows),
            digest=digest,
        )

    def _make_shards(self, job: Job, numbers: Sequence[int], *, workers: int, options: PipelineOptions) -> None:
        shards.write_shards(job, numbers, workers=workers, options=options, verb=self._words.verb)

    def _prepare(self, job: Job, done: int) -> None:
        """Raises UserError where what is missing cannot fit."""
        count = job.source.shard_count
        rows = job.source.rows * (count - done) // count
        needed = round(rows * self._row_bytes(job))
        free = storage.free_bytes(job.folder)
        needed_size, free_size = storage.describe_size(needed), storage.describe_size(free)
        logging.info("%s rows need about %s on disk; %s are free", f"{rows:,}", needed_size, free_size)
        if needed > free:
            raise UserError(
                f"output {job.folder}",
                received=f"{free_size} of free space",
                expected=f"about {needed_size} for {rows:,} rows as {self._stored_as}",
                remedy="Free space or choose another --output"
                + ("; --image_encoding=uint8 takes a quarter of it." if self._stored_as == "float32" else "."),
            )

    @property
    def _stored_as(self) -> str:
        return self._info.image_encoding

    def _row_bytes(self, job: Job) -> float:
        """Bytes of a record: all of one size, or the mean of some, for the plan's order is a random one."""
        widths = [self._info.geometry.width]
        if not self._info.geometry.width:
            some = itertools.islice(job.source.read(0), 100)
            widths = [line.levels.shape[1] for line in some if not isinstance(line, RefusedRow)] or [0]
        pixels = self._info.geometry.height * statistics.fmean(widths)
        return pixels * schema.PIXEL_BYTES[self._info.image_encoding] + schema.OVERHEAD_BYTES


def _identity(info: DatasetInfo, sources: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in sources.items() if name != FOUND},
        "charset (by SHA-256)": info.charset.sha256,
        "image_height": info.geometry.height,
        "image_width": info.geometry.width,
        "image_encoding": info.image_encoding,
        "fit": info.fit,
        "schema_version": schema.VERSION,
    }
