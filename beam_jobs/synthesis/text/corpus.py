"""Corpora: text as class ids, with its break opportunities."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.breaks import find_breaks
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
