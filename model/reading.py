"""What was read: a text, how sure it is, and where each of its characters stood."""

from typing import NamedTuple


class ReadCharacter(NamedTuple):
    """A character, its confidence from 0 to 1, and the columns of the image where it was read.

    Columns are pixels, start <= x < end.
    """

    text: str
    confidence: float
    start: float
    end: float


class Reading(NamedTuple):
    """What a line says; its confidence is the geometric mean of its characters', 0 for an empty reading."""

    text: str
    confidence: float
    characters: list[ReadCharacter]
