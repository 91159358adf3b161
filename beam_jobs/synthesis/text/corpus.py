"""Corpora: text as class ids, with its break opportunities between characters that do not belong together."""

import collections
import dataclasses
import functools
import sys
import unicodedata
from collections.abc import Sequence

import numpy as np

from densenet_ocr.pipeline.charset import NO_FORM, Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.lists.opening import AUTO
from densenet_ocr.pipeline.text.text_encoder import TextEncoder, sort_counts
from densenet_ocr.pipeline.text.text_files import TextFile, parse_source
from densenet_ocr.pipeline.text.text_normalisation import TextNormaliser, read_character_map


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """The text of one source.

    Attributes:
      name: The source, as the user gave it, without its weight.
      weight: How often lines are sampled from it, relative to other corpora.
      charset: The charset of the ids.
      ids: Class ids of the characters, int32 [N]; -1 for characters that the charset lacks and for row ends.
      may_break: Where lines may start and end, bool [N + 1].
      space: Class id of the space, which lines neither start nor end with; -1 without one.
      uniform: Marks the source `charset`: its ids are all characters but blanks, to be sampled uniformly.
      outside: Occurrences of each character that the charset lacks, the most frequent first.
      files: SHA-256 of each file, by path.
    """

    name: str
    weight: float
    charset: Charset
    ids: np.ndarray
    may_break: np.ndarray
    space: int = -1
    uniform: bool = False
    outside: dict[str, int] = dataclasses.field(default_factory=dict)
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    def count_ids(self, characters: int) -> np.ndarray:
        """Returns how often each of so many characters occurs in the text, int64 [characters]."""
        return np.bincount(self.ids[self.ids >= 0], minlength=characters)


def read_corpora(
    sources: Sequence[str],
    charset: Charset,
    *,
    encoding: str = ENCODING,
    list_format: str = AUTO,
    character_map: str | None = None,
    width: str = "as_is",
    normalize: str = NO_FORM,
) -> list[Corpus]:
    """Reads text sources.

    Args:
      sources: `charset`, `FILES` of plain text, or `list:FILES`, each with an optional `=WEIGHT`.
        FILES is a path or a glob; the files of a glob are one corpus. Rows of a list (see
        pipeline.lists) are separate texts.
      charset: Charset of the ids.
      encoding: Encoding of all files.
      list_format: What the rows of lists mean, one of pipeline.lists.opening.FORMATS.
      character_map: File for read_character_map.
      width: One of text_normalisation.WIDTHS.
      normalize: Form of Unicode that texts are brought to, one of charset.NORMALIZATIONS.

    Raises:
      UserError: a source cannot be read; names file:line where a row is at fault.
    """
    normaliser = TextNormaliser(read_character_map(character_map) if character_map else {}, width, normalize)
    encoder = TextEncoder(charset, normaliser)
    if not sources:
        raise UserError("text", received="no source", expected="at least one", remedy="Set --text.")
    corpora = []
    for source in sources:
        name, weight, files = parse_source(source, encoding, list_format)
        corpora.append(
            _encode_files(name, weight, files, charset, encoder)
            if files
            else _make_uniform(name, weight, charset)
        )
    return corpora


def _make_uniform(name: str, weight: float, charset: Charset) -> Corpus:
    ids = np.array([k for k, c in enumerate(charset.characters) if not c.isspace()], np.int32)
    breaks = np.ones(len(ids) + 1, bool)
    return Corpus(name=name, weight=weight, charset=charset, ids=ids, may_break=breaks, uniform=True)


def count_undrawable(corpora: Sequence[Corpus], coverage: np.ndarray) -> dict[str, int]:
    """Returns the characters of corpora that no face has, with their occurrences, the most frequent first.

    Args:
      corpora: Texts of one charset.
      coverage: Which face has which character, bool [faces, characters].
    """
    counts: collections.Counter[str] = collections.Counter()
    for corpus in corpora:
        lost = np.where(coverage.any(axis=0), 0, corpus.count_ids(coverage.shape[1]))
        counts.update({corpus.charset.characters[k]: int(lost[k]) for k in np.flatnonzero(lost)})
    return sort_counts(counts)


def _encode_files(
    name: str, weight: float, files: Sequence[TextFile], charset: Charset, encoder: TextEncoder
) -> Corpus:
    ids, breaks, hashes = [np.zeros(0, np.int32)], [np.zeros(0, bool)], {}
    for file in files:
        for text in file.read(charset):
            codes, classes = encoder.encode(text)
            ids.append(classes)
            breaks.append(find_breaks(codes)[:-1])
        hashes[file.path] = file.sha256
    return Corpus(
        name=name,
        weight=weight,
        charset=charset,
        ids=np.concatenate(ids),
        may_break=np.concatenate([*breaks, [True]]),
        space=encoder.space,
        outside=encoder.take_outside(),
        files=hashes,
    )


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
