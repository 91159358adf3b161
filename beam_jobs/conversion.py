"""Lists become splits: plan the rows, write the shards, collect their reports, describe the data set."""

import time
from typing import Any

import numpy as np
from absl import logging
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.config import Conversion
from beam_jobs.list_source import ListInput
from beam_jobs.lmdb_source import LmdbInput
from beam_jobs.plan import make_plan
from beam_jobs.runners import parse_options, try_runner
from beam_jobs.split_conversion import SplitConversion
from pipeline import storage
from pipeline.charset import read_charset
from pipeline.dataset_info import DatasetInfo, SplitInfo
from pipeline.errors import UserError


def convert(config: Conversion, *, workers: int = 0, beam_arguments: list[str] | None = None) -> dict[str, Any]:
    """Makes a split of lists, by `workers` local processes (0: one a core) or as Beam is told.

    What an earlier call with the same configuration finished is checked and kept. Returns {"split", "read",
    "written", "refused": {reason: n}, "shards", "seconds"}, and the same of "validation" where a fraction goes
    there. Raises UserError where the input cannot be used or too many rows are refused; the split then stays
    out of dataset.json.
    """
    start, options = time.time(), parse_options(beam_arguments or [])
    try_runner(options)
    charset = read_charset(config.charset_path)
    info = DatasetInfo(charset, config.geometry, config.image_encoding, fit=config.fit)
    given = LmdbInput(config) if config.lmdb_path else ListInput(config)
    parts = [SplitConversion(config, split, info, given) for split in config.splits]
    for part in parts:
        part.check()
    plans, results = _make_plans(config, given), []
    for part in parts:
        results.append(_convert(part, plans, start, workers, options))
        start = time.time()
    return {**results[0], **{result["split"]: result for result in results[1:]}}


def _make_plans(config: Conversion, given: ListInput | LmdbInput) -> list[np.ndarray]:
    """The plan of each of the config's splits."""
    rows = given.scan()
    plan = make_plan(
        rows,
        given.paths(rows),
        duplicates=config.duplicates,
        seed=config.seed,
        validation_fraction=config.validation_fraction,
        encoding=config.list_encoding,
    )
    if not config.validation_fraction:
        return [plan]
    held_out = plan["held_out"]
    if held_out.all() or not held_out.any():
        raise UserError(
            "validation_fraction",
            received=f"{config.validation_fraction} of {len(plan)} rows, which is {held_out.sum()} of them",
            expected="a fraction that leaves rows on both sides",
            remedy="Choose another fraction or --seed, or give more rows.",
        )
    return [plan[~held_out], plan[held_out]]


def _convert(
    part: SplitConversion, plans: list[np.ndarray], start: float, workers: int, options: PipelineOptions
) -> dict[str, Any]:
    # Popped, so that no plan stays in memory once it is a file.
    split = part.run(plans.pop(0), workers=workers, options=options)
    seconds = time.time() - start
    _summarise(part, split, seconds)
    return {
        "split": part.split,
        "read": split.read,
        "written": split.written,
        "refused": split.refused,
        "shards": len(split.shards),
        "seconds": round(seconds, 2),
    }


def _summarise(part: SplitConversion, split: SplitInfo, seconds: float) -> None:
    refused = ", ".join(f"{count:,} {reason}" for reason, count in split.refused.items())
    logging.info(
        "split %s is whole: %s rows read, %s written, %s refused%s; %d shards, %s, %s",
        part.split,
        f"{split.read:,}",
        f"{split.written:,}",
        f"{split.read - split.written:,}",
        f" ({refused}): see {part.split}.rejects.tsv" if refused else "",
        len(split.shards),
        storage.describe_size(sum(shard.bytes for shard in split.shards)),
        f"{split.read / seconds:,.0f} rows/s",
    )
