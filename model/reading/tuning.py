"""Fits language model weight, length bonus and temperature on a split: ocr-evaluate --tune."""

import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging
from rapidfuzz.distance import Levenshtein

from densenet_ocr.model.reading.config import EvaluateConfig
from densenet_ocr.model.reading.evaluation import check_same_lines, read_batches
from densenet_ocr.model.reading.reading import map_batches
from densenet_ocr.model.report.reliability import Reliability
from densenet_ocr.model.report.slices import Tally
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.decoding.beam_search import BeamSearch, Hypothesis
from densenet_ocr.pipeline.decoding.candidates import Frame
from densenet_ocr.pipeline.decoding.decoder import Decoder, Search
from densenet_ocr.pipeline.decoding.tuned_settings import (
    LM,
    find_posteriors,
    fit_temperature,
    load_tuned_settings,
)
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.tfrecord.shards import reading_errors
from densenet_ocr.pipeline.ui.command import print_row
from densenet_ocr.pipeline.ui.progress import Progress
from densenet_ocr.pipeline.ui.tsv import join_cells

# The grid: weights of the language model, and what each character adds to the score.
LM_WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
LENGTH_BONUSES = (0.0, 1.0, 2.0, 3.0, 4.0)

_COLUMNS = ("lm_weight", "length_bonus", "exact_match", "cer")


class TunedLine(NamedTuple):
    """A line to tune on.

    Attributes:
      truth: Its text.
      frames: The likely classes of its frames.
      text: The best of the texts that a search finds; None where it finds none.
      scores: The scores of these texts, the best one first, and with a lexicon that of all other texts.
    """

    truth: str
    frames: list[Frame]
    text: str | None
    scores: list[float]

    @property
    def edits(self) -> int:
        """Edits of the best text."""
        return Levenshtein.distance(self.truth, self.text or "")

    @property
    def is_right(self) -> bool:
        """Whether the best text is the truth."""
        return self.text == self.truth


class Weights(NamedTuple):
    """Weight of the language model, and length bonus."""

    lm_weight: float
    length_bonus: float


def tune(
    model: InferenceModel, decoder: Decoder, config: EvaluateConfig, *, folder: str, lines: int = 1000
) -> dict[str, Any]:
    """Fits the settings of a decoder and writes them to decoding.json.

    With a language model and no lexicon, weight and bonus are the smallest of a grid whose CER is within a
    standard error of the lowest (see pick_smallest); the grid is printed. The temperature is fitted on the
    same lines (see fit_temperature).

    Args:
      model: The model.
      decoder: The decoder, whose config asks for a beam search.
      config: Data set, split of it that the model was not trained on, and lines per batch.
      folder: Folder of the model, for decoding.json; what is there for other tasks stays.
      lines: Maximum number of lines, the first ones.

    Returns:
      {"task", "split", "lines", "lm_weight", "length_bonus", "temperature", "exact_match", "cer",
      "calibration_error": [before, after], "seconds"}. Weight and bonus are None without a grid, and the
      temperature is None where all texts are correct, or all are wrong: it is not fitted then.

    Raises:
      UserError: model and data differ, the split is empty, or decoding.json cannot be written.
    """
    if config.split == model.train_split:
        logging.warning("%s was trained on a split %s: its lines are not unseen", model.name, config.split)
    start, charset, settings = time.monotonic(), model.info.charset, load_tuned_settings(folder)
    found = _read_lines(model, decoder, config, lines)
    weights = None
    if decoder.task == LM:
        weights = choose_weights(found, decoder.search, charset)
        found = _search_again(found, dataclasses.replace(decoder.search, **weights._asdict()), charset)
        settings = dataclasses.replace(settings, **weights._asdict())
    temperature, tally = _fit(found), score_lines(found)
    result = {
        "task": decoder.task,
        "split": config.split,
        "lines": len(found),
        **(weights._asdict() if weights else dict.fromkeys(Weights._fields)),
        "temperature": temperature,
        "exact_match": tally.exact_match,
        "cer": tally.cer,
        "calibration_error": [find_error(found, value) for value in (1.0, temperature or 1.0)],
    }
    temperatures = settings.temperatures | ({decoder.task: temperature} if temperature else {})
    files = {"data": config.data, "lm": decoder.config.lm, "lexicon": decoder.config.lexicon}
    provenance = settings.provenance | {decoder.task: {**result, **files}}
    dataclasses.replace(settings, temperatures=temperatures, provenance=provenance).save(folder)
    return result | {"seconds": round(time.monotonic() - start, 2)}


def choose_weights(lines: Sequence[TunedLine], search: BeamSearch, charset: Charset) -> Weights:
    """Prints a grid of weights and returns the ones that pick_smallest picks."""
    grid = [Weights(*pair) for pair in itertools.product(LM_WEIGHTS, LENGTH_BONUSES)]
    progress, edits = Progress("tune", len(grid), "weights"), {}
    print_row(join_cells(_COLUMNS))
    for number, weights in enumerate(grid, start=1):
        found = _search_again(lines, dataclasses.replace(search, **weights._asdict()), charset)
        tally, edits[weights] = score_lines(found), np.array([line.edits for line in found], np.int64)
        print_row(join_cells([*map(str, weights), f"{tally.exact_match:.4f}", f"{tally.cer or 0:.5f}"]))
        progress.show(number)
    progress.close(len(grid))
    return pick_smallest(edits)


def pick_smallest(edits: dict[Weights, np.ndarray]) -> Weights:
    """Picks the smallest weights that are not clearly worse than those with the fewest edits.

    This is the one-standard-error rule (Breiman et al., "Classification and Regression Trees", 1984, section
    3.4.3), with the standard error of the difference: all weights read the same lines. Of weights that
    read the tuned lines equally well, the smallest spoil least where text is of another kind.

    Args:
      edits: The edits of each line, int [lines], by weights.

    Returns:
      The least weight, and with it the least bonus, whose edits exceed the fewest by at most a standard error.
    """
    best = min(edits, key=lambda weights: (edits[weights].sum(), weights))
    return min(weights for weights in edits if _is_close(edits[weights] - edits[best]))


def _is_close(differences: np.ndarray) -> bool:
    """Whether the sum of differences, [lines], is at most its standard error."""
    return differences.sum() <= np.sqrt(len(differences)) * differences.std()


def score_lines(lines: Sequence[TunedLine]) -> Tally:
    """Returns the scores of the best texts."""
    tally = Tally()
    for line in lines:
        tally.add(line.edits, len(line.truth))
    return tally


def find_error(lines: Sequence[TunedLine], temperature: float) -> float | None:
    """Returns the expected calibration error of the best texts' posteriors."""
    reliability = Reliability()
    for line in lines:
        confidence = find_posteriors(line.scores, temperature)[0] if line.scores else 0.0
        reliability.add(confidence, line.is_right)
    return reliability.error


def _read_lines(model: InferenceModel, decoder: Decoder, config: EvaluateConfig, most: int) -> list[TunedLine]:
    data, split, size, charset = config.data, config.split, config.batch_size, model.info.charset
    info = load_dataset_info(data)
    check_same_lines(model.info, info, data)

    def read(levels: np.ndarray, widths: np.ndarray) -> Iterator[Search]:
        logits = model.compute_logits(levels, widths)
        for line, count in zip(logits, model.info.geometry.count_frames(np.asarray(widths)), strict=True):
            yield decoder.search_line(line[:count])

    found: list[TunedLine] = []
    with reading_errors():
        for batch in read_batches(folder=data, info=info, split=split, batch_size=size, most=most):
            levels = [levels for _, levels, _ in batch]
            results = map_batches(read, levels, batch_size=size, pads=model.takes_padding)
            for (_, _, truth), result in zip(batch, results, strict=True):
                text = _find_text(result.hypotheses, charset)
                found.append(TunedLine(truth, result.candidates.frames, text, result.scores))
    if not found:
        raise UserError(
            f"split {split} of {data}",
            received="no lines",
            expected="lines to tune on",
            remedy="Give another --split.",
        )
    return found


def _search_again(lines: Sequence[TunedLine], search: BeamSearch, charset: Charset) -> list[TunedLine]:
    results = [search.search_frames(line.frames) for line in lines]
    return [
        line._replace(text=_find_text(found, charset), scores=[hypothesis.score for hypothesis in found])
        for line, found in zip(lines, results, strict=True)
    ]


def _find_text(hypotheses: Sequence[Hypothesis], charset: Charset) -> str | None:
    return charset.decode(hypotheses[0].ids) if hypotheses else None


def _fit(lines: Sequence[TunedLine]) -> float | None:
    pairs = [(line.scores, line.is_right) for line in lines if line.scores]
    temperature = fit_temperature(*zip(*pairs, strict=True)) if pairs else None
    if temperature is None:
        logging.warning("all texts are correct, or all are wrong: the temperature is not fitted")
    return temperature
