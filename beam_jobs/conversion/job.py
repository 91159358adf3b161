"""Lists become splits: plan the rows, write the shards, collect their reports, describe the data set."""

import functools
import time
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.engine.beam_runner import parse_options, try_runner
from densenet_ocr.beam_jobs.engine.dataset_split import DatasetSplit
from densenet_ocr.beam_jobs.engine.plan import make_plan
from densenet_ocr.beam_jobs.engine.split_result import tell_split
from densenet_ocr.beam_jobs.sources.list_source import ListInput
from densenet_ocr.beam_jobs.sources.lmdb_source import LmdbInput
from densenet_ocr.pipeline.charset import read_charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError


def convert(
    config: ConversionConfig, *, workers: int = 0, beam_arguments: list[str] | None = None
) -> dict[str, Any]:
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
    parts = _make_parts(config, info, given)
    for part in parts:
        part.check()
    plans, results = _make_plans(config, given), []
    for part in parts:
        # Popped, so that no plan stays in memory once it is a file.
        split = part.run(plans.pop(0), workers=workers, options=options)
        results.append(tell_split(part.split, split, time.time() - start))
        start = time.time()
    return {**results[0], **{result["split"]: result for result in results[1:]}}


def _make_parts(
    config: ConversionConfig, info: DatasetInfo, given: ListInput | LmdbInput
) -> list[DatasetSplit]:
    """The config's splits, which have all but their rows in common."""
    sources = {
        **given.identify(),
        "lines_per_shard": config.lines_per_shard,
        "seed": config.seed,
        "duplicates": config.duplicates,
        "validation_fraction": config.validation_fraction,
    }
    make_source = functools.partial(
        given.make_source,
        lines_per_shard=config.lines_per_shard,
        charset=info.charset,
        geometry=info.geometry,
        fit=info.fit,
    )
    return [
        DatasetSplit(
            folder=config.output,
            split=split,
            info=info,
            sources=sources,
            make_source=make_source,
            overwrite=config.overwrite,
            max_reject_fraction=config.max_reject_fraction,
        )
        for split in config.splits
    ]


def _make_plans(config: ConversionConfig, given: ListInput | LmdbInput) -> list[np.ndarray]:
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
