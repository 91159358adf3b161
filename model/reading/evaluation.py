"""Evaluation of a model on a split: scores, report and picture."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from densenet_ocr.model.reading.config import EvaluateConfig
from densenet_ocr.model.reading.pictures import FirstLines, draw_readings
from densenet_ocr.model.reading.reading import LineResult, read_lines
from densenet_ocr.model.report.report import PAGE, Report, count_seen
from densenet_ocr.pipeline import images, schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.decoding.decoder import Decoder
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.tfrecord.shards import reading_errors
from densenet_ocr.pipeline.ui.picture import choose_typeface, save_png
from densenet_ocr.pipeline.ui.progress import Progress


def evaluate(model: InferenceModel, config: EvaluateConfig, decoder: Decoder | None = None) -> dict[str, Any]:
    """Evaluates a model on every line of a split.

    Args:
      model: The model to evaluate.
      config: The data set and its split, and the report and the picture to draw.
      decoder: Decodes the model's logits; by default the model decodes greedily by itself. If it compares, the
        result and the report have what greedy decoding reads, too.

    Returns:
      {"split", "lines", "exact_match", "exact_match_95": [low, high], "cer", "seconds"}. Exact match is the
      share of lines read without an error, with Wilson's 95 % interval; the CER is total edits over total
      reference characters. Both are None for an empty split, CER also without reference characters.
      With a decoder that compares also {"greedy": {"exact_match", "cer"}}.

    Raises:
      UserError: model and data differ in charset or height, or an output cannot be written.
    """
    start, info = time.monotonic(), load_dataset_info(config.data)
    where: dict[str, Any] = {"folder": config.data, "info": info, "split": config.split}
    check_same_lines(model.info, info, config.data)
    _check_outputs(config)
    seen = count_seen(model.info, model.train_split)
    found = Report(charset=model.info.charset, seen=seen, worst=config.report_lines)
    with reading_errors():
        for result in read_split(model, **where, batch_size=config.batch_size, decoder=decoder):
            found.add(result)
    if config.report:
        facts = _list_facts(model, config)
        found.save(config.report, title=f"{model.name} on {config.split}", facts=facts)
    if config.picture:
        lines = FirstLines(config.picture_lines, **where)
        shown = lines.read(model, batch_size=config.batch_size, decoder=decoder)
        save_png(draw_readings(shown, font=config.font), config.picture)
    totals, greedy = found.totals, found.changes.greedy
    return {
        "split": config.split,
        "lines": totals.lines,
        "exact_match": totals.exact_match,
        "exact_match_95": list(totals.exact_match_95),
        "cer": totals.cer,
        **({"greedy": {"exact_match": greedy.exact_match, "cer": greedy.cer}} if greedy.lines else {}),
        "seconds": round(time.monotonic() - start, 2),
    }


def read_split(
    model: InferenceModel,
    *,
    folder: str,
    info: DatasetInfo,
    split: str,
    batch_size: int,
    decoder: Decoder | None = None,
) -> Iterator[LineResult]:
    """Reads every line of a split once, at its own width.

    Args:
      model: The model to read with.
      folder: Folder of the data set.
      info: Its description.
      split: The split.
      batch_size: Lines per batch.
      decoder: Decodes the model's logits; by default the model decodes greedily by itself.

    Yields:
      The lines in the order of evaluation_input.
    """
    for lines in read_batches(folder=folder, info=info, split=split, batch_size=batch_size):
        levels = [levels for _, levels, _ in lines]
        readings = read_lines(model, levels, batch_size=batch_size, decoder=decoder)
        for line, reading in zip(lines, readings, strict=True):
            yield LineResult(*line, reading)


def read_batches(
    *, folder: str, info: DatasetInfo, split: str, batch_size: int, most: int | None = None
) -> Iterator[list[tuple[str, np.ndarray, str]]]:
    """Yields a split's batches of lines and shows the progress.

    Args:
      folder: Folder of the data set.
      info: Its description.
      split: The split.
      batch_size: Lines per batch.
      most: Maximum number of lines, the first ones; by default all.

    Yields:
      Lists of (key, grey levels uint8 [H, W], truth).
    """
    batches = evaluation_input(folder=folder, info=info, split=split, batch_size=batch_size, normalised=False)
    total = info.find_split(split).written
    total = total if most is None else min(most, total)
    progress, done = Progress(f"evaluate {split}", total, "lines"), 0
    for batch in batches.as_numpy_iterator():
        lines = list(_unpack(batch, info.charset))[: total - done]
        yield lines
        done += len(lines)
        progress.show(done)
        if done == total:
            break
    progress.close(done)


def _unpack(batch: dict[str, np.ndarray], charset: Charset) -> Iterator[tuple[str, np.ndarray, str]]:
    """Key, grey levels uint8 [H, W] and truth of a batch's lines, without padding lines (weight 0)."""
    levels = batch[schema.IMAGE][..., 0]
    if levels.dtype != np.uint8:
        levels = images.denormalise(levels)
    for row in np.flatnonzero(batch[schema.WEIGHT]):
        label = batch[schema.LABEL][row, : batch[schema.LABEL_LENGTH][row]]
        key = batch[schema.KEY][row].decode("utf-8", "surrogateescape")
        yield key, levels[row, :, : batch[schema.WIDTH][row]], charset.decode(label)


def _check_outputs(config: EvaluateConfig) -> None:
    """Raises UserError if an output cannot be written, before lines are read."""
    if config.report:
        storage.make_folder(config.report)
        storage.check_writable(storage.join(config.report, PAGE))
    if config.picture:
        storage.check_writable(config.picture)
        choose_typeface([], size=1, font=config.font)


def _list_facts(model: InferenceModel, config: EvaluateConfig) -> dict[str, object]:
    """Model and data, for the report."""
    info, trained_on = model.info, model.info.splits.get(model.train_split)
    return {
        "model": model.name,
        "data set": config.data,
        "split": config.split,
        "trained on": f"{trained_on.written:,} lines" if trained_on else "not known",
        "lines are": str(info.geometry),
        "classes": f"{info.charset.classes:,}, the blank among them",
    }


def check_same_lines(model: DatasetInfo, data: DatasetInfo, folder: str) -> None:
    """Raises UserError if a model cannot read a data set's lines."""
    # --charset_mode=union appends characters to those of the data.
    if not model.charset.characters.startswith(data.charset.characters):
        raise UserError(
            f"charset of {folder}",
            received=f"{data.charset.classes} classes, SHA-256 {data.charset.sha256[:12]}",
            expected=f"the model's {model.charset.classes} classes, SHA-256 {model.charset.sha256[:12]}",
            remedy="Convert the data with the charset.txt of the model's run.",
        )
    check_height(model, data, folder)


def check_height(model: DatasetInfo, data: DatasetInfo, folder: str) -> None:
    """Raises UserError if a data set's lines have another height than a model's."""
    if model.geometry.height != data.geometry.height:
        raise UserError(
            f"image height of {folder}",
            received=data.geometry.height,
            expected=f"{model.geometry.height}, which the model was trained for",
            remedy="Convert the data with the --image_height of the training data.",
        )
