"""How good a model is on a split and where it fails, for people (a page) and for scripts (JSON).

Lines come one by one; kept are sums, and the worst lines with their pictures.
"""

import json

from densenet_ocr.model.report.alignment import align, count_edits
from densenet_ocr.model.report.calibration import Calibration
from densenet_ocr.model.report.confusions import Confusions
from densenet_ocr.model.report.figures import list_figures
from densenet_ocr.model.report.line_result import LineResult
from densenet_ocr.model.report.page import build_page
from densenet_ocr.model.report.slices import Slices, Tally
from densenet_ocr.model.report.worst_lines import WorstLines
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError

PAGE, FIGURES = "index.html", "report.json"


class Report:
    """The figures of the lines that were added."""

    def __init__(self, *, charset: Charset, seen: dict[str, int] | None, worst: int = 200):
        """Takes the model's charset, how often training had each character (None: not known), lines to show."""
        self.charset = charset
        self.slices = Slices(seen)
        self.confusions = Confusions()
        self.line_confidence, self.character_confidence = Calibration(), Calibration()
        self.worst = WorstLines(worst)

    @property
    def totals(self) -> Tally:
        """Sums over all lines; exact match and CER are those of `model.network.metrics.Scores`."""
        return self.slices.overall

    def add(self, result: LineResult) -> None:
        """Counts a line; raises UserError where a confidence is no number from 0 to 1."""
        truth, reading = result.truth, result.reading
        if len(reading.characters) != len(reading.text):
            raise ValueError(f"{result.key}: {len(reading.characters)} characters of {reading.text!r}")
        steps = align(truth, reading.text) if truth != reading.text else []
        edits = count_edits(steps)
        self._add_confidences(result, [not s.is_edit for s in steps if s.reading] if edits else None)
        self.slices.add(truth, result.levels.shape[1], edits)
        self.confusions.add_truth(truth)
        if edits:
            self.confusions.add_steps(result.key, steps)
            self.worst.add(result, steps, edits)

    def count_characters(self) -> int:
        """How many of the charset's characters stand in the lines."""
        return sum(character in self.charset for character in self.confusions.occurrences)

    def save(self, folder: str, *, title: str, facts: dict[str, object]) -> None:
        """Writes index.html and report.json into a folder, which is made where it is missing.

        `facts` tell what was measured on which data, as the page shall name them.
        """
        storage.make_folder(folder)
        figures = json.dumps(list_figures(self, title=title, facts=facts), indent=1, ensure_ascii=False)
        # A path that is not UTF-8 becomes an escape, which is JSON still.
        data = f"{figures}\n".encode("utf-8", "backslashreplace")
        storage.write_atomically(storage.join(folder, FIGURES), data)
        page = build_page(self, title=title, facts=facts).encode("utf-8")
        storage.write_atomically(storage.join(folder, PAGE), page)

    def _add_confidences(self, result: LineResult, rights: list[bool] | None) -> None:
        """Counts a line's confidence and its characters'; `rights` is None where all are right."""
        reading = result.reading
        try:
            self.line_confidence.add(reading.confidence, rights is None)
            for k, character in enumerate(reading.characters):
                self.character_confidence.add(character.confidence, rights is None or rights[k])
        except ValueError as error:
            raise UserError(
                f"reading of {result.key}",
                received=str(error),
                expected="confidences from 0 to 1",
                remedy="The weights may hold values that are no numbers: try another --checkpoint.",
            ) from None


def count_seen(info: DatasetInfo, split: str) -> dict[str, int] | None:
    """How often a split has each character, by its description; None where that does not tell."""
    if split not in info.splits or "characters" not in info.splits[split].statistics:
        return None
    counts = info.splits[split].statistics["characters"]
    return {info.charset.characters[int(k)]: count for k, count in counts.items()}
