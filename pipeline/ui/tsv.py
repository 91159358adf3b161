"""Rows of tab-separated cells, whatever the cells hold."""

from collections.abc import Iterable


def join_cells(cells: Iterable[str]) -> str:
    r"""One row: in each cell a backslash, a tab and line ends are written \\, \t, \r and \n."""
    return "\t".join(map(_escape, cells))


def split_cells(row: str) -> list[str]:
    """The cells that `join_cells` made a row of."""
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
