"""A report's figures as JSON has them: those of the page, and of confusions more."""

from densenet_ocr.model.report.calibration import Bin, Calibration
from densenet_ocr.model.report.confusions import Confusion, Confusions
from densenet_ocr.model.report.slices import Slice, Tally
from densenet_ocr.model.report.worst_lines import WorstLine

# Of confusions the page shows the first few, scripts get more.
_MOST_CONFUSIONS = 1000


def list_figures(report, *, title: str, facts: dict[str, object]) -> dict:
    """The content of report.json; shares are from 0 to 1, null where there is nothing to share."""
    return {
        "title": title,
        "facts": {name: str(value) for name, value in facts.items()},
        "totals": _list_tally(report.totals),
        "characters": {
            "charset": len(report.charset.characters),
            "in_lines": report.count_characters(),
        },
        "slices": {g.name: [_list_slice(s) for s in g.slices] for g in report.slices.groups()},
        "confusions": _list_confusions(report.confusions),
        "calibration": {
            "lines": _list_calibration(report.line_confidence),
            "characters": _list_calibration(report.character_confidence),
        },
        "worst": [_list_line(line) for line in report.worst],
    }


def _list_tally(tally: Tally) -> dict:
    return {
        "lines": tally.lines,
        "exact": tally.exact,
        "exact_match": tally.exact_match,
        "exact_match_95": list(tally.exact_match_95),
        "edits": tally.edits,
        "characters": tally.characters,
        "cer": tally.cer,
    }


def _list_slice(part: Slice) -> dict:
    return {"name": part.name, "low": part.low, "high": part.high, **_list_tally(part.tally)}


def _list_confusions(confusions: Confusions) -> dict:
    def tell(found: list[Confusion]) -> list[dict]:
        return [confusion._asdict() for confusion in found]

    return {
        "substitutions": tell(confusions.substitutions(_MOST_CONFUSIONS)),
        "deletions": tell(confusions.deletions(_MOST_CONFUSIONS)),
        "insertions": tell(confusions.insertions(_MOST_CONFUSIONS)),
        "missed": [missed._asdict() for missed in confusions.missed(_MOST_CONFUSIONS)],
    }


def _list_calibration(calibration: Calibration) -> dict:
    def tell(bins: list[Bin]) -> list[dict]:
        return [bin._asdict() for bin in bins]

    return {
        "count": calibration.count,
        "expected_calibration_error": calibration.error,
        "bins": tell(calibration.bins()),
        "thresholds": tell(calibration.thresholds()),
    }


def _list_line(line: WorstLine) -> dict:
    reading = line.result.reading
    return {
        "key": line.result.key,
        "truth": line.result.truth,
        "reading": reading.text,
        "confidence": float(reading.confidence),
        "edits": line.edits,
        "length": line.length,
        "width": line.width,
        "alignment": [list(step) for step in line.steps],
    }
