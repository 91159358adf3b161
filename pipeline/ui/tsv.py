"""Rows of tab-separated cells of any text."""

from collections.abc import Iterable


def join_cells(cells: Iterable[str]) -> str:
    r"""Joins cells to a row; a backslash, a tab and line ends become \\, \t, \r and \n."""
    return "\t".join(map(_escape, cells))


def split_cells(row: str) -> list[str]:
    """Splits a row into cells; inverts `join_cells`."""
    return [_unescape(cell) for cell in row.split("\t")]


_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"}
_TABLE = str.maketrans(_ESCAPES)
_BACK = {escape: character for character, escape in _ESCAPES.items()}


def _escape(cell: str) -> str:
    return cell.translate(_TABLE)


def _unescape(cell: str) -> str:
    parts, place = [], 0
    while place < len(cell):
        length = 2 if cell[place : place + 2] in _BACK else 1
        parts.append(_BACK.get(cell[place : place + length], cell[place]))
        place += length
    return "".join(parts)
