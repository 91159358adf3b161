"""How good a model is on a whole split: every line once, read as it would be read anywhere."""

import time
from collections.abc import Iterator

import numpy as np

from densenet_ocr.model.reading.first_lines import FirstLines
from densenet_ocr.model.reading.inference_model import InferenceModel
from densenet_ocr.model.reading.picture import draw_readings
from densenet_ocr.model.reading.reader import Reader
from densenet_ocr.model.report.lines import LineResult
from densenet_ocr.model.report.report import PAGE, Report, count_seen
from densenet_ocr.pipeline import images, schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.picture import choose_typeface, save_png
from densenet_ocr.pipeline.ui.progress import Progress


def evaluate(
    network: InferenceModel,
    *,
    data: str,
    split: str,
    batch_size: int = 64,
    report: str | None = None,
    report_lines: int = 200,
    picture: str | None = None,
    picture_lines: int = 16,
    font: str | None = None,
) -> dict:
    """Scores a network on one split of the data set in folder `data`.

    Returns {"split", "lines", "exact_match", "exact_match_95": [lo, hi], "cer", "seconds"}. With `report`, a
    folder, a page about it is written there, with the pictures of the worst `report_lines` lines; with
    `picture` the split's first lines are drawn into that PNG file. Raises UserError where network and data do
    not fit.
    """
    start, reader, info = time.monotonic(), Reader(network, batch_size=batch_size), load_dataset_info(data)
    _check_same_lines(network.info, info, data)
    where = {"folder": data, "info": info, "split": split}
    _check_outputs(report, picture, font)
    seen = count_seen(network.info, network.train_split)
    told = Report(charset=network.info.charset, seen=seen, worst=report_lines)
    for result in read_split(reader, **where, batch_size=batch_size):
        told.add(result)
    if report:
        told.save(report, title=f"{network.name} on {split}", facts=_list_facts(network, data, split))
    if picture:
        save_png(draw_readings(FirstLines(picture_lines, **where).read(reader), font=font), picture)
    totals = told.totals
    return {
        "split": split,
        "lines": totals.lines,
        "exact_match": totals.exact_match,
        "exact_match_95": list(totals.exact_match_95),
        "cer": totals.cer,
        "seconds": round(time.monotonic() - start, 2),
    }


def read_split(
    reader: Reader, *, folder: str, info: DatasetInfo, split: str, batch_size: int
) -> Iterator[LineResult]:
    """Reads every line of a split once, each as wide as it is; the order is that of evaluation_input."""
    batches = evaluation_input(folder=folder, info=info, split=split, batch_size=batch_size, normalised=False)
    progress, done = Progress(f"evaluate {split}", info.find_split(split).written, "lines"), 0
    for batch in batches.as_numpy_iterator():
        lines = list(_unpack(batch, info.charset))
        readings = reader.read_lines([levels for _, levels, _ in lines])
        for line, reading in zip(lines, readings, strict=True):
            yield LineResult(*line, reading)
        done += len(lines)
        progress.show(done)
    progress.close(done)


def _unpack(batch: dict, charset: Charset) -> Iterator[tuple[str, np.ndarray, str]]:
    """Key, grey levels and truth of the lines of a batch, without those that fill it up."""
    levels = batch[schema.IMAGE][..., 0]
    if levels.dtype != np.uint8:
        levels = images.denormalise(levels)
    for row in np.flatnonzero(batch[schema.WEIGHT]):
        label = batch[schema.LABEL][row, : batch[schema.LABEL_LENGTH][row]]
        key = batch[schema.KEY][row].decode("utf-8", "surrogateescape")
        yield key, levels[row, :, : batch[schema.WIDTH][row]], charset.decode(label)


def _check_outputs(report: str | None, picture: str | None, font: str | None) -> None:
    """Raises UserError for what could not be written, before any line is read."""
    if report:
        storage.make_folder(report)
        storage.check_writable(storage.join(report, PAGE))
    if picture:
        storage.check_writable(picture)
        choose_typeface([], size=1, font=font)


def _list_facts(network: InferenceModel, data: str, split: str) -> dict[str, object]:
    """What was measured on what, for a report's page."""
    info, trained_on = network.info, network.info.splits.get(network.train_split)
    return {
        "model": network.name,
        "data set": data,
        "split": split,
        "trained on": f"{trained_on.written:,} lines" if trained_on else "not known",
        "lines are": str(info.geometry),
        "classes": f"{info.charset.classes:,}, the blank among them",
    }


def _check_same_lines(model: DatasetInfo, data: DatasetInfo, folder: str) -> None:
    _check_charset(model.charset, data.charset, folder)
    if model.geometry.height != data.geometry.height:
        raise UserError(
            f"image height of {folder}",
            received=data.geometry.height,
            expected=f"{model.geometry.height}, which the model was trained for",
            remedy="Convert the data with --image_height as the training data was.",
        )


def _check_charset(model_charset: Charset, data_charset: Charset, folder: str) -> None:
    """Raises UserError where a data set's classes are not the model's, or not the first of them."""
    if not model_charset.characters.startswith(data_charset.characters):  # --charset_mode=union appends some
        raise UserError(
            f"charset of {folder}",
            received=f"{data_charset.classes} classes, SHA-256 {data_charset.sha256[:12]}",
            expected=f"the model's {model_charset.classes} classes, SHA-256 {model_charset.sha256[:12]}",
            remedy="Convert the data with the charset.txt of the model's run.",
        )
