"""Lines of a split with what was read, and the worst of them with their alignments."""

import base64
import bisect
import dataclasses
import io
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

from densenet_ocr.model.reading.reading import LineResult, ReadCharacter
from densenet_ocr.model.report.alignment import Step


class ReadStep(NamedTuple):
    """A step of a line's alignment, and the character that was read in it, if one was."""

    step: Step
    character: ReadCharacter | None

    @property
    def kind(self) -> str:
        """Kind of the edit: wrong, lost or extra; "" for a character that was read right."""
        if not self.step.is_edit:
            return ""
        if self.step.truth and self.step.reading:
            return "wrong"
        return "lost" if self.step.truth else "extra"


@dataclasses.dataclass(frozen=True)
class WorstLine:
    """A misread line, its alignment and its number of edits."""

    result: LineResult
    steps: list[Step]
    edits: int

    @property
    def length(self) -> int:
        """Characters of the truth."""
        return len(self.result.truth)

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return self.result.levels.shape[1]

    @property
    def figures(self) -> dict[str, float]:
        """Figures of the line, as report.json and the page's script have them."""
        confidence = float(self.result.reading.confidence)
        return {"confidence": confidence, "edits": self.edits, "length": self.length, "width": self.width}

    @property
    def rank(self) -> tuple[float, float, str]:
        """Sorts the worst first: edits per character of the truth, then confidence, then the key."""
        return -self.edits / max(self.length, 1), -self.result.reading.confidence, self.result.key

    @property
    def read_steps(self) -> list[ReadStep]:
        """The alignment with the characters that were read."""
        characters = iter(self.result.reading.characters)
        return [ReadStep(step, next(characters) if step.reading else None) for step in self.steps]

    @property
    def runs(self) -> Iterator[tuple[bool, list[ReadStep]]]:
        """(whether they are edits, steps) of neighbouring steps that are edits, or that are none."""
        for is_edit, group in itertools.groupby(self.read_steps, lambda read: read.step.is_edit):
            yield is_edit, list(group)

    @property
    def picture(self) -> str:
        """The line's picture as the data: URI of a PNG."""
        data = io.BytesIO()
        PIL.Image.fromarray(self.result.levels).save(data, "PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


class WorstLines:
    """The worst lines of those that are added.

    Attributes:
      lines: These lines, the worst one first.
    """

    def __init__(self, most: int) -> None:
        """Keeps at most `most` lines, however many are added."""
        self.lines: list[WorstLine] = []
        self._most = most

    def add(self, result: LineResult, steps: list[Step], edits: int) -> None:
        """Considers a misread line; keeps a copy of its picture."""
        line = WorstLine(result, steps, edits)
        if not self._most or (len(self.lines) == self._most and line.rank >= self.lines[-1].rank):
            return
        # A view of a batch would hold the whole batch.
        line = dataclasses.replace(line, result=result._replace(levels=np.array(result.levels)))
        bisect.insort(self.lines, line, key=lambda kept: kept.rank)
        del self.lines[self._most :]

    def describe(self) -> list[dict[str, Any]]:
        """Returns the lines as report.json has them."""
        return [
            {
                "key": line.result.key,
                "truth": line.result.truth,
                "reading": line.result.reading.text,
                **line.figures,
                "alignment": [list(step) for step in line.steps],
            }
            for line in self.lines
        ]
