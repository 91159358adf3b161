"""Windows of a corpus: the places where a line of a given length may start."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, count_undrawable
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.lengths import Lengths, format_numbers
from densenet_ocr.pipeline.charset import show_characters
from densenet_ocr.pipeline.errors import UserError

_BLOCK = 1 << 20  # places per numpy operation; a multiple of 8, for they are stored as bits
_CHUNK = 16  # bytes per entry of the index; their ones fit into uint8
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.int64)

_LONGEST_SHOWN = 64  # an error names the lengths up to this one that a corpus has
_MOST_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class WindowCounts:
    """Numbers of windows of one length.

    Attributes:
      cut: Windows between two breaks of one row.
      no_face: Those of them that no single face has all characters of.
      frames: Those of the others that need more frames than a line may have.
    """

    cut: int
    no_face: int
    frames: int

    @property
    def good(self) -> int:
        """Windows that lines can have."""
        return self.cut - self.no_face - self.frames


class Windows:
    """Starts of the good windows of one length, stored as one bit per character of the text."""

    def __init__(self, bits: np.ndarray, counts: WindowCounts) -> None:
        """Takes one bit per place, uint8 [N], the lowest bit first."""
        self.counts = counts
        self._bits = np.pad(bits, (0, -len(bits) % _CHUNK)).reshape(-1, _CHUNK)
        self._ends = np.cumsum(sum(_ONES[self._bits[:, place]] for place in range(_CHUNK)))

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the starts of good windows, int64 [lines], by their numbers from 0 on, int64 [lines]."""
        chunks = np.searchsorted(self._ends, numbers, side="right")
        bits = np.unpackbits(self._bits[chunks], axis=1, bitorder="little")
        found = np.cumsum(bits, axis=1, dtype=np.uint8)  # windows up to each place of the chunk
        behind = self._ends[chunks] - numbers  # windows from the one on to the end of its chunk
        return chunks * 8 * _CHUNK + np.argmax(found > (found[:, -1] - behind)[:, None], axis=1)


def find_windows(
    corpus: Corpus, sets: FaceSets, lengths: Sequence[int], *, max_frames: float
) -> dict[int, Windows]:
    """Returns the windows of each length.

    Args:
      corpus: The text.
      sets: The faces that have each character.
      lengths: Ascending numbers of characters.
      max_frames: Most frames that a line may need; math.inf for any number.
    """
    found = {length: ([np.zeros(0, np.uint8)], np.zeros(3, np.int64)) for length in lengths}
    drawable, longest = np.append(sets.drawable, False), max(lengths)  # that of id -1 is the last
    for start in range(0, len(corpus.ids), _BLOCK):
        size = min(_BLOCK, len(corpus.ids) - start)
        ids = corpus.ids[start : start + size + longest]
        ids = np.pad(np.where(drawable[ids], ids, -1), (0, size + longest - len(ids)), constant_values=-1)
        breaks = corpus.may_break[start : start + size + longest]
        breaks = np.pad(breaks, (0, size + longest - len(breaks)))
        for length, good, counts in _scan(ids, breaks, corpus.space, sets, lengths, max_frames):
            found[length][0].append(np.packbits(good, bitorder="little"))
            found[length][1][:] += counts
    return {
        length: Windows(np.concatenate(bits), WindowCounts(*counts.tolist()))
        for length, (bits, counts) in found.items()
    }


def explain_no_windows(corpus: Corpus, sets: FaceSets, lengths: Lengths, max_frames: float) -> UserError:
    """Returns the error for a corpus without windows: says what prevents them."""
    several = range(1, max(_LONGEST_SHOWN, lengths.longest) + 1)
    found = find_windows(corpus, sets, several, max_frames=max_frames)
    counts = {length: windows.counts for length, windows in found.items()}
    wished, available = [counts[value] for value in lengths.values], [n for n in several if counts[n].good]
    received = f"no line of {format_numbers(lengths.values)} characters"
    if any(some.frames for some in wished):
        received += f" that fits {max_frames} frames"
        expected = "one frame per character, and one between equal neighbours"
        remedy = "Set --length or --image_width."
    elif any(some.no_face for some in wished):
        received += f" that one face has: few faces have {_show_rare(corpus, sets)}"
        expected = "a face with all characters of a line"
        remedy = "Add --fonts that have them, or set --length."
    elif available:
        received += " between word boundaries"
        expected, remedy = f"lengths that it has: {format_numbers(available)}", "Set --length."
    else:
        received = f"no text that can be rendered: {_show_lost(corpus, sets)}"
        expected = "characters of the charset that a face has"
        remedy = "Check --charset and --fonts, or set --character_map."
    return UserError(f"text {corpus.name}", received=received, expected=expected, remedy=remedy)


def _show_rare(corpus: Corpus, sets: FaceSets) -> str:
    """The characters of a corpus that the fewest faces have."""
    faces = sets.coverage.sum(axis=0)
    ids = np.flatnonzero((corpus.count_ids(sets.characters) > 0) & (faces > 0))
    ids = ids[np.argsort(faces[ids], kind="stable")]
    return show_characters(corpus.charset.decode(ids), _MOST_SHOWN)


def _show_lost(corpus: Corpus, sets: FaceSets) -> str:
    """The characters of a corpus that the charset lacks or no face has."""
    undrawable = count_undrawable([corpus], sets.coverage)
    parts = [
        f"{what} {show_characters(list(lost), _MOST_SHOWN)}"
        for what, lost in (("the charset lacks", corpus.outside), ("no face has", undrawable))
        if lost
    ]
    return "; ".join(parts) or "it is empty"


def _scan(
    ids: np.ndarray,
    breaks: np.ndarray,
    space: int,
    sets: FaceSets,
    lengths: Sequence[int],
    max_frames: float,
) -> Iterator[tuple[int, np.ndarray, list[int]]]:
    """For each length: which places are good, bool [places], and the numbers of WindowCounts.

    The places are those of `ids` (int [N]) and `breaks` (bool [N]) without the last max(lengths).
    """
    size = len(ids) - max(lengths)
    rows, solid, faces = _find_runs(ids), ids != space, sets.of(ids)
    repeats = np.cumsum(np.append(False, ids[1:] == ids[:-1]))
    common = faces[:, :size].copy()
    for length in range(1, max(lengths) + 1):
        last = slice(length - 1, length - 1 + size)
        common &= faces[:, last]
        if length in lengths:
            cut = (rows[:size] >= length) & solid[:size] & solid[last]
            cut &= breaks[:size] & breaks[length : length + size]
            has_face = common.any(axis=0)
            good = cut & has_face
            good &= repeats[last] - repeats[:size] <= max_frames - length
            no_face = (cut & ~has_face).sum()
            yield length, good, [cut.sum(), no_face, cut.sum() - no_face - good.sum()]


def _find_runs(ids: np.ndarray) -> np.ndarray:
    """The number of characters from each place to the next id of -1 or the end, int64 [N]."""
    places = np.arange(len(ids))
    ends = np.where(ids < 0, places, len(ids))
    return np.minimum.accumulate(ends[::-1])[::-1] - places
