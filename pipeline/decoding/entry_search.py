"""Scores every entry of a lexicon: the sum over all of its alignments, without a beam.

The forward algorithm of CTC (Graves et al. 2006, section 4.1) runs over the trie of all entries at once, with
numpy.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from densenet_ocr.pipeline.decoding.beam_search import BeamSearch, Hypothesis, Scorer
from densenet_ocr.pipeline.decoding.candidates import Candidates

# Nodes of the trie up to which a line takes a few milliseconds.
MOST_NODES = 20_000

_SMALL = 1e-100


class EntrySearch:
    """Finds the likeliest entries of a lexicon without wildcards."""

    def __init__(self, entries: Sequence[Sequence[int]], blank: int, beam: BeamSearch):
        """Makes the trie and scores the entries with the language model.

        Args:
          entries: Class ids of each entry.
          blank: Class of the blank.
          beam: A beam search, whose width, language model, weight and bonus count here, too.
        """
        self._entries, self._blank, self._width = entries, blank, beam.width
        nodes, ends = make_trie(entries)
        self._ends = np.array(ends)
        # Node 0 is the root; its class is never looked at.
        parents, classes = zip((0, blank), *nodes, strict=True)
        self._parents, self._classes = np.array(parents), np.array(classes)
        # Nodes whose character is that of the node before: a blank has to come between.
        self._repeats = np.flatnonzero(self._classes == self._classes[self._parents])
        self._bias = np.array(
            [beam.length_bonus * len(entry) + beam.lm_weight * _score(beam.scorer, entry) for entry in entries]
        )

    def search(self, candidates: Candidates) -> list[Hypothesis]:
        """Returns at most `width` entries of a line, the best one first, without those that are impossible."""
        blank, character, log_scale = self._sum_alignments(candidates)
        totals = (blank + character)[self._ends]
        possible = np.flatnonzero(totals)
        logs = np.log(totals[possible]) + log_scale
        scores = logs + self._bias[possible]
        best = np.argsort(-scores, kind="stable")[: self._width]
        return [Hypothesis(list(self._entries[possible[k]]), float(logs[k]), float(scores[k])) for k in best]

    def _sum_alignments(self, candidates: Candidates) -> tuple[np.ndarray, np.ndarray, float]:
        """Probability of each node's alignments that end with the blank, and of others; ln of their factor."""
        weights, log_scale = candidates.list_weights()
        blank, character = np.zeros(len(self._classes)), np.zeros(len(self._classes))
        blank[0] = 1.0
        for row in weights:
            total = blank + character
            before = total[self._parents]
            before[self._repeats] -= character[self._parents[self._repeats]]
            character += before
            character *= row[self._classes]
            character[0] = 0.0
            np.multiply(total, row[self._blank], out=blank)
            greatest = max(blank.max(), character.max())
            if 0 < greatest < _SMALL:
                blank /= greatest
                character /= greatest
                log_scale += math.log(greatest)
        return blank, character, log_scale


def open_entry_search(beam: BeamSearch, blank: int) -> EntrySearch | None:
    """Makes a search of a beam search's lexicon; None without one, with wildcards, or with too many entries."""
    entries = beam.lexicon.list_plain_entries() if beam.lexicon else None
    if entries is None or len(make_trie(entries, MOST_NODES)[0]) > MOST_NODES:
        return None
    return EntrySearch(entries, blank, beam)


def make_trie(
    entries: Iterable[Sequence[int]], most: float = math.inf
) -> tuple[dict[tuple[int, int], int], list[int]]:
    """Returns the trie of entries: (parent, class) -> number of the node, from 1; and the last node of each.

    It stops at the entry that makes more than `most` nodes.
    """
    nodes: dict[tuple[int, int], int] = {}
    ends: list[int] = []
    for entry in entries:
        node = 0
        for k in entry:
            node = nodes.setdefault((node, k), len(nodes) + 1)
        ends.append(node)
        if len(nodes) > most:
            break
    return nodes, ends


def _score(scorer: Scorer | None, entry: Sequence[int]) -> float:
    if scorer is None:
        return 0.0
    state, total = scorer.start, 0.0
    for k in entry:
        log_probability, state = scorer.score(state, k)
        total += log_probability
    return total + scorer.finish(state)
