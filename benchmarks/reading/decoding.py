"""Measures decoding: time, exactness, what a lexicon mends on damaged lines, and calibration.

    taskset -c 0 python -m benchmarks.reading.decoding --model=export --data=data --lm=news.lm --lines=400

The model is best an ONNX export. --tune_split fits the temperature, --test_split is measured. Standard
output ends with one JSON object:

- `milliseconds`: median time of a line for the network, greedy decoding of its logits, a beam search of
  width 10 without and with the language model, and a lexicon; each line is decoded by all, in turn.
- `over_network`: the same over the network's time, medians of the ratios.
- `largest_difference`: of ln P of the texts of 2,000 random tiny lines, between a search without bounds and
  a sum over all alignments, one by one.
- `lexicon`: exact match on clean, blurred and cut lines, greedily and with a lexicon of --entries texts
  that has the truths. `accepted_wrong` is the share of clean lines for which a lexicon of the other texts
  has an entry with a confidence of 0.9 or more.
- `calibration_error`: expected calibration error (ten bins) of lines, greedy, and of a beam's posteriors
  before and after the temperature.
"""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFilter
from absl import flags

from benchmarks.pairs import median
from densenet_ocr.model.reading.evaluation import read_batches
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.report.reliability import Reliability
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.decoding.beam_search import BeamSearch
from densenet_ocr.pipeline.decoding.candidates import Candidates
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings, find_posteriors, fit_temperature
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.ui import command
from tests.pipeline.decoding.brute_force import draw_logits, sum_alignments

_MODEL = flags.DEFINE_string("model", None, "Folder of a run or of an export.", required=True)
_DATA = flags.DEFINE_string("data", None, "Folder of a data set.", required=True)
_TUNE = flags.DEFINE_string("tune_split", "validation", "Split to fit the temperature on.")
_TEST = flags.DEFINE_string("test_split", "test", "Split to measure.")
_LM = flags.DEFINE_string("lm", None, "Language model.")
_LINES = flags.DEFINE_integer("lines", 400, "Lines of each split.", lower_bound=1)
_TIMED = flags.DEFINE_integer("timed", 100, "Lines whose decoding is timed.", lower_bound=1)
_ENTRIES = flags.DEFINE_integer("entries", 1000, "Texts of the lexicon.", lower_bound=1)

_TINY, _WARM_UP = 2000, 5

# Standard deviation of the blur in pixels of a line 32 pixels high, and the share of columns that is cut off.
_BLUR, _CUT = 1.5, 0.06

_ACCEPTED = 0.9

Lines = list[tuple[np.ndarray, str]]


def main() -> None:
    """Measures and prints the result."""
    model = load_network(_MODEL.value)
    tuned, test = (_read_lines(split) for split in (_TUNE.value, _TEST.value))
    texts = list(dict.fromkeys(truth for _, truth in [*test, *tuned]))[: _ENTRIES.value]
    result = {
        **measure_time(model, test, texts),
        "largest_difference": find_largest_difference(),
        "lexicon": measure_lexicon(model, test, texts),
        "calibration_error": measure_calibration(model, tuned, test),
    }
    command.print_result(result)


def measure_time(model: InferenceModel, lines: Lines, texts: Sequence[str]) -> dict[str, Any]:
    """Times each way of decoding, line by line, in turn."""
    decoders = {
        "greedy": _make_decoder(model),
        "beam": _make_decoder(model, beam_width=10),
        "lexicon": _make_decoder(model, lexicon=_write(texts)),
    }
    if _LM.value:
        decoders["beam_and_lm"] = _make_decoder(model, beam_width=10, lm=_LM.value)
    seconds: dict[str, list[float]] = {name: [] for name in ("network", *decoders)}
    for levels, _ in lines[: _WARM_UP + _TIMED.value]:
        frames = [model.info.geometry.count_frames(levels.shape[1])]
        spent, logits = _time(lambda levels=levels: _compute(model, levels))
        seconds["network"].append(spent)
        for name, decoder in decoders.items():
            seconds[name].append(_time(lambda d=decoder, x=logits, f=frames: d.decode(x, f))[0])
    measured = {name: values[_WARM_UP:] for name, values in seconds.items()}
    ratios = {
        name: median((a / b for a, b in zip(values, measured["network"], strict=True)), digits=4)
        for name, values in measured.items()
        if name != "network"
    }
    return {
        "milliseconds": {
            name: median((1e3 * s for s in values), digits=3) for name, values in measured.items()
        },
        "over_network": ratios,
    }


def find_largest_difference() -> float:
    """Compares the search with a sum over all alignments, on tiny lines."""
    largest, search = 0.0, BeamSearch(width=None, least_share=0.0)
    for seed in range(_TINY):
        logits = draw_logits(seed)
        found = {tuple(h.ids): h.log_probability for h in search.search(Candidates(logits))}
        for text, probability in sum_alignments(logits).items():
            if probability > 1e-30:
                largest = max(largest, abs(found[text] - math.log(probability)))
    return largest


def measure_lexicon(model: InferenceModel, lines: Lines, texts: Sequence[str]) -> dict[str, Any]:
    """Scores greedy decoding and a lexicon on damaged lines."""
    greedy, lexicon = _make_decoder(model), _make_decoder(model, lexicon=_write(texts))
    own = {truth for _, truth in lines}
    result: dict[str, Any] = {"entries": len(texts)}
    for name, damage in (("clean", lambda levels: levels), ("blurred", _blur), ("cut", _cut)):
        logits = [_compute(model, damage(levels)) for levels, _ in lines]
        result[name] = {
            "greedy": _score(greedy, logits, lines, model.info.charset),
            "lexicon": _score(lexicon, logits, lines, model.info.charset),
        }
        if name == "clean" and (others := [text for text in texts if text not in own]):
            foreign = _make_decoder(model, lexicon=_write(others))
            taken = [foreign.decode(x, [x.shape[1]])[0].confidence >= _ACCEPTED for x in logits]
            result["accepted_wrong"] = sum(taken) / len(taken)
    return result


def measure_calibration(model: InferenceModel, tuned: Lines, test: Lines) -> dict[str, float]:
    """Measures the calibration error of lines before and after the temperature."""
    decoder, charset = _make_decoder(model, beam_width=10), model.info.charset
    scores, rights = _search(model, decoder, tuned)
    temperature = fit_temperature(scores, rights) or 1.0
    scores, rights = _search(model, decoder, test)
    frames = [model.info.geometry.count_frames(levels.shape[1]) for levels, _ in test]
    best_path = _make_decoder(model)
    greedy = [
        best_path.decode(_compute(model, levels), [count])[0]
        for (levels, _), count in zip(test, frames, strict=True)
    ]
    right = [charset.decode(line.ids) == truth for line, (_, truth) in zip(greedy, test, strict=True)]
    return {
        "greedy": _find_error([line.confidence for line in greedy], right),
        "before": _find_error([find_posteriors(line)[0] for line in scores], rights),
        "after": _find_error([find_posteriors(line, temperature)[0] for line in scores], rights),
        "temperature": temperature,
    }


def _read_lines(split: str) -> Lines:
    where = load_dataset_info(_DATA.value)
    batches = read_batches(folder=_DATA.value, info=where, split=split, batch_size=64, most=_LINES.value)
    return [(levels, truth) for batch in batches for _, levels, truth in batch]


def _make_decoder(model: InferenceModel, **options: Any) -> Decoder:
    return Decoder(DecodingConfig(**options), model.info.charset, settings=TunedSettings())


def _write(texts: Sequence[str]) -> str:
    """Writes a lexicon and returns its path."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.writelines(text.replace("\\", "\\\\") + "\n" for text in texts)
    return file.name


def _compute(model: InferenceModel, levels: np.ndarray) -> np.ndarray:
    """Logits of a line, float32 [1, T, classes]."""
    return model.compute_logits(levels[None], np.array([levels.shape[1]], np.int32))


def _time(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def _score(decoder: Decoder, logits: list[np.ndarray], lines: Lines, charset: Charset) -> float:
    """Exact match."""
    texts = [charset.decode(decoder.decode(x, [x.shape[1]])[0].ids) for x in logits]
    return sum(text == truth for text, (_, truth) in zip(texts, lines, strict=True)) / len(lines)


def _search(model: InferenceModel, decoder: Decoder, lines: Lines) -> tuple[list[list[float]], list[bool]]:
    """Scores of the hypotheses of each line, and whether the best one is right."""
    scores, rights = [], []
    for levels, truth in lines:
        _, found, line_scores = decoder.search_line(_compute(model, levels)[0])
        scores.append(line_scores)
        rights.append(model.info.charset.decode(found[0].ids) == truth)
    return scores, rights


def _find_error(confidences: Sequence[float], rights: Sequence[bool]) -> float:
    reliability = Reliability()
    for confidence, right in zip(confidences, rights, strict=True):
        reliability.add(confidence, right)
    return reliability.error or 0.0


def _blur(levels: np.ndarray) -> np.ndarray:
    return np.asarray(PIL.Image.fromarray(levels).filter(PIL.ImageFilter.GaussianBlur(_BLUR)))


def _cut(levels: np.ndarray) -> np.ndarray:
    columns = round(_CUT * levels.shape[1])
    return np.ascontiguousarray(levels[:, : levels.shape[1] - columns])


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
