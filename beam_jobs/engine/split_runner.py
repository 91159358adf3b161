"""Runs one split of any job: starts or resumes it, writes its shards, publishes it.

A job is a Source (lines by shard), a ShardWriter (the format of a shard) and a Manifest (where whole splits are
published). SplitRunner puts them together and knows all the rest: lock, resume, repair, and the accounts of
rows.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.engine.manifest import Manifest
from densenet_ocr.beam_jobs.engine.reports import (
    find_reports,
    load_report,
    merge_reports,
    show_first_refusal,
)
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.beam_jobs.engine.shard_job import ShardJob, ShardWriter, check_free_space
from densenet_ocr.beam_jobs.engine.shard_pipeline import (
    MakeStep,
    check_shards,
    find_written_shard,
    make_write_step,
    run_shards,
)
from densenet_ocr.beam_jobs.engine.source import ShardPlan, Source, save_plan
from densenet_ocr.beam_jobs.engine.split_state import SplitState, hold_split, remove_outputs
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.tfrecord import records
from densenet_ocr.pipeline.ui.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitRunner:
    """Writes one split into a folder, or what an interrupted run has left to write.

    Attributes:
      manifest: Where the split is published.
      writer: Writes the shards.
      make_source: Makes the source of a plan that was saved.
      lines_per_shard: Rows of the plan in one shard.
      overwrite: Whether an existing split is replaced.
      max_reject_fraction: Largest share of refused rows; the split is not published above it.
      preflight: Called with the job and the number of finished shards before anything is replaced; raises
        UserError. make_step: Makes the Beam step that shard numbers go through. skip_written: Whether shards
        that exist are left out before workers start, for workers that start slowly.
    """

    manifest: Manifest
    writer: ShardWriter
    make_source: Callable[[ShardPlan], Source]
    lines_per_shard: int
    overwrite: bool
    max_reject_fraction: float
    preflight: Callable[[Any], None] | None = None
    make_step: MakeStep = make_write_step
    skip_written: bool = False

    def run(self, plan: np.ndarray, execution: Execution) -> SplitInfo:
        """Writes the split, or what is missing of it, and publishes it.

        Args:
          plan: One element per row, in the order in which rows go into shards, [rows].
          execution: Where the shards are written.

        Returns:
          The description of the split.

        Raises:
          UserError: an existing split differs, too many rows are refused, or the source's input cannot be used.
        """
        manifest = self.manifest
        with hold_split(manifest.folder, manifest.split, manifest.terms) as state:
            published = self._find_published()
            resumes = not published and self._can_resume(state)
            job = self._save_job(state, plan)
            del plan  # it is in a file now
            if published:
                self._repair(job, published, execution)
                split = published
            else:
                self._start(job, state, resumes)
                self._run_shards(job, range(job.plan.shard_count), execution)
                split = merge_reports(job, sources=manifest.sources)
            self._check_refused(job, split, state)
            if not published:
                manifest.publish(split)
            state.remove()
            return split

    def _find_published(self) -> SplitInfo | None:
        """Returns a published split that stays; raises UserError where it was made of something else."""
        published = None if self.overwrite else self.manifest.load()
        if not published:
            return None
        self._check_identity(published.identity, "made", "keep it")
        return published.split

    def _can_resume(self, state: SplitState) -> bool:
        """Returns whether an interrupted run is resumed; raises UserError where it had other settings."""
        started = state.load()
        if not started:
            return False
        if not self.overwrite:
            self._check_identity(started.identity, "started", "resume it")
        # --overwrite replaces what exists, except for an interrupted run that had --overwrite itself.
        interrupted = started.overwrite and not state.is_rejected
        return started.identity == self.manifest.identity and (interrupted or not self.overwrite)

    def _save_job(self, state: SplitState, plan: np.ndarray) -> ShardJob:
        named = json.dumps([self.manifest.identity, hashlib.sha256(plan.data).hexdigest()])
        shard_plan = save_plan(state.plan_path, plan, self.lines_per_shard)
        return ShardJob(
            folder=self.manifest.folder,
            split=self.manifest.split,
            plan=shard_plan,
            source=self.make_source(shard_plan),
            writer=self.writer,
            digest=hashlib.sha256(named.encode()).hexdigest(),
        )

    def _start(self, job: ShardJob, state: SplitState, resumes: bool) -> None:
        """Checks what can be checked, then removes an older split unless the run resumes one."""
        done = len(find_reports(job)) if resumes else 0
        if done:
            logging.info("resuming split %s: %d of %d shards exist", job.split, done, job.plan.shard_count)
        if self.preflight:
            self.preflight(job.source)
        check_free_space(job, done)
        if resumes:
            return
        if not self.overwrite:
            self._check_no_outputs()
        # The manifest first, then the shards: no reader may find a split that is half gone.
        self.manifest.withdraw()
        remove_outputs(self.manifest.folder, self.manifest.split)
        state.start(self.manifest.identity, overwrite=self.overwrite)

    def _run_shards(self, job: ShardJob, shards: Sequence[int], execution: Execution) -> None:
        if self.skip_written:
            written = check_shards(job, lambda shard: bool(find_written_shard(job, shard)), shards)
            shards = [shard for shard, exists in zip(shards, written, strict=True) if not exists]
        if shards:
            verb = self.manifest.terms.verb
            run_shards(job, shards, make_step=self.make_step, verb=verb, execution=execution)

    def _check_no_outputs(self) -> None:
        """Raises UserError for files of this split's names that no manifest or state knows."""
        manifest, found = self.manifest, self.manifest.find_outputs()
        if found:
            raise UserError(
                f"output {manifest.folder}",
                received=f"{len(found)} files of split {manifest.split!r} that {manifest.file_name} does not "
                f"list, such as {found[0]}",
                expected="none, because they would be replaced",
                remedy="Move them away, or add --overwrite to replace them.",
            )

    def _check_identity(self, existing: dict[str, Any], how: str, purpose: str) -> None:
        manifest, terms = self.manifest, self.manifest.terms
        old, new = _flatten(existing), _flatten(manifest.identity)
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        if changed:
            raise UserError(
                terms.subject.format(split=manifest.split, folder=manifest.folder),
                received=", ".join(f"{name} {new.get(name)}" for name in changed),
                expected=", ".join(f"{name} {old.get(name)}" for name in changed)
                + f", with which it was {how}",
                remedy=f"Give the same values to {purpose}, add --overwrite to replace it, "
                f"or choose another {terms.output_flags}.",
            )

    def _check_refused(self, job: ShardJob, split: SplitInfo, state: SplitState) -> None:
        refused, most = split.read - split.written, self.max_reject_fraction
        if refused <= most * split.read:
            return
        state.mark_rejected()
        reasons = ", ".join(f"{count} {reason}" for reason, count in split.refused.items())
        raise UserError(
            f"rows of {job.rejects_path}",
            received=f"{refused} of {split.read} refused ({refused / split.read:.2%}: {reasons}), "
            f"the first: {show_first_refusal(job)}",
            expected=f"at most {most:.2%}",
            remedy="Correct the rows listed there and run the command again with --overwrite, or raise "
            "--max_reject_fraction to continue without them.",
        )

    def _repair(self, job: ShardJob, published: SplitInfo, execution: Execution) -> None:
        """Checks the shards of a published split, and writes damaged or missing ones again."""
        self._check_rejects(job, published)
        damaged = self._find_damaged(job, published)
        if damaged:
            logging.warning("split %s: writing %d damaged or missing shards again", job.split, len(damaged))
            self._run_shards(job, damaged, execution)
            self._check_repaired(job, published, damaged)
        else:
            logging.info("split %s exists and is intact: nothing to do", job.split)
        self.manifest.restore(published)

    def _find_damaged(self, job: ShardJob, published: SplitInfo) -> list[int]:
        progress, damaged = Progress(f"check {job.split}", len(published.shards), "shards"), []
        found = check_shards(job, lambda shard: job.writer.is_intact(job.folder, shard), published.shards)
        for number, intact in enumerate(found):
            if not intact:
                damaged.append(number)
            progress.show(number + 1)
        return damaged

    def _check_repaired(self, job: ShardJob, published: SplitInfo, shards: Sequence[int]) -> None:
        """Raises UserError where a shard that was written again has other bytes than before."""
        terms = self.manifest.terms
        for number in shards:
            report = load_report(job, number)
            if not report or report.shard != published.shards[number]:
                raise UserError(
                    f"shard {job.shard_path(number)}",
                    received="other bytes than before, written from the same rows",
                    expected=f"the checksum in {self.manifest.file_name}",
                    remedy=f"{terms.inputs} have changed since: {terms.verb} again with --overwrite.",
                )

    def _check_rejects(self, job: ShardJob, published: SplitInfo) -> None:
        """Raises UserError where the rejects file differs from its checksum; shards cannot restore it."""
        path = job.rejects_path
        exists = storage.exists(path)
        if published.rejects_crc32c and not (exists and records.hash_file(path) == published.rejects_crc32c):
            raise UserError(
                f"rejects {path}",
                received="other bytes than were written" if exists else "no such file",
                expected=f"the checksum in {self.manifest.file_name}",
                remedy=f"Restore it from a copy, or {self.manifest.terms.verb} again with --overwrite; "
                "the shards are not affected.",
            )


def summarise_split(name: str, split: SplitInfo, seconds: float, *, unit: str = "rows") -> dict[str, Any]:
    """Logs a summary of a published split and returns the result that a command prints last.

    Returns:
      {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}.
    """
    refused = ", ".join(f"{count:,} {reason}" for reason, count in split.refused.items())
    logging.info(
        "split %s is complete: %s %s read, %s written, %s refused%s; %d shards, %s, %s",
        name,
        f"{split.read:,}",
        unit,
        f"{split.written:,}",
        f"{split.read - split.written:,}",
        f" ({refused}): see {name}.rejects.tsv" if refused else "",
        len(split.shards),
        storage.describe_size(sum(shard.bytes for shard in split.shards)),
        f"{split.read / seconds:,.0f} {unit}/s",
    )
    return {
        "split": name,
        "read": split.read,
        "written": split.written,
        "refused": split.refused,
        "shards": len(split.shards),
        "seconds": round(seconds, 2),
    }


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Returns the values within dicts and lists of dicts by dotted names, such as fonts.0.weight."""
    parts = dict(enumerate(value)) if isinstance(value, list) and dict in map(type, value) else value
    if not isinstance(parts, dict):
        return {name: value}
    start = f"{name}." if name else ""
    return {key: part for k, inner in parts.items() for key, part in _flatten(inner, f"{start}{k}").items()}
