"""Break opportunities of text: between characters that do not belong together."""

import functools
import sys
import unicodedata

import numpy as np

_WORD, _DIGIT, _MARK, _JOIN, _JOIN_DIGITS, _BEHIND, _BEFORE, _DOUBLED = (1 << bit for bit in range(8))
_CATEGORIES: dict[str, int] = {
    # Letters that have cases: Latin, Greek, Cyrillic and so on, also full-width; not Han, kana, hangul.
    **dict.fromkeys(("Lu", "Ll", "Lt"), _WORD),
    "Nd": _WORD | _DIGIT,
    **dict.fromkeys(("Mn", "Mc", "Me"), _MARK),
}
_CHARACTERS = {
    **dict.fromkeys("'’.-_/@&．＇－＿／＠＆", _JOIN),  # it's, www.a.com, Wi-Fi, km/h, AT&T
    **dict.fromkeys(",:：", _JOIN_DIGITS),  # 1,000 and 10:30
    **dict.fromkeys("%‰％℃℉°", _BEHIND),
    **dict.fromkeys("$¥£€￥＄￡", _BEFORE),
    **dict.fromkeys("…—―─⋯–", _DOUBLED),
}


def find_breaks(codes: np.ndarray) -> np.ndarray:
    """Returns where a text may be split, bool [N + 1]: before each character, and at the end.

    Words of letters and digits stay whole, with what joins them (3.14, 10:30, don't), as do a number and its
    sign (50%, $5), a mark and its base, and runs of one dash or ellipsis.

    Args:
      codes: Code points, uint32 [N].
    """
    kinds = _find_kinds()[codes]
    bases = _carry_bases(kinds)
    joined = np.zeros(len(codes) + 1, bool)
    left, right = bases[:-1], kinds[1:]
    joined[1:-1] = _both(left, right, _WORD) | (left & _DIGIT > 0) & (right & _BEHIND > 0)
    joined[1:-1] |= (left & _BEFORE > 0) & (right & _DIGIT > 0)
    joined[1:-1] |= (right & _DOUBLED > 0) & (codes[1:] == codes[:-1])
    # A mark at the start of a row has no base: the row's end stays a break.
    joined[1:-1] |= (right & _MARK > 0) & (codes[:-1] != ord("\n"))
    between = (kinds[1:-1] & _JOIN > 0) & _both(bases[:-2], kinds[2:], _WORD)
    between |= (kinds[1:-1] & _JOIN_DIGITS > 0) & _both(bases[:-2], kinds[2:], _DIGIT)
    joined[1:-2] |= between
    joined[2:-1] |= between
    return ~joined


def _both(left: np.ndarray, right: np.ndarray, kind: int) -> np.ndarray:
    return left & right & kind > 0


def _carry_bases(kinds: np.ndarray) -> np.ndarray:
    """Kinds (uint8 [N]) with those of marks replaced by their bases' kinds."""
    places = np.where(kinds & _MARK > 0, 0, np.arange(len(kinds)))
    return kinds[np.maximum.accumulate(places)]


@functools.cache
def _find_kinds() -> np.ndarray:
    """Kinds of every code point as bits, uint8 [code points]."""
    kinds = [_CATEGORIES.get(unicodedata.category(chr(code)), 0) for code in range(sys.maxunicode + 1)]
    for character, kind in _CHARACTERS.items():
        kinds[ord(character)] = kind
    return np.array(kinds, np.uint8)
