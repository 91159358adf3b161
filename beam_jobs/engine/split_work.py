"""The way of a split, whatever its shards hold: begun anew or gone on with, made, told of once it is whole."""

import abc
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine import reports
from densenet_ocr.beam_jobs.engine.job import Job, find_made, sweep
from densenet_ocr.beam_jobs.engine.plan import save_plan
from densenet_ocr.beam_jobs.engine.split_state import SplitState, Words, hold_split
from densenet_ocr.pipeline import records, storage
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.progress import Progress


class SplitWork(abc.ABC):
    """Makes one split in a folder by the rows of a plan, or what an earlier run left to do.

    `sources` is what its description says that it was made of. Subclasses know how a shard is made, and the
    file that tells of the split.
    """

    def __init__(
        self,
        *,
        folder: str,
        split: str,
        sources: dict[str, Any],
        overwrite: bool,
        max_reject_fraction: float,
        words: Words,
    ):
        self.folder, self.split, self._sources = folder, split, sources
        self._overwrite, self._max_reject_fraction, self._words = overwrite, max_reject_fraction, words

    def run(self, plan: np.ndarray, *, workers: int, options: PipelineOptions) -> SplitInfo:
        """Makes the split, or what is missing of it, by the rows of `plan`."""
        with hold_split(self.folder, self.split, words=self._words) as state:
            whole = self._find_whole()
            goes_on = not whole and self._goes_on(state)
            job = self._save_job(state, plan)
            del plan  # in the job's file now; 16 bytes a row
            if whole:
                self._repair(job, whole, workers=workers, options=options)
                self._check_refusals(job, whole, state)
                state.remove()
                return whole
            self._prepare(job, self._count_done(job) if goes_on else 0)
            if not goes_on:
                # All that can be checked is: from here on the split of an earlier run gives way.
                self._retire()
                state.begin(self.identify(), overwrite=self._overwrite)
            self._make_shards(job, range(job.source.shard_count), workers=workers, options=options)
            split = reports.collect(job, sources=self._sources)
            self._check_refusals(job, split, state)
            self._publish(split)
            state.remove()
            return split

    @abc.abstractmethod
    def identify(self) -> dict[str, Any]:
        """All that the split's bytes depend on, by the names of flags where there are such."""

    @abc.abstractmethod
    def _load_whole(self) -> tuple[SplitInfo, dict[str, Any]] | None:
        """The split that the folder's description tells of, and its identity; None where it tells of none."""

    @abc.abstractmethod
    def _make_job(self, digest: str, plan_path: str, rows: int) -> Job:
        """The job of a plan that was saved."""

    @abc.abstractmethod
    def _prepare(self, job: Job, done: int) -> None:
        """Checks what can be before anything is replaced; an earlier run has `done` some shards."""

    @abc.abstractmethod
    def _remove_description(self) -> None:
        """Takes the split out of the folder's description, if it stands there."""

    @abc.abstractmethod
    def _make_shards(self, job: Job, numbers: Sequence[int], *, workers: int, options: PipelineOptions) -> None:
        """Makes these shards, and leaves their reports."""

    @abc.abstractmethod
    def _publish(self, split: SplitInfo) -> None:
        """Puts the split, which is whole, into the folder's description."""

    def _find_whole(self) -> SplitInfo | None:
        """The split, if it is whole and shall stay; raises UserError where it was made of something else."""
        if self._overwrite or not (there := self._load_whole()):
            return None
        whole, identity = there
        self._check_same(identity, "made", "keep it as it is")
        return whole

    def _goes_on(self, state: SplitState) -> bool:
        """Whether what an earlier run left is kept; raises UserError where that is of something else."""
        identity, begun = self.identify(), state.load_identity()
        if begun and not self._overwrite:
            self._check_same(begun, "begun", "go on with it")
        # --overwrite begins anew, but for a run of its own that was lost: the same command goes on.
        lost = state.overwrites and not state.judged
        return begun == identity and (lost or not self._overwrite)

    def _save_job(self, state: SplitState, plan: np.ndarray) -> Job:
        plan_sha256 = save_plan(state.plan_path, plan)
        named = json.dumps([self.identify(), plan_sha256])
        return self._make_job(hashlib.sha256(named.encode()).hexdigest(), state.plan_path, len(plan))

    def _count_done(self, job: Job) -> int:
        """Shards that an earlier run has finished; says so."""
        done = len(reports.find_reports(job))
        if done:
            count = job.source.shard_count
            logging.info("going on with split %s: %d of %d shards are there", self.split, done, count)
        return done

    def _retire(self) -> None:
        """Removes what an earlier run left of the split, finished or not."""
        if not self._overwrite:
            self._check_nothing_there()
        # First the description, then the shards: no reader may find a split that is half gone.
        self._remove_description()
        sweep(self.folder, self.split)

    def _check_nothing_there(self) -> None:
        """Raises UserError for files of this split's names that no description or state vouches for."""
        made = self._find_made()
        if made:
            raise UserError(
                f"output {self.folder}",
                received=f"{len(made)} files of split {self.split!r} that its {self._words.description} "
                f"does not tell of, such as {made[0]}",
                expected="none, for they would be replaced",
                remedy="Move them away, or add --overwrite to replace them.",
            )

    def _find_made(self) -> list[str]:
        """Names, in the folder, of files that a run of this split would replace."""
        return find_made(self.folder, self.split)

    def _check_same(self, there: dict[str, Any], how: str, purpose: str) -> None:
        there, given = _flatten(there), _flatten(self.identify())
        changed = [name for name in {**there, **given} if there.get(name) != given.get(name)]
        if changed:
            raise UserError(
                self._words.subject.format(split=self.split, folder=self.folder),
                received=", ".join(f"{name} {given.get(name)}" for name in changed),
                expected=", ".join(f"{name} {there.get(name)}" for name in changed)
                + f", with which it was {how}",
                remedy=f"Give the same to {purpose}, or add --overwrite to begin anew, "
                f"or choose another {self._words.place}.",
            )

    def _check_refusals(self, job: Job, split: SplitInfo, state: SplitState) -> None:
        refused, most = split.read - split.written, self._max_reject_fraction
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

    def _repair(self, job: Job, whole: SplitInfo, *, workers: int, options: PipelineOptions) -> None:
        """Checks the shards of a whole split, and makes those again that are damaged or gone."""
        self._check_rejects(job, whole)
        progress, damaged = Progress(f"check {self.split}", len(whole.shards), "shards"), []
        for number, shard in enumerate(whole.shards):
            damaged += [] if job.is_intact(shard) else [number]
            progress.show(number + 1)
        if not damaged:
            logging.info("split %s is there already, and whole: nothing to do", self.split)
            return
        logging.warning("split %s: writing %d shards again, damaged or gone", self.split, len(damaged))
        self._make_shards(job, damaged, workers=workers, options=options)
        for number in damaged:
            if reports.load_report(job, number).shard != whole.shards[number]:
                raise UserError(
                    f"shard {job.shard_path(number)}",
                    received="other bytes than before, written from the same rows",
                    expected=f"the bytes that {self._words.description} has the checksum of",
                    remedy=f"{self._words.suspects} have changed since: "
                    f"{self._words.verb} again with --overwrite.",
                )

    def _check_rejects(self, job: Job, whole: SplitInfo) -> None:
        """Raises UserError where the rejects file is not the one described; no shard can tell what it said."""
        path = job.rejects_path
        there = storage.exists(path)
        if whole.rejects_crc32c and not (there and records.hash_file(path) == whole.rejects_crc32c):
            raise UserError(
                f"rejects {path}",
                received="other bytes than were written" if there else "no such file",
                expected=f"the file that {self._words.description} has the checksum of",
                remedy=f"Restore it from a copy, or {self._words.verb} again with --overwrite; "
                "no shard is concerned.",
            )


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """The values within objects, and lists of objects, by names such as fonts.0.weight: few of them differ."""
    parts = dict(enumerate(value)) if isinstance(value, list) and dict in map(type, value) else value
    if not isinstance(parts, dict):
        return {name: value}
    start = f"{name}." if name else ""
    return {key: part for k, inner in parts.items() for key, part in _flatten(inner, f"{start}{k}").items()}
