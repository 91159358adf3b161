"""The tables of a report's page."""

from collections.abc import Iterable

from densenet_ocr.model.report.calibration import Bin
from densenet_ocr.model.report.confusions import Confusion, Missed
from densenet_ocr.model.report.markup import Child, Markup, element, join, show_character, show_path
from densenet_ocr.model.report.slices import Group, Tally
from densenet_ocr.model.report.wording import NONE, tell_confidence, tell_interval, tell_share

_SIGNS = {"below": "▼", "above": "▲"}


def tabulate_slices(group: Group, overall: Tally) -> Markup:
    """A group's slices with lines, exact match, its interval and CER; marked where all lines differ."""
    head = (group.unit, "lines", "exact match", "95% interval", "CER")
    rows = [
        (
            part.name,
            f"{part.tally.lines:,}",
            [_show_sign(part.compare(overall)), tell_share(part.tally.exact_match)],
            tell_interval(part.tally.exact_match_95) if part.tally.lines else NONE,
            tell_share(part.tally.cer),
        )
        for part in group.slices
        if part.tally.lines or part.low is None
    ]
    return _tabulate(group.title, head, rows, note=group.note)


def tabulate_substitutions(found: list[Confusion]) -> Markup:
    """Characters that were read as others."""
    head = ("truth", "read as", "times", "of the character", "of all edits", "for example")
    rows = [
        (
            _show_code(c.truth),
            _show_code(c.reading),
            f"{c.count:,}",
            tell_share(c.count / c.occurrences),
            tell_share(c.share),
            show_path(c.example),
        )
        for c in found
    ]
    return _tabulate("Read as another character", head, rows)


def tabulate_deletions(found: list[Confusion]) -> Markup:
    """Characters that were not read."""
    head = ("truth", "times", "of the character", "of all edits", "for example")
    rows = [
        (
            _show_code(c.truth),
            f"{c.count:,}",
            tell_share(c.count / c.occurrences),
            tell_share(c.share),
            show_path(c.example),
        )
        for c in found
    ]
    return _tabulate("Not read (deletions)", head, rows)


def tabulate_insertions(found: list[Confusion]) -> Markup:
    """Characters that were read where there are none."""
    head = ("read", "times", "of all edits", "for example")
    rows = [(_show_code(c.reading), f"{c.count:,}", tell_share(c.share), show_path(c.example)) for c in found]
    return _tabulate("Read where nothing is (insertions)", head, rows)


def tabulate_missed(found: list[Missed]) -> Markup:
    """Characters that were misread or lost most often."""
    head = ("truth", "missed", "of how many", "share")
    rows = [
        (
            _show_code(m.character),
            f"{m.count:,}",
            f"{m.occurrences:,}",
            tell_share(m.count / m.occurrences),
        )
        for m in found
    ]
    return _tabulate("Missed most often", head, rows)


def tabulate_bins(title: str, what: str, bins: list[Bin]) -> Markup:
    """Ten bins of confidence."""
    head = ("confidence", what, "mean", "right", "95% interval")
    rows = [
        (
            f"{part.low:g} to {part.high:g}",
            f"{part.count:,}",
            tell_confidence(part.confidence),
            tell_share(part.right),
            tell_interval(part.right_95),
        )
        for part in bins
        if part.count
    ]
    return _tabulate(title, head, rows)


def tabulate_thresholds(bins: list[Bin], count: int) -> Markup:
    """What is left, and how good, where only lines are taken that are at least so sure."""
    head = ("at least", "lines", "of all", "read exactly", "95% interval")
    rows = [
        (
            f"{part.low:g}",
            f"{part.count:,}",
            tell_share(part.count / count if count else None),
            tell_share(part.right),
            tell_interval(part.right_95) if part.count else NONE,
        )
        for part in bins
    ]
    return _tabulate("If only sure lines are taken", head, rows)


def _show_sign(compared: str) -> Markup | None:
    if not compared:
        return None
    sign = element("span", _SIGNS[compared], class_=compared, aria_hidden="true")
    return join([sign, element("span", f"{compared} all lines: ", class_="spoken"), " "])


def _tabulate(title: str, head: Iterable[str], rows: list[tuple[Child, ...]], *, note: str = "") -> Markup:
    """A table that scrolls within itself, with the keyboard too; a word in its place where it has no rows."""
    if not rows:
        return element("div", element("h3", title), element("p", "None.", class_="none"), class_="table")
    names = element("thead", element("tr", [element("th", name, scope="col") for name in head]))
    body = element("tbody", [element("tr", _make_row(row)) for row in rows])
    caption = element("caption", title, element("small", note) if note else None)
    table = element("table", caption, names, body)
    return element("div", table, class_="table", tabindex=0, role="group", aria_label=title)


def _make_row(row: tuple[Child, ...]) -> list[Markup]:
    return [element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])]


def _show_code(character: str) -> Markup:
    """A character and its code point, which tells apart those that look alike."""
    return element(
        "span", show_character(character), element("small", f"U+{ord(character):04X}"), class_="char"
    )
