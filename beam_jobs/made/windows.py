"""The places where a corpus gives a line: cut there at both ends, and drawn by some face."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from beam_jobs.made.corpus import Corpus
from beam_jobs.made.face_sets import FaceSets

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

    A line of a window needs at most `max_frames` frames (pipeline.frames.needed_frames; None: any number).
    """
    found = {length: ([np.zeros(0, np.uint8)], np.zeros(3, np.int64)) for length in lengths}
    drawable = np.append(sets.drawable, False)  # that of id -1 is the last
    for start in range(0, len(corpus.ids), _BLOCK):
        block = corpus.ids[start : start + _BLOCK + max(lengths)]
        block = np.where(drawable[block], block, -1)
        cuts = corpus.may_cut[start : start + _BLOCK + max(lengths) + 1]
        for length, good, counts in _scan(block, cuts, corpus.space, sets, lengths, max_frames):
            found[length][0].append(np.packbits(good, bitorder="little"))
            found[length][1][:] += counts
    return {
        length: Windows(np.concatenate(bits), WindowCounts(*counts.tolist()))
        for length, (bits, counts) in found.items()
    }


def _scan(ids, cuts, space, sets, lengths, max_frames):
    """Of each length which of a block's places are good, bool [_BLOCK], and the numbers of WindowCounts."""
    starts = np.flatnonzero(cuts[: min(_BLOCK, len(ids))] & (ids[:_BLOCK] >= 0) & (ids[:_BLOCK] != space))
    common, repeats = sets.of(ids[starts]), np.zeros(len(starts), np.int64)
    for length in range(1, max(lengths) + 1):
        if length > 1:
            starts, common, repeats = _lengthen(ids, sets, starts, common, repeats, length)
        if length in lengths:
            cut = cuts[starts + length] & (ids[starts + length - 1] != space)
            fits = repeats + length <= (np.inf if max_frames is None else max_frames)
            faces, good = common.any(axis=-1), np.zeros(_BLOCK, bool)
            good[starts[cut & fits & faces]] = True
            yield length, good, [cut.sum(), (cut & ~faces).sum(), (cut & faces & ~fits).sum()]


def _lengthen(ids, sets, starts, common, repeats, length):
    """The starts that have `length` characters in one row, with the faces of these and their repeats."""
    within = starts + length <= len(ids)
    within[within] = ids[starts[within] + length - 1] >= 0
    starts = starts[within]
    last = ids[starts + length - 1]
    return starts, common[within] & sets.of(last), repeats[within] + (last == ids[starts + length - 2])
