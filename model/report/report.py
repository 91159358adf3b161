"""How good a model is on a split and where it fails: a page for people, and the same figures as JSON.

Lines are added one by one; only sums and the worst lines with their pictures are kept.
"""

import json
from typing import Any

from densenet_ocr.model.reading.reading import LineResult
from densenet_ocr.model.report.alignment import align, count_edits
from densenet_ocr.model.report.changes import Changes
from densenet_ocr.model.report.confusions import Confusions
from densenet_ocr.model.report.lines import WorstLines
from densenet_ocr.model.report.page import build_page
from densenet_ocr.model.report.reliability import Reliability
from densenet_ocr.model.report.slices import Slices, Tally
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError

PAGE, FIGURES = "index.html", "report.json"


class Report:
    """Figures of the lines that are added.

    Attributes:
      charset: The model's characters.
      slices: Scores by kind of line.
      confusions: Characters that are taken for others.
      line_confidence: Reliability of the confidences of lines.
      character_confidence: Reliability of the confidences of characters.
      changes: What decoding changed, of lines that have a greedy text too.
      worst: The worst lines.
    """

    def __init__(self, *, charset: Charset, seen: dict[str, int] | None, worst: int = 200) -> None:
        """Makes an empty report.

        Args:
          charset: The model's characters.
          seen: How often training had each character; None where that is not known.
          worst: Number of worst lines to keep.
        """
        self.charset = charset
        self.slices = Slices(seen)
        self.confusions = Confusions()
        self.line_confidence, self.character_confidence = Reliability(), Reliability()
        self.changes = Changes(seen)
        self.worst = WorstLines(worst)

    @property
    def totals(self) -> Tally:
        """Sums over all lines; exact match and CER equal those of network.metrics.Scores."""
        return self.slices.overall

    @property
    def characters_seen(self) -> int:
        """How many of the charset's characters are in the lines."""
        return sum(character in self.charset for character in self.confusions.occurrences)

    def add(self, result: LineResult) -> None:
        """Counts a line.

        Raises:
          UserError: a confidence is not a number from 0 to 1.
        """
        truth, reading = result.truth, result.reading
        if len(reading.characters) != len(reading.text):
            raise ValueError(f"{result.key}: {len(reading.characters)} characters of {reading.text!r}")
        steps = align(truth, reading.text)
        edits = count_edits(steps)
        self._add_confidences(result, [not step.is_edit for step in steps if step.reading], not edits)
        self.slices.add(truth, result.levels.shape[1], edits)
        if reading.greedy_text is not None:
            self.changes.add(truth, reading.greedy_text, steps)
        self.confusions.add_truth(truth)
        if edits:
            self.confusions.add_steps(result.key, steps)
            self.worst.add(result, steps, edits)

    def describe(self, *, title: str, facts: dict[str, object]) -> dict[str, Any]:
        """Returns the content of report.json; shares are from 0 to 1, null where there is nothing to share."""
        return {
            "title": title,
            "facts": {name: str(value) for name, value in facts.items()},
            "totals": self.totals.describe(),
            "characters": {"charset": len(self.charset.characters), "in_lines": self.characters_seen},
            "slices": {
                group.name: [part.describe() for part in group.slices] for group in self.slices.groups()
            },
            "confusions": self.confusions.describe(),
            "calibration": {
                "lines": self.line_confidence.describe(),
                "characters": self.character_confidence.describe(),
            },
            "changes": self.changes.describe(),
            "worst": self.worst.describe(),
        }

    def save(self, folder: str, *, title: str, facts: dict[str, object]) -> None:
        """Writes index.html and report.json into a folder, which is made where it is missing.

        Args:
          folder: The folder.
          title: Title of the page.
          facts: What was measured on which data, by the names that the page shows.
        """
        storage.make_folder(folder)
        figures = json.dumps(self.describe(title=title, facts=facts), indent=1, ensure_ascii=False)
        # A path that is not UTF-8 becomes an escape, which is still JSON.
        data = f"{figures}\n".encode("utf-8", "backslashreplace")
        storage.write_atomically(storage.join(folder, FIGURES), data)
        page = build_page(self, title=title, facts=facts).encode("utf-8")
        storage.write_atomically(storage.join(folder, PAGE), page)

    def _add_confidences(self, result: LineResult, rights: list[bool], is_right: bool) -> None:
        """Counts the confidences of a line and of its characters, of which `rights` says which are right."""
        try:
            self.line_confidence.add(result.reading.confidence, is_right)
            for character, right in zip(result.reading.characters, rights, strict=True):
                self.character_confidence.add(character.confidence, right)
        except ValueError as error:
            raise UserError(
                f"reading of {result.key}",
                received=str(error),
                expected="confidences from 0 to 1",
                remedy="The weights may hold values that are not numbers: try another --checkpoint.",
            ) from None


def count_seen(info: DatasetInfo, split: str) -> dict[str, int] | None:
    """Returns how often a split has each character; None where its description does not know."""
    if split not in info.splits or "characters" not in info.splits[split].statistics:
        return None
    counts = info.splits[split].statistics["characters"]
    return {info.charset.characters[int(k)]: count for k, count in counts.items()}
