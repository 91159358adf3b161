"""What a line says, and how sure each character of it is."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding import BestPath
from densenet_ocr.pipeline.frames import frame_columns


class ReadCharacter(NamedTuple):
    """One character, its confidence from 0 to 1, and the image's columns where it was read: start <= x < end.

    They are those of the frames that read it, in pixels: the middle of a character rather than all its ink.
    """

    text: str
    confidence: float
    start: float
    end: float


class Reading(NamedTuple):
    """A line's text, its confidence (the geometric mean of its characters', 0 without any), its characters."""

    text: str
    confidence: float
    characters: list[ReadCharacter]


def make_readings(path: BestPath, charset: Charset, widths: Sequence[int]) -> Iterator[Reading]:
    """The readings of a batch whose lines are `widths` columns wide, in their columns."""
    for width, *line in zip(widths, *(part.to_list() for part in path), strict=True):
        characters = [
            ReadCharacter(charset.decode([k]), confidence, *frame_columns(first, last, width))
            for k, confidence, first, last in zip(*line, strict=True)
        ]
        yield make_reading(characters)


def make_reading(characters: list[ReadCharacter]) -> Reading:
    """The reading of some characters."""
    confidence = geometric_mean(character.confidence for character in characters)
    return Reading("".join(character.text for character in characters), confidence, characters)


def rescale(reading: Reading, scale: float, width: int) -> Reading:
    """A reading in the columns of an image `width` pixels wide, of which each of its own was `scale`."""
    characters = [
        character._replace(start=min(character.start * scale, width), end=min(character.end * scale, width))
        for character in reading.characters
    ]
    return reading._replace(characters=characters)


def geometric_mean(confidences: Iterable[float]) -> float:
    """The geometric mean of characters' confidences; 0 for an empty reading."""
    confidences = list(confidences)
    if not confidences or min(confidences) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, confidences)) / len(confidences))
