"""The transcription job: an exported model reads the images of lists, a row of text for each of their rows."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from densenet_ocr.beam_jobs.engine.config import RemoteConfig, list_changed
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.beam_jobs.engine.split_runner import SplitRunner, summarise_split
from densenet_ocr.beam_jobs.sources.list_rows import ListRows, open_lists
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.image_source import ImageSource
from densenet_ocr.beam_jobs.transcription.inference import LoadModel, load_line_reader, make_inference_step
from densenet_ocr.beam_jobs.transcription.manifest import (
    SPLIT,
    Export,
    TranscriptionManifest,
    check_decoding,
    check_output,
    describe_export,
    identify_decoding,
    list_files,
)
from densenet_ocr.beam_jobs.transcription.transcript_writer import LineModel, TranscriptWriter
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.shipped import is_shipped

# First rows of the lists of which at least one image has to exist.
_TRIED_ROWS = 100


def transcribe(
    config: TranscriptionConfig,
    *,
    workers: int = 0,
    beam_arguments: list[str] | None = None,
    remote: RemoteConfig = RemoteConfig(),  # noqa: B008 - frozen
    load: Callable[[str, int], LineModel] | None = None,
    decoding: DecodingConfig = DecodingConfig(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Reads the images of lists with an exported model.

    Shards that an earlier call with the same configuration finished are checked and kept.

    Args:
      config: What to read, with which model, and where to write.
      workers: Local processes, 0 for one per core.
      beam_arguments: Beam's own options, such as ["--runner=FlinkRunner"].
      remote: Shared folders and time limit of the runner that those name.
      load: Loads the export in a folder or at a URL in a worker, with a number of threads, 0 for one per core;
        by default load_line_reader with `decoding`.
      decoding: How the model's logits are decoded.

    Returns:
      {"read", "transcribed", "refused": {reason: n}, "shards", "seconds"}.

    Raises:
      UserError: the input or the model cannot be used, or too many rows are refused; also where no row at all
        could be read, although everything is written then, unless max_reject_fraction is 1.
    """
    start, execution = time.time(), Execution.of(workers, beam_arguments, remote)
    load = load or functools.partial(load_line_reader, decoding=decoding)
    inputs = _list_inputs(config) | list_files(decoding)
    execution.check_paths(inputs, config.output)
    export = describe_export(config.model)
    if config.invert:
        export = export._replace(info=dataclasses.replace(export.info, invert=config.invert))
    check_decoding(decoding, export.info.charset, config.model)
    lists = open_lists(config.list_paths, config, labels=False)
    plan = lists.scan()
    check_output(config.output)
    execution.try_runner(inputs, config.output)
    with _new_folder(config.output):
        load_model = functools.partial(_load_unchanged, load, config.model, export.files)
        decoded = identify_decoding(decoding, config.model)
        split = _make_runner(config, export, lists, load_model, decoded).run(plan, execution)
    result = summarise_split(SPLIT, split, time.time() - start)
    if not split.written and config.max_reject_fraction != 1:
        _refuse_all(config, split)
    del result["split"]
    return {"transcribed" if name == "written" else name: value for name, value in result.items()}


def _list_inputs(config: TranscriptionConfig) -> dict[str, Sequence[str]]:
    """Returns the paths that workers read, by flag; they have the package and its models themselves."""
    model = [] if is_shipped(config.model) else [config.model]
    return {"list": config.list_paths, "image_root": [config.image_root], "model": model}


def _load_unchanged(
    load: Callable[[str, int], LineModel], folder: str, files: dict[str, str], threads: int
) -> LineModel:
    """Loads an export; raises UserError where it is another one than when the job began, days ago perhaps."""
    if describe_export(folder).files != files:
        raise UserError(
            f"export {folder}",
            received="other files than when the transcription began",
            expected="the same export until the job ends",
            remedy="Put the old one back to resume, or transcribe again with the new one and --overwrite.",
        )
    return load(folder, threads)


def _make_runner(
    config: TranscriptionConfig,
    export: Export,
    lists: ListRows,
    load_model: LoadModel,
    decoded: dict[str, Any],
) -> SplitRunner:
    sources = {
        **lists.identify(),
        "lines_per_shard": config.lines_per_shard,
        # Sums in a batch of another size may differ in their last bits, and confidences with them.
        "batch_size": config.batch_size,
        **list_changed(config, "invert"),
        **decoded,
    }
    return SplitRunner(
        manifest=TranscriptionManifest(folder=config.output, export=export, sources=sources),
        writer=TranscriptWriter(config.batch_size),
        make_source=functools.partial(ImageSource, lists=lists, info=export.info),
        lines_per_shard=config.lines_per_shard,
        overwrite=config.overwrite,
        max_reject_fraction=1.0 if config.max_reject_fraction is None else config.max_reject_fraction,
        preflight=functools.partial(_check_images, config),
        make_step=functools.partial(make_inference_step, load_model=load_model),
        skip_written=True,  # a worker's model takes seconds to load
    )


def _check_images(config: TranscriptionConfig, source: ImageSource) -> None:
    """Raises UserError where none of the first images exists: a wrong --image_root would cost a night."""
    missing = "" if config.max_reject_fraction == 1 else source.explain_missing(_TRIED_ROWS)
    if missing:
        raise UserError(
            "images",
            received=f"none of those tried ({min(_TRIED_ROWS, source.plan.rows)}); the first: {missing}",
            expected="images that exist",
            remedy="Check --image_root and --list, or add --max_reject_fraction=1 to continue without them.",
        )


@contextlib.contextmanager
def _new_folder(folder: str) -> Iterator[None]:
    """Makes a folder; removes it again where it is new and empty and the block fails."""
    existed = storage.exists(folder)
    storage.make_folder(folder)
    try:
        yield
    except UserError:
        if not existed and not storage.list_names(folder):
            storage.remove(folder)
        raise


def _refuse_all(config: TranscriptionConfig, split: SplitInfo) -> NoReturn:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in split.refused.items())
    raise UserError(
        f"transcripts of {config.output}",
        received=f"no text: none of {split.read:,} rows could be read ({reasons})",
        expected=f"rows that can be read; {SPLIT}.rejects.tsv has the reason of each",
        remedy="Check --image_root and --list and run the command again with --overwrite, or add "
        "--max_reject_fraction=1 where this is expected.",
    )
