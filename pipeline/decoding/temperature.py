"""Fits the temperature of confidences."""

from collections.abc import Sequence

import numpy as np

# Tried temperatures: steps of 2.5 % around 1.
_TEMPERATURES = np.exp(np.linspace(np.log(0.1), np.log(20), 215))

# A confidence that rounds to 1, or is far from what is right, must not decide alone.
_LEAST = 1e-6

# exp of a greater number overflows.
_MOST = 700.0


def fit_temperature(scores: Sequence[Sequence[float]], rights: Sequence[bool]) -> float | None:
    """Finds the temperature whose confidences tell best which lines are right.

    It minimises the negative log likelihood of "the best text is the truth", whose probability is the posterior
    of the best text: the mean of -ln c for lines that are right, and of -ln (1 - c) for others. A confidence is
    used for just this, and it counts the language model and the bounded beam, which the CTC loss does not.

    Args:
      scores: Scores of the hypotheses of each line, natural logarithms, the best text's first; at least one.
        With a lexicon the last one, of all other texts, may be higher.
      rights: Whether the best hypothesis is the truth.

    Returns:
      The temperature, 0.1 to 20; None if all lines are right or all are wrong, which fits any extreme.
    """
    is_right = np.asarray(rights, bool)
    if is_right.all() or not is_right.any():
        return None
    gaps = np.full([len(scores), max(map(len, scores))], -np.inf)
    for row, line in zip(gaps, scores, strict=True):
        row[: len(line)] = np.asarray(line) - line[0]
    losses = [_find_loss(gaps, is_right, temperature) for temperature in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _find_loss(gaps: np.ndarray, is_right: np.ndarray, temperature: float) -> float:
    """Mean negative log likelihood of lines with score differences [N, hypotheses], bool [N]."""
    confidence = 1 / np.exp(np.minimum(gaps / temperature, _MOST)).sum(axis=1)
    confidence = np.clip(confidence, _LEAST, 1 - _LEAST)
    return float(-np.log(np.where(is_right, confidence, 1 - confidence)).mean())
