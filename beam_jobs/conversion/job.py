"""The conversion job: rows of lists, or of an LMDB, become the records of one or two splits."""

import functools
import time
from typing import Any

import numpy as np

from densenet_ocr.beam_jobs.conversion.charset_choice import build_charset, find_charset
from densenet_ocr.beam_jobs.conversion.config import AUTO, ConversionConfig
from densenet_ocr.beam_jobs.engine.config import RemoteConfig, list_changed
from densenet_ocr.beam_jobs.engine.manifest import CharsetCopy, DatasetManifest
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.beam_jobs.engine.split_runner import SplitRunner, summarise_split
from densenet_ocr.beam_jobs.engine.split_state import JobTerms
from densenet_ocr.beam_jobs.engine.tfrecord_writer import TFRecordShardWriter
from densenet_ocr.beam_jobs.sources.list_rows import open_lists
from densenet_ocr.beam_jobs.sources.lmdb_rows import LmdbRows, open_labels
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder, Rows, RowSource, plan_rows
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError, check_left_out
from densenet_ocr.pipeline.lists.opening import AUTO as AUTO_FORMAT

_TERMS = JobTerms("conversion", verb="convert", inputs="Images")


def convert(
    config: ConversionConfig,
    *,
    workers: int = 0,
    beam_arguments: list[str] | None = None,
    remote: RemoteConfig = RemoteConfig(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Converts lists of line images, or an LMDB, into a split of a data set.

    Shards that an earlier call with the same configuration finished are checked and kept.

    Args:
      config: What to convert, and where to.
      workers: Local processes, 0 for one per core.
      beam_arguments: Beam's own options, such as ["--runner=FlinkRunner"].
      remote: Shared folders and time limit of the runner that those name.

    Returns:
      {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}, and the same of the validation
      split as "validation" where config.validation_fraction is set.

    Raises:
      UserError: the input cannot be used, or too many rows are refused; the split is not published then.
    """
    start, execution = time.time(), Execution.of(workers, beam_arguments, remote)
    inputs = {**config.inputs, "image_root": [config.image_root]}
    execution.check_paths(inputs, config.output)
    execution.try_runner(inputs, config.output)
    charset = find_charset(config)
    rows = open_rows(config, charset)
    charset = charset or build_charset(config, rows)
    info = DatasetInfo(charset, config.geometry, config.image_encoding, fit=config.fit, invert=config.invert)
    sources = _describe_sources(config, rows)
    runners = {split: _make_runner(config, split, info, rows, sources) for split in config.splits}
    plans, results = _plan_splits(config, rows), []
    for name, runner in runners.items():
        # Popped, so that no plan stays in memory once it is a file.
        split = runner.run(plans.pop(0), execution)
        results.append(summarise_split(name, split, time.time() - start))
        start = time.time()
    return {**results[0], **{result["split"]: result for result in results[1:]}}


def open_rows(config: ConversionConfig, charset: Charset | None) -> Rows:
    """Returns the input that a configuration names; a new kind of input is chosen here."""
    if not config.lmdb_path:
        return open_lists(config.list_paths, config, charset)
    labels = open_labels(config.lmdb_path, config, charset)
    if labels:
        return labels
    for name in ("image_root", "list_format"):
        value = getattr(config, name)
        check_left_out(name, value, value in ("", AUTO_FORMAT), "none for an LMDB that has images and texts")
    return LmdbRows(config.lmdb_path, config.list_encoding)


def _make_runner(
    config: ConversionConfig, split: str, info: DatasetInfo, rows: Rows, sources: dict[str, Any]
) -> SplitRunner:
    """Puts the parts of one split together; raises UserError where it cannot be added to the output folder."""
    manifest = DatasetManifest(
        folder=config.output,
        split=split,
        info=info,
        sources=sources,
        terms=_TERMS,
        derived=[CharsetCopy(config.output, info.charset)] if config.charset_path == AUTO else [],
    )
    manifest.check()
    builder = RecordBuilder(info)
    find = functools.partial(rows.find_line, builder=builder)
    return SplitRunner(
        manifest=manifest,
        writer=TFRecordShardWriter(info),
        make_source=functools.partial(RowSource, input=rows, find=find, build=builder.build),
        lines_per_shard=config.lines_per_shard,
        overwrite=config.overwrite,
        max_reject_fraction=config.max_reject_fraction,
    )


def _describe_sources(config: ConversionConfig, rows: Rows) -> dict[str, Any]:
    """What the records depend on besides charset, geometry and encoding."""
    return {
        **rows.identify(),
        "lines_per_shard": config.lines_per_shard,
        "seed": config.seed,
        "duplicates": config.duplicates,
        "validation_fraction": config.validation_fraction,
        # How labels are read, if not by default: older data sets do not say it.
        **list_changed(config, "charset_blank", "normalize"),
    }


def _plan_splits(config: ConversionConfig, rows: Rows) -> list[np.ndarray]:
    """Returns the plan of each split, PLAN_ROW [rows]."""
    scanned = rows.scan()
    plan = plan_rows(
        scanned,
        rows.paths(scanned),
        duplicates=config.duplicates,
        seed=config.seed,
        validation_fraction=config.validation_fraction,
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
