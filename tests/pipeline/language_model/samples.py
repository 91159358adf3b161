"""Small texts, and n-gram counts and estimates of them by plain dictionaries, straight from the definitions."""

import collections
import math
import random

from densenet_ocr.pipeline.language_model.ngrams import END, START, UNKNOWN


def make_rows(seed: int, rows: int = 60, characters: int = 6, unknown: float = 0.03) -> list[list[int]]:
    """Rows of tokens that follow one another in a habitual way; some are UNKNOWN."""
    draw = random.Random(seed)
    made = []
    for _ in range(rows):
        row = [draw.randrange(characters)]
        while len(row) < draw.randrange(1, 12):
            row.append((row[-1] + draw.choice([1, 1, 1, 2, 3])) % characters if draw.random() < 0.8 else 0)
        made.append([UNKNOWN if draw.random() < unknown else k + 3 for k in row])
    return made


def count(rows: list[list[int]], order: int) -> list[collections.Counter]:
    """Counts of the n-grams of each order that have START and UNKNOWN only in front."""
    counts: list[collections.Counter] = [collections.Counter() for _ in range(order)]
    for row in rows:
        tokens = [START, *row, END]
        for start in range(len(tokens)):
            for length in range(1, order + 1):
                ngram = tuple(tokens[start : start + length])
                if len(ngram) == length and not {START, UNKNOWN} & set(ngram[1:]):
                    counts[length - 1][ngram] += 1
    return counts


class KneserNey:
    """Interpolated modified Kneser-Ney after Chen and Goodman (1999), section 3; slow and plain."""

    def __init__(self, rows: list[list[int]], order: int, vocabulary: int, prune: tuple[int, ...] = ()):
        self.order, self.vocabulary = order, vocabulary
        self.raw = count(rows, order)
        prune = (*prune, *prune[-1:] * order)[:order] if prune else (0,) * order
        self.prune = prune
        self.adjusted: list[dict] = []
        for length in range(1, order + 1):
            if length == order:
                adjusted = dict(self.raw[length - 1])
            else:
                lefts = collections.defaultdict(set)
                for ngram in self.raw[length]:
                    lefts[ngram[1:]].add(ngram[0])
                adjusted = {
                    ngram: c if ngram[0] in (START, UNKNOWN) else len(lefts[ngram])
                    for ngram, c in self.raw[length - 1].items()
                }
            if length == 1:
                adjusted = {ngram: c for ngram, c in adjusted.items() if ngram[0] not in (START, UNKNOWN)}
            self.adjusted.append(adjusted)
        self.discounts = [self._discount(adjusted) for adjusted in self.adjusted]
        self.children: list[dict] = []
        for adjusted in self.adjusted:
            children = collections.defaultdict(list)
            for ngram, c in adjusted.items():
                children[ngram[:-1]].append((ngram, c))
            self.children.append(children)

    def _discount(self, adjusted: dict) -> list[float]:
        t = collections.Counter(adjusted.values())
        if not all(t[k] for k in (1, 2, 3)):
            return [0.0, 0.5, 1.0, 1.5]
        y = t[1] / (t[1] + 2 * t[2])
        found = [0.0] + [k - (k + 1) * y * t[k + 1] / t[k] for k in (1, 2, 3)]
        return found if all(0 <= d <= k for k, d in enumerate(found)) else [0.0, 0.5, 1.0, 1.5]

    def _is_kept(self, ngram: tuple) -> bool:
        return self.raw[len(ngram) - 1][ngram] > self.prune[len(ngram) - 1]

    def probability(self, context: tuple, token: int) -> float:
        """P(token | context), with as much of the context as the order takes."""
        while len(context) >= self.order or (context and context not in self.raw[len(context) - 1]):
            context = context[1:]
        length = len(context)
        children = self.children[length].get(context, [])
        total = sum(c for _, c in children)
        lower = self.probability(context[1:], token) if context else 1 / (self.vocabulary - 1)
        if not total:
            return lower
        ngram, discount = (*context, token), self.discounts[length]
        c = self.adjusted[length].get(ngram, 0)
        own = max(c - discount[min(c, 3)], 0) / total if c and self._is_kept(ngram) else 0.0
        saved = sum(discount[min(c, 3)] if self._is_kept(other) else c for other, c in children)
        return own + saved / total * lower

    def log_probability(self, row: list[int]) -> float:
        """Natural logarithm of P(row), START given and END included; UNKNOWN ends a context."""
        tokens, total = [START, *row, END], 0.0
        for place in range(1, len(tokens)):
            first = max(k for k in range(place) if k == 0 or tokens[k] == UNKNOWN)
            total += math.log(self.probability(tuple(tokens[first:place]), tokens[place]))
        return total
