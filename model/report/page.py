"""A report as one HTML file that needs nothing else: no network, no font, no other file."""

import base64
import hashlib
import importlib.resources
import re

from densenet_ocr.model.report.calibration import Calibration
from densenet_ocr.model.report.charts import draw_calibration, draw_slices
from densenet_ocr.model.report.lines import list_data, list_lines
from densenet_ocr.model.report.markup import Markup, element, join, show
from densenet_ocr.model.report.slices import Group
from densenet_ocr.model.report.tables import (
    tabulate_bins,
    tabulate_deletions,
    tabulate_insertions,
    tabulate_missed,
    tabulate_slices,
    tabulate_substitutions,
    tabulate_thresholds,
)
from densenet_ocr.model.report.wording import tell_count, tell_interval, tell_share

# Rows of a table of confusions on the page; report.json has more.
_MOST_CONFUSIONS = 20


def build_page(report, *, title: str, facts: dict[str, object]) -> str:
    """The page's HTML."""
    script = _read_file("page.js")
    parts = {
        "title": show(title),
        "script_hash": _hash_script(script),
        "style": _read_file("page.css"),
        "script": script,
        "summary": _summarise(report),
        "totals": _show_totals(report),
        "facts": _list_facts(report, facts),
        "charts": _draw_charts(report),
        "slices": join(tabulate_slices(group, report.totals) for group in report.slices.groups()),
        "confusions": _show_confusions(report),
        "calibration": _show_calibration(report.line_confidence, report.character_confidence),
        "worst_note": _describe_worst(report),
        "lines": list_lines(report.worst),
        "line_data": list_data(report.worst),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read_file("page.html"))


def _read_file(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash_script(script: str) -> str:
    """What the page's security policy lets run: this script, and none that a text or a path might bring."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _summarise(report) -> Markup:
    totals = report.totals
    if not totals.lines:
        return element("p", "There were no lines to read.", class_="summary")
    wrong = totals.lines - totals.exact
    told = f"Misread: {f'{wrong:,}' if wrong else 'none'} of {tell_count(totals.lines, 'line')}."
    return element("p", told, class_="summary")


def _show_totals(report) -> Markup:
    totals = report.totals
    edits = f"{tell_count(totals.edits, 'edit')} in {tell_count(totals.characters, 'character')}"
    interval = f"95% interval {tell_interval(totals.exact_match_95)}"
    match = (interval, _draw_interval(totals)) if totals.lines else ("no lines", None)
    tiles = [
        ("Exact match", tell_share(totals.exact_match), *match),
        ("Character error rate (CER)", tell_share(totals.cer), edits, None),
        ("Lines", f"{totals.lines:,}", f"{totals.exact:,} read exactly", None),
    ]
    return join(
        element("div", element("dt", name), element("dd", figure), element("dd", note, bar), class_="tile")
        for name, figure, note, bar in tiles
    )


def _draw_interval(totals) -> Markup:
    low, high = totals.exact_match_95
    style = f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"
    return element("span", element("i", style=style), class_="interval", aria_hidden="true")


def _list_facts(report, facts: dict[str, object]) -> Markup:
    known, found = len(report.charset.characters), report.count_characters()
    characters = f"{found:,} of the charset's {known:,} stand in these lines"
    return join(
        element("div", element("dt", name), element("dd", element("bdi", str(value))))
        for name, value in {**facts, "characters": characters}.items()
    )


def _draw_charts(report) -> Markup:
    return join(_draw_group(group) for group in report.slices.groups()[:2])


def _draw_group(group: Group) -> Markup:
    """The chart of a group; lines that are all of one kind need none."""
    title = f"Exact match by {group.title[0].lower()}{group.title[1:]}"
    if len(group.slices) > 1:
        chart = draw_slices(group.slices, title=title, unit=group.unit)
        note = "Dots with 95% intervals; the bars below are numbers of lines. The axis may not begin at 0."
        return _caption(title, chart, note)
    alike = f"All lines have the same: {group.slices[0].name} {group.unit}." if group.slices else "No lines."
    return _caption(title, None, alike)


def _caption(title: str, chart: Markup | None, note: str) -> Markup:
    return element("figure", element("h3", title), chart, element("figcaption", note))


def _show_confusions(report) -> Markup:
    found = report.confusions
    return join(
        [
            tabulate_substitutions(found.substitutions(_MOST_CONFUSIONS)),
            tabulate_missed(found.missed(_MOST_CONFUSIONS)),
            tabulate_deletions(found.deletions(_MOST_CONFUSIONS)),
            tabulate_insertions(found.insertions(_MOST_CONFUSIONS)),
        ]
    )


def _show_calibration(lines: Calibration, characters: Calibration) -> Markup:
    title = "Confidence against what is right"
    note = (
        "Circles are lines, diamonds characters; on the dashed line confidence is what it says. "
        f"Expected calibration error: {tell_share(lines.error)} of lines, {tell_share(characters.error)} of "
        "characters."
    )
    return join(
        [
            _caption(title, draw_calibration(lines, characters, title=title), note),
            tabulate_thresholds(lines.thresholds(), lines.count),
            tabulate_bins("Lines by confidence", "lines", lines.bins()),
            tabulate_bins("Characters by confidence", "characters", characters.bins()),
        ]
    )


def _describe_worst(report) -> str:
    wrong = report.totals.lines - report.totals.exact
    if not wrong:
        return "No line was misread."
    kept, misread = len(report.worst), tell_count(wrong, "misread line")
    shown = f"All {misread}" if kept == wrong and wrong > 1 else f"{kept:,} of {misread}"
    return (
        f"{shown}. The worst come first: those with the most edits for each character of their truth, and of "
        "equal ones those that the model was surest of."
    )
