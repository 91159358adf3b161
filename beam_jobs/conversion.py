"""A list becomes a split: plan the rows, write the shards, collect their reports, describe the data set."""

import importlib.metadata
import platform
import sys
import time
from typing import Any

import numpy as np
from absl import logging

from beam_jobs import list_source, shards
from beam_jobs.config import Conversion
from beam_jobs.runners import parse_options
from pipeline import schema, storage
from pipeline.charset import read_charset
from pipeline.dataset_info import FILE_NAME, DatasetInfo, SplitInfo, load_dataset_info
from pipeline.errors import UserError
from pipeline.line_list import LineList


def convert(config: Conversion, *, workers: int = 0, beam_arguments: list[str] | None = None) -> dict[str, Any]:
    """Makes a split of a list, by `workers` local processes (0: one a core) or as Beam is told.

    Returns {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}. Raises UserError where
    the input cannot be used or too many rows are refused; the split then stays out of dataset.json.
    """
    start, options = time.time(), parse_options(beam_arguments or [])
    info = _check_data_set(config)
    plan, list_sha256 = _make_plan(config)
    _check_space(config.output, len(plan), info)
    # All that can be checked is: from here on the split of an earlier conversion gives way.
    _retire_split(config, info)
    job = _make_job(config, info, plan)
    shards.write_shards(job, workers=workers, options=options)
    split = shards.collect(job, sources=_describe_sources(config, list_sha256))
    _check_refusals(split, shards.rejects_path(job), config.max_reject_fraction)
    info.with_split(config.split, split, _describe_run(start)).save(config.output)
    storage.remove(job.reports)
    storage.remove(job.source.plan_path)
    return {
        "split": config.split,
        "read": split.read,
        "written": split.written,
        "refused": split.refused,
        "shards": len(split.shards),
        "seconds": round(time.time() - start, 2),
    }


def _check_data_set(config: Conversion) -> DatasetInfo:
    """The data set that the split is added to, without that split; nothing is changed yet."""
    new = DatasetInfo(read_charset(config.charset_path), config.geometry, config.image_encoding)
    storage.make_folder(config.output)
    if not storage.exists(storage.join(config.output, FILE_NAME)):
        return new
    old = load_dataset_info(config.output)
    if config.split in old.splits and not config.overwrite:
        raise UserError(
            f"data set {config.output}",
            received=f"a conversion to split {config.split!r}, which is there and whole",
            expected="a split that is not there yet",
            remedy="Add --overwrite to replace it, or choose another --split or --output.",
        )
    others = [name for name in old.splits if name != config.split]
    if not others:
        return new
    _check_same(config.output, others, old, new)
    return old.without_split(config.split)


def _retire_split(config: Conversion, info: DatasetInfo) -> None:
    """Removes what an earlier conversion left of the split, finished or not."""
    if storage.exists(storage.join(config.output, FILE_NAME)):
        # First the description, then the shards: no reader may find a split that is half gone.
        info.save(config.output)
    shards.sweep(config.output, config.split)


def _check_same(output: str, others: list[str], old: DatasetInfo, new: DatasetInfo) -> None:
    for name, there, given in (
        ("charset (by SHA-256)", old.charset.sha256, new.charset.sha256),
        ("image size", old.geometry, new.geometry),
        ("image encoding", old.image_encoding, new.image_encoding),
    ):
        if there != given:
            raise UserError(
                f"data set {output}: {name}",
                received=given,
                expected=f"{there}, as split {', '.join(others)} has it",
                remedy="All splits of a data set share it: convert with the same, or into another --output.",
            )


def _make_plan(config: Conversion) -> tuple[np.ndarray, str]:
    """The list's plan and SHA-256."""
    if not storage.is_folder(config.image_root):
        raise UserError(
            f"image root {config.image_root}",
            received="no such folder",
            expected="the folder that the list's paths start from",
            remedy="Check --image_root.",
        )
    line_list = LineList(config.list_path)
    plan = list_source.make_plan(line_list, duplicates=config.duplicates, seed=config.seed)
    if not len(plan):
        raise UserError(
            f"list {config.list_path}",
            received="no rows",
            expected="at least one row that is not blank",
            remedy="Check that --list names the list of lines.",
        )
    return plan, line_list.sha256()


def _make_job(config: Conversion, info: DatasetInfo, plan: np.ndarray) -> shards.ShardJob:
    """The job, whose plan lies in a file beside the output."""
    plan_path = storage.join(config.output, f"{config.split}.plan.npy")
    list_source.save_plan(plan_path, plan)
    source = list_source.ListSource(
        list_path=config.list_path,
        image_root=config.image_root,
        plan_path=plan_path,
        charset=info.charset,
        geometry=info.geometry,
        lines_per_shard=config.lines_per_shard,
        rows=len(plan),
    )
    return shards.ShardJob(config.output, config.split, info.image_encoding, source)


def _check_space(output: str, rows: int, info: DatasetInfo) -> None:
    pixels = info.geometry.height * info.geometry.width
    needed = rows * (pixels * schema.PIXEL_BYTES[info.image_encoding] + schema.OVERHEAD_BYTES)
    free = storage.free_bytes(output)
    logging.info("%s rows need about %s on disk; %s are free", f"{rows:,}", _size(needed), _size(free))
    if needed > free:
        raise UserError(
            f"output {output}",
            received=f"{_size(free)} of free space",
            expected=f"about {_size(needed)} for {rows:,} rows as {info.image_encoding}",
            remedy="Free space or choose another --output; --image_encoding=uint8 takes a quarter of float32.",
        )


def _check_refusals(split: SplitInfo, rejects: str, max_fraction: float) -> None:
    refused = split.read - split.written
    if refused:
        reasons = ", ".join(f"{count} {reason}" for reason, count in split.refused.items())
        logging.warning("%d of %d rows refused (%s): see %s", refused, split.read, reasons, rejects)
    if refused > max_fraction * split.read:
        raise UserError(
            f"rows of {rejects}",
            received=f"{refused} of {split.read} refused ({refused / split.read:.2%})",
            expected=f"at most {max_fraction:.2%}",
            remedy="Mend the rows listed there, or raise --max_reject_fraction to go on without them.",
        )


def _describe_sources(config: Conversion, list_sha256: str) -> dict[str, Any]:
    return {
        "list_sha256": list_sha256,
        "charset_sha256": list_source.hash_file(config.charset_path),
        "image_root": config.image_root,
        "lines_per_shard": config.lines_per_shard,
        "seed": config.seed,
        "duplicates": config.duplicates,
    }


def _describe_run(start: float) -> dict[str, Any]:
    packages = ("densenet-ocr", "apache-beam", "numpy", "pillow")
    return {
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "seconds": round(time.time() - start, 2),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
