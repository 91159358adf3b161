"""Settings of the beam search that were fitted on a split: decoding.json, beside the model.

ocr-evaluate --tune writes the file; all that reads with the model takes it.
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import damage_explained
from densenet_ocr.pipeline.exports.shipped import find_shipped

FILE_NAME = "decoding.json"
VERSION = 1

# What posteriors are of: the texts of a beam, the same with a language model, or the entries of a lexicon. Each
# has a temperature of its own.
BEAM, LM, LEXICON = "beam", "lm", "lexicon"
TASKS = (BEAM, LM, LEXICON)

# Tried temperatures: steps of 2.5 % around 1.
_TEMPERATURES = np.exp(np.linspace(np.log(0.1), np.log(20), 215))

# A confidence that rounds to 1, or is far from what is right, must not decide alone.
_LEAST = 1e-6

# exp of a greater number overflows.
_MOST = 700.0


@dataclasses.dataclass(frozen=True)
class TunedSettings:
    """Fitted settings, validated on construction.

    Attributes:
      lm_weight: Weight of the language model; None if it was not fitted.
      length_bonus: What each character adds to the score with the language model; None if it was not fitted.
      temperatures: Divisor of scores for confidences, by task; 1 if it was not fitted.
      provenance: What each was fitted on.
    """

    lm_weight: float | None = None
    length_bonus: float | None = None
    temperatures: dict[str, float] = dataclasses.field(default_factory=dict)
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = {"lm_weight": self.lm_weight, "length_bonus": self.length_bonus}
        wrong = [f"{name} {value!r}" for name, value in numbers.items() if not _is_number(value)]
        for task, value in self.temperatures.items():
            if task not in TASKS or not _is_number(value) or value <= 0:
                wrong.append(f"temperature of {task!r} {value!r}")
        if wrong or not isinstance(self.provenance, dict):
            raise ValueError(", ".join(wrong) or "provenance")

    def temperature(self, task: str) -> float:
        """Returns the temperature of a task, one of TASKS."""
        return self.temperatures.get(task, 1.0)

    def save(self, folder: str) -> None:
        """Writes decoding.json into a folder, in one atomic step."""
        content = {"schema_version": VERSION, **dataclasses.asdict(self)}
        data = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        storage.write_atomically(storage.join(folder, FILE_NAME), data.encode("utf-8", "backslashreplace"))


def load_tuned_settings(folder: str) -> TunedSettings:
    """Reads decoding.json; without the file nothing is fitted.

    Args:
      folder: Folder of the run or export, or the name of a shipped model.

    Raises:
      UserError: the file is damaged or of another version.
    """
    path = storage.join(find_shipped(folder), FILE_NAME)
    if not storage.exists(path):
        return TunedSettings()
    with damage_explained(
        f"settings {path}",
        expected=f"settings of schema version {VERSION}",
        remedy="Remove the file, or write it again with ocr-evaluate --tune.",
    ):
        content = storage.read_json(path)
        if content.pop("schema_version") != VERSION:
            raise ValueError("another schema version")
        return TunedSettings(**content)


def copy_tuned_settings(source: str, target: str) -> None:
    """Copies decoding.json, if there is one, from the folder of a model to another one; raises UserError."""
    if storage.exists(storage.join(find_shipped(source), FILE_NAME)):
        load_tuned_settings(source).save(target)


def find_posteriors(scores: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Returns the share of each hypothesis in the mass of all: a softmax of scores over a temperature.

    This is temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section
    4.2), with the scores of whole texts in place of logits.

    Args:
      scores: Natural logarithms.
      temperature: Above 1 for less confidence.
    """
    highest = max(scores)
    weights = [math.exp((score - highest) / temperature) for score in scores]
    total = sum(weights)
    return [weight / total for weight in weights]


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


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


def _find_loss(gaps: np.ndarray, is_right: np.ndarray, temperature: float) -> float:
    """Mean negative log likelihood of lines with score differences [N, hypotheses], bool [N]."""
    confidence = 1 / np.exp(np.minimum(gaps / temperature, _MOST)).sum(axis=1)
    confidence = np.clip(confidence, _LEAST, 1 - _LEAST)
    return float(-np.log(np.where(is_right, confidence, 1 - confidence)).mean())
