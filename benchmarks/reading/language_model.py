"""Measures language models: size, perplexity on texts, scores per second, and what they cost a beam search.

    python -m benchmarks.reading.language_model --charset=charset.txt --lm=news.lm --lm=news.arpa \\
        --text=news_test.txt --text=reviews_test.txt --width_forms=half --logits=lines.npy

Texts are prepared as by ocr-language-model; a character that the charset lacks is not scored. With KenLM
installed (pip install kenlm), it reads ARPA files too: `largest_difference` is that of a character's natural
logarithm, `scores_ratio` our scores/s over KenLM's. --logits, float32 [N, frames, classes], is decoded with and
without each model, in turn; `search_ratio` is the time with the model over that without. Each measurement
begins without scores of the one before. Run it alone.

Standard output ends with one JSON object by models.
"""

import importlib
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import flags

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.decoding.beam_search import BeamSearch
from densenet_ocr.pipeline.decoding.candidates import Candidates
from densenet_ocr.pipeline.language_model.language_model import (
    LanguageModel,
    find_perplexity,
    load_language_model,
)
from densenet_ocr.pipeline.text.text_encoder import TextEncoder
from densenet_ocr.pipeline.text.text_files import TextFile
from densenet_ocr.pipeline.text.text_normalisation import WIDTHS, TextNormaliser
from densenet_ocr.pipeline.ui import command

_CHARSET = flags.DEFINE_string("charset", None, "Charset file.", required=True)
_MODELS = flags.DEFINE_multi_string("lm", None, "Language model; may be repeated.", required=True)
_TEXTS = flags.DEFINE_multi_string("text", [], "File of texts that no model was made of; may be repeated.")
_WIDTHS = flags.DEFINE_enum("width_forms", WIDTHS[0], list(WIDTHS), "As for ocr-language-model.")
_ROWS = flags.DEFINE_integer("rows", 20_000, "Rows of each text at most.", lower_bound=1)
_LOGITS = flags.DEFINE_string("logits", "", "NumPy file of the logits of lines.")
_BEAM_WIDTH = flags.DEFINE_integer("beam_width", 10, "Hypotheses of the beam search.", lower_bound=1)

# Classes that a frame offers the search.
_LEAST_RATIO, _MOST_CLASSES = 1e-3, 20


def main() -> None:
    """Measures each model, prints a table and the result."""
    charset = read_charset(_CHARSET.value)
    texts = {path: list(read_rows(path, charset))[: _ROWS.value] for path in _TEXTS.value}
    result = {path: measure(path, charset, texts) for path in _MODELS.value}
    print(f"| model | MB | {' | '.join(texts)} | scores/s |\n|{' --- |' * (3 + len(texts))}")
    for path, figures in result.items():
        perplexities = " | ".join(f"{value:.1f}" for value in figures["perplexity"].values())
        print(f"| {path} | {figures['bytes'] / 1e6:.1f} | {perplexities} | {figures['scores_per_second']:,} |")
    command.print_result(result)


def read_rows(path: str, charset: Charset) -> Iterator[np.ndarray]:
    """Yields the class ids of the texts of a file, int32 [L]; -1 for characters that the charset lacks."""
    encoder = TextEncoder(charset, TextNormaliser(width=_WIDTHS.value))
    for text in TextFile(path, "utf-8", is_list=False).read(charset):
        codes, ids = encoder.encode(text)
        ends = np.flatnonzero(codes == ord("\n"))
        yield from (row[:-1] for row in np.split(ids, ends[:-1] + 1))


def measure(path: str, charset: Charset, texts: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Returns the figures of a model."""
    start = time.perf_counter()
    model = load_language_model(path, charset)
    figures: dict[str, Any] = {
        "bytes": storage.size(path),
        "ngrams": model.ngrams,
        "load_seconds": round(time.perf_counter() - start, 3),
    }
    start, count, figures["perplexity"] = time.perf_counter(), 0, {}
    for name, rows in texts.items():
        perplexity, characters = find_perplexity(model, rows)
        figures["perplexity"][name] = round(perplexity, 2)
        count += characters
    figures["scores_per_second"] = round(count / (time.perf_counter() - start))
    if _is_arpa(path) and texts:
        figures |= compare_with_kenlm(path, model, charset, [row for rows in texts.values() for row in rows])
    if _LOGITS.value:
        figures |= measure_search(model, np.load(_LOGITS.value))
    return figures


def compare_with_kenlm(
    path: str, model: LanguageModel, charset: Charset, rows: list[np.ndarray]
) -> dict[str, Any]:
    """Scores texts with KenLM too; returns nothing where it is not installed."""
    try:
        kenlm = importlib.import_module("kenlm")
    except ImportError:
        return {}
    theirs = kenlm.Model(path)
    names = ["<space>" if c == " " else c for c in charset.characters] + ["<unk>"]
    texts = [" ".join(names[k] for k in row.tolist()) for row in rows]
    model.forget()
    start = time.perf_counter()
    expected = [[score for score, _, _ in theirs.full_scores(text)] for text in texts]
    middle = time.perf_counter()
    found = [model.score_classes(row.tolist()) for row in rows]
    seconds = time.perf_counter() - middle
    differences = [
        np.abs(np.array(a) - np.array(b) * math.log(10)).max() for a, b in zip(found, expected, strict=True)
    ]
    return {
        "largest_difference": float(max(differences)),
        "scores_ratio": round((middle - start) / seconds, 3),
    }


def measure_search(model: LanguageModel, logits: np.ndarray) -> dict[str, Any]:
    """Decodes lines with and without a model, in turn."""
    searches = [BeamSearch(width=_BEAM_WIDTH.value, scorer=scorer) for scorer in (None, model)]
    model.forget()
    seconds = np.zeros((2, len(logits)))
    for line, own in enumerate(logits):
        candidates = Candidates(own, ratio=_LEAST_RATIO, most=_MOST_CLASSES)
        for place, search in enumerate(searches):
            start = time.perf_counter()
            search.search(candidates)
            seconds[place, line] = time.perf_counter() - start
    without, with_model = seconds.mean(axis=1)
    return {
        "search_milliseconds": round(1e3 * without, 3),
        "search_milliseconds_with_model": round(1e3 * with_model, 3),
        "search_ratio": round(with_model / without, 2),
    }


def _is_arpa(path: str) -> bool:
    return path.endswith((".arpa", ".arpa.gz"))


if __name__ == "__main__":
    command.run(main)
