"""Corpora: text as class ids, with its break opportunities."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.breaks import find_breaks
from densenet_ocr.beam_jobs.synthesis.text.corpus_files import TextFile, parse_source
from densenet_ocr.beam_jobs.synthesis.text.text_normalisation import TextNormaliser, read_character_map
from densenet_ocr.pipeline.charset import NO_FORM, Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.lists.opening import AUTO

_CODES = 0x110000  # all code points


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
    encoder = _Encoder(charset, normaliser)
    if not sources:
        raise UserError("text", received="no source", expected="at least one", remedy="Set --text.")
    corpora = []
    for source in sources:
        name, weight, files = parse_source(source, encoding, list_format)
        corpora.append(encoder.encode(name, weight, files) if files else _make_uniform(name, weight, charset))
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
    return _sort(counts)


class _Encoder:
    """Encodes text files as corpora."""

    def __init__(self, charset: Charset, normaliser: TextNormaliser) -> None:
        self._normaliser = normaliser
        spaces = " \u3000" if normaliser.width != "full" else "\u3000 "
        self._space = next((charset.encode(space)[0] for space in spaces if space in charset), -1)
        self._classes = np.full(_CODES, -1, np.int32)
        for character, k in charset.class_of.items():
            if len(character) == 1:  # a normal form may be longer
                self._classes[ord(character)] = k
        # A row's end has no class, and normalised text has no other blank than the space.
        self._classes[ord("\n")], self._classes[ord(" ")] = -1, self._space
        self._charset = charset

    def encode(self, name: str, weight: float, files: Sequence[TextFile]) -> Corpus:
        """Returns the corpus of files."""
        outside, ids, breaks = np.zeros(_CODES, np.int64), [np.zeros(0, np.int32)], [np.zeros(0, bool)]
        hashes = {}
        for file in files:
            for text in file.read(self._charset):
                codes = _find_codes(self._normaliser.apply(text + "\n"))
                ids.append(self._classes[codes])
                breaks.append(find_breaks(codes)[:-1])
                outside += np.bincount(codes[ids[-1] < 0], minlength=_CODES)
            hashes[file.path] = file.sha256
        outside[ord("\n")] = 0
        return Corpus(
            name=name,
            weight=weight,
            charset=self._charset,
            ids=np.concatenate(ids),
            may_break=np.concatenate([*breaks, [True]]),
            space=self._space,
            outside=_sort({chr(k): int(outside[k]) for k in np.flatnonzero(outside)}),
            files=hashes,
        )


def _find_codes(text: str) -> np.ndarray:
    """Code points of a text, uint32 [N]."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _sort(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
