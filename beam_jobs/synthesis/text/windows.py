"""The places where a corpus gives a line: cut there at both ends, and drawn by some face."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets

_BLOCK = 1 << 20  # places looked at together, whole bytes of bits
_CHUNK = 32  # bytes of bits that are counted together
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
_ONES = _BITS.sum(axis=1).astype(np.int64)
# Where the k-th bit of a byte stands that is set; of bits that are not, anywhere.
_PLACE_OF_BIT = np.argsort(1 - _BITS, axis=1, kind="stable")


@dataclasses.dataclass(frozen=True)
class WindowCounts:
    """Windows of one length: all that may be cut, and those of them that no line can have.

    `no_face` have characters that no single face draws all, `frames` need more frames than a line has.
    """

    cut: int
    no_face: int
    frames: int

    @property
    def good(self) -> int:
        """Those that lines can have."""
        return self.cut - self.no_face - self.frames


class Windows:
    """Places of a text, as one bit a character: good ones can be found by their number."""

    def __init__(self, bits: np.ndarray, counts: WindowCounts):
        """Takes a bit for every place, uint8 [N], the lowest first."""
        self.counts = counts
        self._bits = np.pad(bits, (0, -len(bits) % _CHUNK)).reshape(-1, _CHUNK)
        self._ends = np.cumsum(sum(_ONES[self._bits[:, place]] for place in range(_CHUNK)))

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """The places of good windows by their numbers from 0 on, int64 [lines]."""
        chunks = np.searchsorted(self._ends, numbers, side="right")
        ones = _ONES[self._bits[chunks]]
        left = numbers - self._ends[chunks] + ones.sum(axis=1)
        ends = np.cumsum(ones, axis=1)
        octets = (ends <= left[:, None]).sum(axis=1)
        rows = np.arange(len(numbers))
        left = left - ends[rows, octets] + ones[rows, octets]
        return (chunks * _CHUNK + octets) * 8 + _PLACE_OF_BIT[self._bits[chunks, octets], left]


def find_windows(
    corpus: Corpus, sets: FaceSets, lengths: Sequence[int], *, max_frames: int | None
) -> dict[int, Windows]:
    """The windows of each length of `lengths`, which ascend.

    A line of a window needs at most `max_frames` frames (pipeline.frames.required_frames; None: any number).
    """
    found = {length: ([np.zeros(0, np.uint8)], np.zeros(3, np.int64)) for length in lengths}
    drawable, longest = np.append(sets.drawable, False), max(lengths)  # that of id -1 is the last
    for start in range(0, len(corpus.ids), _BLOCK):
        size = min(_BLOCK, len(corpus.ids) - start)
        ids = corpus.ids[start : start + size + longest]
        ids = np.pad(np.where(drawable[ids], ids, -1), (0, size + longest - len(ids)), constant_values=-1)
        cuts = corpus.may_cut[start : start + size + longest]
        cuts = np.pad(cuts, (0, size + longest - len(cuts)))
        for length, good, counts in _scan(ids, cuts, corpus.space, sets, lengths, max_frames):
            found[length][0].append(np.packbits(good, bitorder="little"))
            found[length][1][:] += counts
    return {
        length: Windows(np.concatenate(bits), WindowCounts(*counts.tolist()))
        for length, (bits, counts) in found.items()
    }


def _scan(ids, cuts, space, sets, lengths, max_frames):
    """For each length which places are good, bool, and the numbers of WindowCounts.

    The places are all of `ids` and `cuts` but the last ones, in which only the longest of windows ends.
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
            cut &= cuts[:size] & cuts[length : length + size]
            has_face = common.any(axis=0)
            good = cut & has_face
            if max_frames is not None:
                good &= repeats[last] - repeats[:size] <= max_frames - length
            no_face = (cut & ~has_face).sum()
            yield length, good, [cut.sum(), no_face, cut.sum() - no_face - good.sum()]


def _find_runs(ids: np.ndarray) -> np.ndarray:
    """How many characters there are from each place on before an id of -1 or the end, int64 [N]."""
    places = np.arange(len(ids))
    ends = np.where(ids < 0, places, len(ids))
    return np.minimum.accumulate(ends[::-1])[::-1] - places
