"""Text as class ids, and where it may be cut."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.corpus_files import TextFile, parse_source
from densenet_ocr.beam_jobs.synthesis.text.cuts import find_cuts
from densenet_ocr.beam_jobs.synthesis.text.spelling import Spelling, read_character_map
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import ENCODING

_CODES = 0x110000  # all code points


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """The text of one source, row after row.

    `ids` (int32 [N]) are class ids, -1 for what no line may hold: a character that the charset lacks, the end
    of a row. `may_cut` (bool [N + 1]) says where lines may begin and end, `space` is the class of the space,
    which they neither begin nor end with (-1 where there is none). `uniform` marks the source `charset`, whose
    lines hold each of `ids` (all characters but blanks, once) equally often. `outside` counts the characters
    that the charset lacks, the most frequent first; `files` are the paths with their SHA-256.
    """

    name: str
    weight: float
    charset: Charset
    ids: np.ndarray
    may_cut: np.ndarray
    space: int = -1
    uniform: bool = False
    outside: dict[str, int] = dataclasses.field(default_factory=dict)
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    def count_ids(self, characters: int) -> np.ndarray:
        """How often each of so many characters stands in the text, int64 [characters]."""
        return np.bincount(self.ids[self.ids >= 0], minlength=characters)


def read_corpora(
    sources: Sequence[str],
    charset: Charset,
    *,
    encoding: str = ENCODING,
    character_map: str | None = None,
    width: str = "as_is",
) -> list[Corpus]:
    """The text of sources: `charset`, `FILES` of plain text, or `list:FILES`; each may end with `=WEIGHT`.

    FILES is a path or a glob, whose files are one source. A list is one of lines (pipeline.line_list); the text
    of each row stands alone. `encoding` is that of all files, `character_map` a file for read_character_map,
    `width` one of spelling.WIDTHS. Raises UserError, with file:line where a row is meant.
    """
    spelling = Spelling(read_character_map(character_map) if character_map else {}, width)
    encoder = _Encoder(charset, spelling)
    if not sources:
        raise UserError("text", received="no source", expected="at least one", remedy="Set --text.")
    corpora = []
    for source in sources:
        name, weight, files = parse_source(source, encoding)
        corpora.append(encoder.encode(name, weight, files) if files else _make_uniform(name, weight, charset))
    return corpora


def _make_uniform(name: str, weight: float, charset: Charset) -> Corpus:
    ids = np.array([k for k, c in enumerate(charset.characters) if not c.isspace()], np.int32)
    cuts = np.ones(len(ids) + 1, bool)
    return Corpus(name=name, weight=weight, charset=charset, ids=ids, may_cut=cuts, uniform=True)


def find_undrawn(corpora: Sequence[Corpus], coverage: np.ndarray) -> dict[str, int]:
    """The characters of text that no face draws, and how often they stand there, the most frequent first.

    `coverage` (bool [faces, characters]) says which face draws what. Lines hold none of these.
    """
    counts = collections.Counter()
    for corpus in corpora:
        lost = np.where(coverage.any(axis=0), 0, corpus.count_ids(coverage.shape[1]))
        counts.update({corpus.charset.characters[k]: int(lost[k]) for k in np.flatnonzero(lost)})
    return _sort(counts)


class _Encoder:
    """Makes corpora of text."""

    def __init__(self, charset: Charset, spelling: Spelling):
        self._spelling = spelling
        spaces = " \u3000" if spelling.width != "full" else "\u3000 "
        self._space = next((charset.encode(space)[0] for space in spaces if space in charset), -1)
        self._classes = np.full(_CODES, -1, np.int32)
        self._classes[[ord(c) for c in charset.characters]] = np.arange(charset.blank)
        # A row's end is no character, and every blank of a row has become a space.
        self._classes[ord("\n")], self._classes[ord(" ")] = -1, self._space
        self._charset = charset

    def encode(self, name: str, weight: float, files: Sequence[TextFile]) -> Corpus:
        """The corpus of files."""
        outside, ids, cuts = np.zeros(_CODES, np.int64), [np.zeros(0, np.int32)], [np.zeros(0, bool)]
        hashes = {}
        for file in files:
            for text in file.read(self._charset):
                codes = _find_codes(self._spelling.apply(text + "\n"))
                ids.append(self._classes[codes])
                cuts.append(find_cuts(codes)[:-1])
                outside += np.bincount(codes[ids[-1] < 0], minlength=_CODES)
            hashes[file.path] = file.sha256
        outside[ord("\n")] = 0
        return Corpus(
            name=name,
            weight=weight,
            charset=self._charset,
            ids=np.concatenate(ids),
            may_cut=np.concatenate([*cuts, [True]]),
            space=self._space,
            outside=_sort({chr(k): int(outside[k]) for k in np.flatnonzero(outside)}),
            files=hashes,
        )


def _find_codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _sort(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
