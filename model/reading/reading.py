"""Readings of lines: text, confidence and characters with their places; and how lines are read in batches."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from densenet_ocr.pipeline.buckets import GROWTH, batch_by_width, pad_lines
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding.best_path import BestPath, geometric_mean
from densenet_ocr.pipeline.frames import frame_columns
from densenet_ocr.pipeline.inference_model import InferenceModel


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


class Reading(NamedTuple):
    """The text that a model read in a line.

    Attributes:
      text: The text.
      confidence: Geometric mean of the characters' confidences; 0 if there are none.
      characters: Its characters.
    """

    text: str
    confidence: float
    characters: list[ReadCharacter]


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


def read_lines(model: InferenceModel, lines: Sequence[np.ndarray], *, batch_size: int = 64) -> list[Reading]:
    """Reads lines of any widths, batched by width.

    Args:
      model: The model to read with.
      lines: Grey levels, uint8 [H, W], H the model's height and W each line's own.
      batch_size: Maximum number of lines per batch.

    Returns:
      The readings in the order of `lines`, with places in the lines' columns.
    """
    growth = GROWTH if model.takes_padding else 1
    batches = batch_by_width([line.shape[1] for line in lines], size=batch_size, most=growth)
    readings: dict[int, Reading] = {}
    for places in batches:
        levels, widths = pad_lines([lines[place] for place in places])
        path = model.find_best_path(levels, widths)
        readings.update(zip(places, make_readings(path, model.info.charset, widths.tolist()), strict=True))
    return [readings[place] for place in range(len(lines))]


def make_readings(path: BestPath, charset: Charset, widths: Sequence[int]) -> Iterator[Reading]:
    """Yields the readings of a decoded batch.

    Args:
      path: The greedy decoding of B lines.
      charset: The model's charset.
      widths: The B lines' widths in pixels, in which places are given.
    """
    for width, *line in zip(widths, *(part.to_list() for part in path), strict=True):
        characters = [
            ReadCharacter(charset.decode([k]), confidence, *frame_columns(first, last, width))
            for k, confidence, first, last in zip(*line, strict=True)
        ]
        yield make_reading(characters)


def make_reading(characters: list[ReadCharacter]) -> Reading:
    """Returns the reading of a line with these characters."""
    confidence = geometric_mean(character.confidence for character in characters)
    return Reading("".join(character.text for character in characters), confidence, characters)


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
