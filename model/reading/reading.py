"""Readings of lines: text, confidence and characters with their places; and how lines are read in batches."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from densenet_ocr.pipeline.buckets import GROWTH, batch_by_width, pad_lines
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.decoding.best_path import BestPath, geometric_mean
from densenet_ocr.pipeline.decoding.decoder import DecodedLine, Decoder
from densenet_ocr.pipeline.geometry import frame_columns
from densenet_ocr.pipeline.inference_model import InferenceModel

Result = TypeVar("Result")


class ReadCharacter(NamedTuple):
    """A character of a reading.

    Attributes:
      text: The character.
      confidence: Highest softmax probability of its class among its frames, 0 to 1.
      start: First column of the frames that read it, in pixels of the image.
      end: Column behind those frames. They cover the middle of a character rather than all its ink.
    """

    text: str
    confidence: float
    start: float
    end: float


class ReadAlternative(NamedTuple):
    """A text that a line may have, and its confidence, 0 to 1."""

    text: str
    confidence: float


class Reading(NamedTuple):
    """The text that a model read in a line.

    Attributes:
      text: The text.
      confidence: Geometric mean of the characters' confidences, 0 if there are none; with a beam search, the
        share of the text in the mass of all texts in the beam, and with a lexicon of those that are not in it.
      characters: Its characters.
      alternatives: The likeliest texts, the first one too, if they were asked for (nbest).
      reason: Why the text is empty: `no_entry` if no entry of the lexicon fits. Else empty.
      greedy_text: The text that plain greedy decoding gives, if that was asked for.
    """

    text: str
    confidence: float
    characters: list[ReadCharacter]
    alternatives: Sequence[ReadAlternative] = ()
    reason: str = ""
    greedy_text: str | None = None


class LineResult(NamedTuple):
    """A line of a data set and its reading.

    Attributes:
      key: Path of the image as in the list.
      levels: Grey levels, uint8 [H, W], without padding.
      truth: The line's text.
      reading: What a model read.
    """

    key: str
    levels: np.ndarray
    truth: str
    reading: Reading


def read_lines(
    model: InferenceModel,
    lines: Sequence[np.ndarray],
    *,
    batch_size: int = 64,
    decoder: Decoder | None = None,
) -> list[Reading]:
    """Reads lines of any widths, batched by width.

    Args:
      model: The model to read with.
      lines: Grey levels, uint8 [H, W], H the model's height and W each line's own.
      batch_size: Maximum number of lines per batch.
      decoder: Decodes the model's logits; by default the model decodes greedily by itself.

    Returns:
      The readings in the order of `lines`, with places in the lines' columns.
    """
    read = functools.partial(_read_batch, model, decoder)
    return map_batches(read, lines, batch_size=batch_size, pads=model.takes_padding)


def map_batches(
    read: Callable[[np.ndarray, np.ndarray], Iterable[Result]],
    lines: Sequence[np.ndarray],
    *,
    batch_size: int,
    pads: bool,
) -> list[Result]:
    """Calls a function with batches of lines of about the same width.

    Args:
      read: Takes levels, uint8 [B, H, W], and widths, int32 [B]; returns B results.
      lines: Grey levels, uint8 [H, W], of any widths.
      batch_size: Maximum number of lines per batch.
      pads: Whether the lines of a batch may differ in width.

    Returns:
      The results in the order of `lines`.
    """
    growth = GROWTH if pads else 1
    results: dict[int, Result] = {}
    for places in batch_by_width([line.shape[1] for line in lines], size=batch_size, most=growth):
        levels, widths = pad_lines([lines[place] for place in places])
        results.update(zip(places, read(levels, widths), strict=True))
    return [results[place] for place in range(len(lines))]


def _read_batch(
    model: InferenceModel, decoder: Decoder | None, levels: np.ndarray, widths: np.ndarray
) -> Iterable[Reading]:
    """The readings of levels, uint8 [B, H, W], with widths, int32 [B]."""
    if decoder is None:
        return make_readings(model.find_best_path(levels, widths), model.info, widths.tolist())
    frames = model.info.geometry.count_frames(np.asarray(widths))
    decoded = decoder.decode(model.compute_logits(levels, widths), frames)
    return [make_decoded_reading(*pair, model.info) for pair in zip(decoded, widths.tolist(), strict=True)]


def make_decoded_reading(line: DecodedLine, width: int, info: DatasetInfo) -> Reading:
    """Returns the reading of a decoded line of `width` pixels, in which places are given."""
    charset = info.charset
    rows = ((k, *placed) for k, placed in zip(line.ids, line.characters, strict=True))
    characters = _place_characters(rows, width, info)
    alternatives = [ReadAlternative(charset.decode(ids), confidence) for ids, confidence in line.alternatives]
    greedy_text = None if line.greedy_ids is None else charset.decode(line.greedy_ids)
    text = charset.decode(line.ids)
    return Reading(text, line.confidence, characters, alternatives, line.reason, greedy_text)


def make_readings(path: BestPath, info: DatasetInfo, widths: Sequence[int]) -> Iterator[Reading]:
    """Yields the readings of a decoded batch.

    Args:
      path: The greedy decoding of B lines.
      info: Charset and frames of the model.
      widths: The B lines' widths in pixels, in which places are given.
    """
    for width, *line in zip(widths, *(part.to_list() for part in path), strict=True):
        characters = _place_characters(zip(*line, strict=True), width, info)
        confidence = geometric_mean(character.confidence for character in characters)
        yield Reading("".join(character.text for character in characters), confidence, characters)


def _place_characters(
    rows: Iterable[tuple[int, float, int, int]], width: int, info: DatasetInfo
) -> list[ReadCharacter]:
    """The characters of a line of `width` pixels, by rows of class, confidence, first and last frame."""
    charset, stride = info.charset, info.geometry.frame_stride
    return [
        ReadCharacter(charset.decode([k]), confidence, *frame_columns(first, last, width, stride))
        for k, confidence, first, last in rows
    ]


def rescale(reading: Reading, scale: float, width: int) -> Reading:
    """Converts places to an image's columns.

    Args:
      reading: A reading with places in the columns of a scaled line.
      scale: Pixels of the image per column of that line.
      width: Width of the image in pixels, which no place exceeds.
    """
    characters = [
        character._replace(start=min(character.start * scale, width), end=min(character.end * scale, width))
        for character in reading.characters
    ]
    return reading._replace(characters=characters)
