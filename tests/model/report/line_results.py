"""Lines and what was read of them, for the tests of reports."""

import numpy as np

from densenet_ocr.model.reading.reading import LineResult, ReadCharacter, Reading


def make_result(
    truth: str, text: str, *, key: str = "a.png", confidence: float = 0.9, width: int = 64
) -> LineResult:
    """A line of that width, all of whose read characters have the line's confidence."""
    places = np.linspace(0, width, len(text) + 1).tolist()
    characters = [
        ReadCharacter(character, confidence, start, end)
        for character, start, end in zip(text, places, places[1:], strict=False)
    ]
    levels = np.full((32, width), 200, np.uint8)
    return LineResult(key, levels, truth, Reading(text, confidence, characters))
