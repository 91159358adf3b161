"""Rows of tab-separated cells of any text."""

import re
from collections.abc import Iterable

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"}
_TABLE = str.maketrans(_ESCAPES)
_BACK = {escape: character for character, escape in _ESCAPES.items()}
_ESCAPED = re.compile(r"\\[\\trn]")


def join_cells(cells: Iterable[str]) -> str:
    r"""Joins cells to a row; a backslash, a tab and line ends become \\, \t, \r and \n."""
    return "\t".join(cell.translate(_TABLE) for cell in cells)


def split_cells(row: str) -> list[str]:
    """Splits a row into cells; inverts `join_cells`."""
    return [_ESCAPED.sub(lambda found: _BACK[found[0]], cell) for cell in row.split("\t")]
