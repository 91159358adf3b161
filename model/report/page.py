"""The report as one HTML file that needs nothing else: no network, no font, no other file."""

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import jinja2

from densenet_ocr.model.report import charts
from densenet_ocr.model.report.lines import WorstLine
from densenet_ocr.model.report.text_filters import FILTERS, NONE, spell

if TYPE_CHECKING:
    from densenet_ocr.model.report.report import Report

# Height of a picture in pixels, where there is room.
_HEIGHT = 48


def build_page(report: "Report", *, title: str, facts: dict[str, object]) -> str:
    """Renders the page of a report; see page/page.html."""
    loader = jinja2.PackageLoader("densenet_ocr.model.report", "page")
    templates = jinja2.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    templates.filters.update(FILTERS)
    templates.globals.update(charts=charts, NONE=NONE)
    style, script = (loader.get_source(templates, name)[0] for name in ("page.css", "page.js"))
    lines = report.worst.lines
    return templates.get_template("page.html").render(
        report=report,
        title=title,
        facts={name: str(value) for name, value in facts.items()},
        style=style,
        script=script,
        # The security policy runs this script, and none that a text or a path might bring.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        lines=lines,
        line_data=_encode_lines(lines),
        line_height=_HEIGHT,
        column=_choose_column(lines),
    )


def _encode_lines(lines: list[WorstLine]) -> str:
    """Returns what the script searches and sorts by, as JSON that cannot end its script element."""
    data = json.dumps([_describe_line(line) for line in lines], separators=(",", ":"))
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return data


def _describe_line(line: WorstLine) -> dict[str, Any]:
    key = line.result.key
    texts = [line.result.truth, line.result.reading.text, key]
    return {
        "texts": texts if key.isprintable() else [*texts, spell(key)],
        "key": key,
        **line.figures,
    }


def _choose_column(lines: list[WorstLine]) -> int:
    """Returns the pixels that nine of ten pictures need with margins, but from 280 to 460."""
    widths = sorted(round(line.width * _HEIGHT / line.result.levels.shape[0]) for line in lines)
    return min(max(widths[len(widths) * 9 // 10] + 34, 280), 460) if widths else 280
