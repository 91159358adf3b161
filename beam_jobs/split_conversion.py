"""One split of a conversion, from its plan to its place in dataset.json, begun anew or gone on with."""

import functools
import hashlib
import itertools
import json
import statistics
import time
from typing import Any

import numpy as np
from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs import reports, shards
from beam_jobs.config import Conversion
from beam_jobs.job import RefusedRow, ShardJob, find_made, sweep, sweep_description
from beam_jobs.list_source import ListInput
from beam_jobs.lmdb_source import LmdbInput
from beam_jobs.plan import save_plan
from beam_jobs.provenance import describe_run
from beam_jobs.split_state import SplitState, hold_split
from pipeline import records, schema, storage
from pipeline.dataset_info import FILE_NAME, DatasetInfo, SplitInfo, load_dataset_info
from pipeline.errors import UserError
from pipeline.progress import Progress


class SplitConversion:
    """Makes one split of an input; `info` is the data set as this conversion would begin it, without splits."""

    def __init__(self, config: Conversion, split: str, info: DatasetInfo, given: ListInput | LmdbInput):
        self.config, self.split = config, split
        self._info, self._given = info, given
        self._start = time.time()

    def check(self) -> None:
        """Makes the output folder; raises UserError where the split cannot go there."""
        storage.make_folder(self.config.output)
        self._join()

    def run(self, plan: np.ndarray, *, workers: int, options: PipelineOptions) -> SplitInfo:
        """Makes the split, or what is missing of it, by the rows of `plan`."""
        with hold_split(self.config.output, self.split) as state:
            whole = self._find_whole()
            goes_on = not whole and self._goes_on(state)
            job = self._make_job(state, plan)
            del plan  # in the job's file now; 16 bytes a row
            if whole:
                self._repair(job, whole, workers=workers, options=options)
                self._check_refusals(job, whole, state)
                state.remove()
                return whole
            self._check_space(job, reports.count_reports(job) if goes_on else 0)
            if not goes_on:
                # All that can be checked is: from here on the split of an earlier conversion gives way.
                self._retire()
                state.begin(self._identity(self._info, self._sources), overwrite=self.config.overwrite)
            shards.write_shards(job, range(job.source.shard_count), workers=workers, options=options)
            split = reports.collect(job, sources=self._sources)
            self._check_refusals(job, split, state)
            self._publish(split)
            state.remove()
            return split

    @functools.cached_property
    def _sources(self) -> dict[str, Any]:
        config = self.config
        return {
            **self._given.identify(),
            "lines_per_shard": config.lines_per_shard,
            "seed": config.seed,
            "duplicates": config.duplicates,
            "validation_fraction": config.validation_fraction,
        }

    def _identity(self, info: DatasetInfo, sources: dict[str, Any]) -> dict[str, Any]:
        """All that the split's bytes depend on, by the names of flags where there are such."""
        return {
            **sources,
            "charset (by SHA-256)": info.charset.sha256,
            "image_height": info.geometry.height,
            "image_width": info.geometry.width,
            "image_encoding": info.image_encoding,
            "fit": info.fit,
            "schema_version": schema.VERSION,
        }

    def _find_whole(self) -> SplitInfo | None:
        """The split, if it is whole and shall stay; raises UserError where it was made of something else."""
        if self.config.overwrite or not storage.exists(storage.join(self.config.output, FILE_NAME)):
            return None
        there = load_dataset_info(self.config.output)
        if self.split not in there.splits:
            return None
        whole = there.splits[self.split]
        self._check_same(self._identity(there, whole.sources), "it is there, whole and made with")
        return whole

    def _goes_on(self, state: SplitState) -> bool:
        """Whether what an earlier run left is kept; raises UserError where that is of something else."""
        identity, begun = self._identity(self._info, self._sources), state.load_identity()
        if begun and not self.config.overwrite:
            self._check_same(begun, "it was begun with")
        # --overwrite begins anew, but for a run of its own that was lost: the same command goes on.
        lost = state.overwrites and not state.judged
        return begun == identity and (lost or not self.config.overwrite)

    def _retire(self) -> None:
        """Removes what an earlier conversion left of the split, finished or not."""
        if not self.config.overwrite:
            self._check_nothing_there()
        with storage.locked(self.config.output, wait=True):
            sweep_description(self.config.output)
            if storage.exists(storage.join(self.config.output, FILE_NAME)):
                # First the description, then the shards: no reader may find a split that is half gone.
                self._join().save(self.config.output)
        sweep(self.config.output, self.split)

    def _check_nothing_there(self) -> None:
        """Raises UserError for files of this split's names that no description or state vouches for."""
        made = find_made(self.config.output, self.split)
        if made:
            raise UserError(
                f"output {self.config.output}",
                received=f"{len(made)} files of split {self.split!r} that its {FILE_NAME} does not tell of, "
                f"such as {made[0]}",
                expected="none, for they would be replaced",
                remedy="Move them away, or add --overwrite to replace them.",
            )

    def _check_same(self, there: dict[str, Any], how: str) -> None:
        given = self._identity(self._info, self._sources)
        changed = [name for name in {**there, **given} if there.get(name) != given.get(name)]
        if changed:
            raise UserError(
                f"split {self.split!r} of {self.config.output}",
                received=", ".join(f"{name} {given.get(name)}" for name in changed),
                expected=", ".join(f"{name} {there.get(name)}" for name in changed) + f", as {how}",
                remedy="Give the same to go on with it, or add --overwrite to begin anew, "
                "or choose another --split or --output.",
            )

    def _join(self) -> DatasetInfo:
        """The data set in the folder without this split; raises UserError where other splits differ from it."""
        output = self.config.output
        if not storage.exists(storage.join(output, FILE_NAME)):
            return self._info
        there = load_dataset_info(output).without_split(self.split)
        for name, old, new in (
            ("charset (by SHA-256)", there.charset.sha256, self._info.charset.sha256),
            ("image size", there.geometry, self._info.geometry),
            ("image encoding", there.image_encoding, self._info.image_encoding),
            ("fit", there.fit, self._info.fit),
        ):
            if there.splits and old != new:
                raise UserError(
                    f"data set {output}: {name}",
                    received=new,
                    expected=f"{old}, as split {', '.join(there.splits)} has it",
                    remedy="All splits of a data set share it: convert with the same, or to another --output.",
                )
        return there if there.splits else self._info

    def _make_job(self, state: SplitState, plan: np.ndarray) -> ShardJob:
        plan_sha256 = save_plan(state.plan_path, plan)
        named = json.dumps([self._identity(self._info, self._sources), plan_sha256])
        source = self._given.make_source(
            plan_path=state.plan_path,
            rows=len(plan),
            lines_per_shard=self.config.lines_per_shard,
            charset=self._info.charset,
            geometry=self._info.geometry,
            fit=self._info.fit,
        )
        return ShardJob(
            folder=self.config.output,
            split=self.split,
            image_encoding=self._info.image_encoding,
            source=source,
            digest=hashlib.sha256(named.encode()).hexdigest(),
        )

    def _check_space(self, job: ShardJob, done: int) -> None:
        """Raises UserError where what is missing cannot fit; says how many shards an earlier run has `done`."""
        count = job.source.shard_count
        if done:
            logging.info("going on with split %s: %d of %d shards are there", self.split, done, count)
        rows = job.source.rows * (count - done) // count
        needed = round(rows * _record_bytes(job, self._info))
        free = storage.free_bytes(job.folder)
        needed_size, free_size = storage.describe_size(needed), storage.describe_size(free)
        logging.info("%s rows need about %s on disk; %s are free", f"{rows:,}", needed_size, free_size)
        if needed > free:
            raise UserError(
                f"output {job.folder}",
                received=f"{free_size} of free space",
                expected=f"about {needed_size} for {rows:,} rows as {job.image_encoding}",
                remedy="Free space or choose another --output; --image_encoding=uint8 takes a quarter of it.",
            )

    def _check_refusals(self, job: ShardJob, split: SplitInfo, state: SplitState) -> None:
        refused, most = split.read - split.written, self.config.max_reject_fraction
        if refused <= most * split.read:
            return
        state.judge()
        reasons = ", ".join(f"{count} {reason}" for reason, count in split.refused.items())
        raise UserError(
            f"rows of {job.rejects_path}",
            received=f"{refused} of {split.read} refused ({refused / split.read:.2%}: {reasons})",
            expected=f"at most {most:.2%}",
            remedy="Mend the rows listed there and give the command with --overwrite, or raise "
            "--max_reject_fraction to go on without them.",
        )

    def _publish(self, split: SplitInfo) -> None:
        """Puts the split into dataset.json, beside those that are there by now."""
        with storage.locked(self.config.output, wait=True):
            self._join().with_split(self.split, split, describe_run(self._start)).save(self.config.output)

    def _repair(self, job: ShardJob, whole: SplitInfo, *, workers: int, options: PipelineOptions) -> None:
        """Checks the shards of a whole split, and writes those again that are damaged or gone."""
        self._check_rejects(job, whole)
        progress, damaged = Progress(f"check {self.split}", len(whole.shards), "shards"), []
        for number, shard in enumerate(whole.shards):
            damaged += [] if reports.is_intact(job.folder, shard) else [number]
            progress.show(number + 1)
        if not damaged:
            logging.info("split %s is there already, and whole: nothing to do", self.split)
            return
        logging.warning("split %s: writing %d shards again, damaged or gone", self.split, len(damaged))
        shards.write_shards(job, damaged, workers=workers, options=options)
        for number in damaged:
            if reports.load_report(job, number).shard != whole.shards[number]:
                raise UserError(
                    f"shard {job.shard_path(number)}",
                    received="other bytes than before, written from the same rows",
                    expected="the bytes that dataset.json has the checksum of",
                    remedy="Images have changed since: convert again with --overwrite.",
                )

    def _check_rejects(self, job: ShardJob, whole: SplitInfo) -> None:
        """Raises UserError where the rejects file is not the one described; no shard can tell what it said."""
        path = job.rejects_path
        there = storage.exists(path)
        if whole.rejects_crc32c and not (there and records.hash_file(path) == whole.rejects_crc32c):
            raise UserError(
                f"rejects {path}",
                received="other bytes than were written" if there else "no such file",
                expected=f"the file that {FILE_NAME} has the checksum of",
                remedy="Restore it from a copy, or convert again with --overwrite; no shard is concerned.",
            )


def _record_bytes(job: ShardJob, info: DatasetInfo) -> float:
    """Bytes of a record: all of one size, or the mean of some, for the plan's order is a random one."""
    widths = [info.geometry.width]
    if not info.geometry.width:
        some = itertools.islice(job.source.read(0), 100)
        widths = [line.levels.shape[1] for line in some if not isinstance(line, RefusedRow)] or [0]
    pixels = info.geometry.height * statistics.fmean(widths)
    return pixels * schema.PIXEL_BYTES[info.image_encoding] + schema.OVERHEAD_BYTES
