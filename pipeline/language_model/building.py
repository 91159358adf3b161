"""Makes a language model of text: rows -> counts -> estimates -> file, and measures it on rows held out."""

import dataclasses
import math
import time
from collections.abc import Iterator
from typing import Any

import google_crc32c
import numpy as np
from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.arpa import write_arpa
from densenet_ocr.pipeline.language_model.config import LanguageModelConfig
from densenet_ocr.pipeline.language_model.counts import NGramCounter, NGramCounts
from densenet_ocr.pipeline.language_model.kneser_ney import estimate
from densenet_ocr.pipeline.language_model.language_model import LanguageModel, find_perplexity
from densenet_ocr.pipeline.language_model.model_file import ModelFile, bound_header, write_model
from densenet_ocr.pipeline.language_model.ngrams import END, START, UNKNOWN, NGramModel, Vocabulary, to_tokens
from densenet_ocr.pipeline.language_model.pruning import find_thresholds
from densenet_ocr.pipeline.text.text_encoder import TextEncoder
from densenet_ocr.pipeline.text.text_files import TextFile, parse_source
from densenet_ocr.pipeline.text.text_normalisation import TextNormaliser, read_character_map
from densenet_ocr.pipeline.ui.progress import Progress

_MOST_SHOWN = 20


@dataclasses.dataclass
class TextRows:
    """What has been read of the text.

    Attributes:
      read: Rows, without blank ones.
      used: Rows that were counted.
      held_out: Class ids of the rows held out, int32 [L] each; -1 for characters that the charset lacks.
      refused: Rows not used, by reason.
      characters: Characters of the rows used.
      unknown: Occurrences in all rows of each character that the charset lacks, the most frequent first.
    """

    read: int = 0
    used: int = 0
    held_out: list[np.ndarray] = dataclasses.field(default_factory=list)
    refused: dict[str, int] = dataclasses.field(default_factory=dict)
    characters: int = 0
    unknown: dict[str, int] = dataclasses.field(default_factory=dict)

    def count(self) -> dict[str, Any]:
        """Returns the numbers of rows and characters, for the result."""
        return {
            "read": self.read,
            "used": self.used,
            "held_out": len(self.held_out),
            "refused": self.refused,
            "characters": self.characters,
            "unknown": sum(self.unknown.values()),
        }


def build(config: LanguageModelConfig) -> dict[str, Any]:
    """Makes the model that a configuration describes and writes it.

    Returns:
      The result that ocr-language-model prints.

    Raises:
      UserError: the text or the charset cannot be used, or the file cannot be written.
    """
    start = time.monotonic()
    storage.check_writable(config.output)
    charset = read_charset(config.charset, config.charset_blank, config.normalize)
    counts, rows = count_text(find_files(config), charset, config)
    max_bytes = config.max_bytes - bound_header(counts.vocabulary)
    thresholds = find_thresholds(counts, config.thresholds, max_bytes, quantize=config.quantize)
    model = _estimate(counts, thresholds)
    arrays = trie.pack(model, quantize=config.quantize and not config.is_arpa)
    scorer = LanguageModel(model.vocabulary, arrays, charset, marks=config.marks)
    perplexity, _ = find_perplexity(scorer, rows.held_out)
    size = _write(config, model, arrays, rows, thresholds)
    return {
        "output": config.output,
        "order": config.order,
        **rows.count(),
        "ngrams": scorer.ngrams,
        "prune": list(thresholds),
        "bytes": size,
        "perplexity": None if math.isnan(perplexity) else round(perplexity, 3),
        "seconds": round(time.monotonic() - start, 2),
    }


def find_files(config: LanguageModelConfig) -> list[TextFile]:
    """Returns the files of --text; raises UserError where a source has none, or a weight."""
    found: list[TextFile] = []
    for source in config.text:
        _, weight, files = parse_source(source, config.text_encoding, config.list_format)
        if not files or weight != 1:
            raise UserError(
                f"text {source}",
                received="no files" if not files else f"the weight {weight:g}",
                expected="files of text, a path or a glob, or list:FILES",
                remedy="Name files, without a weight: their rows are counted as they are.",
            )
        found += files
    return found


def count_text(
    files: list[TextFile], charset: Charset, config: LanguageModelConfig
) -> tuple[NGramCounts, TextRows]:
    """Counts the n-grams of files.

    Args:
      files: The text.
      charset: The charset; other characters are unknown.
      config: How texts are normalised, the order, and the share of texts held out.

    Returns:
      The counts, and what was read.

    Raises:
      UserError: a file cannot be read, or there is no text.
    """
    table = read_character_map(config.character_map) if config.character_map else {}
    encoder = TextEncoder(charset, TextNormaliser(table, config.width_forms, config.normalize))
    counter, rows = NGramCounter(Vocabulary(charset.characters), config.order), TextRows()
    sizes = [storage.size(file.path) for file in files]
    progress = Progress("counting", sum(sizes), "bytes of text")
    for place, file in enumerate(files):
        done, size = sum(sizes[:place]), 0
        for text in file.read(charset):
            counter.add(_take_rows(*encoder.encode(text), rows, config))
            size += len(text.encode("utf-8", "surrogatepass"))
            progress.show(done + min(size, sizes[place]))
    progress.close(sum(sizes))
    rows.unknown = encoder.take_outside()
    _check_text(rows, config)
    return counter.finish(), rows


def _take_rows(codes: np.ndarray, ids: np.ndarray, rows: TextRows, config: LanguageModelConfig) -> np.ndarray:
    """The tokens of the rows to count, int64 [N], with the marks of their starts and ends, or breaks."""
    ends = np.flatnonzero(codes == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
    is_known = np.add.reduceat(ids >= 0, starts) > 0 if len(starts) else np.zeros(0, bool)
    is_out = is_known & np.fromiter(_choose_rows(codes, starts, ends, config.held_out), bool, len(starts))
    rows.held_out += [ids[starts[row] : ends[row]] for row in np.flatnonzero(is_out)]
    used = is_known & ~is_out
    rows.read += len(starts)
    rows.used += int(used.sum())
    if refused := int((~is_known).sum()):
        rows.refused["unknown_character"] = rows.refused.get("unknown_character", 0) + refused
    tokens = to_tokens(ids)
    tokens[ends] = END if config.marks else UNKNOWN
    kept = np.repeat(used, ends - starts + 1)
    rows.characters += int(kept.sum() - used.sum())
    if not config.marks:
        return tokens[kept]
    return np.insert(tokens, starts[used], START)[np.insert(kept, starts[used], True)]


def _choose_rows(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray, share: float) -> Iterator[bool]:
    """Whether each row is held out: a function of its text, so equal rows are on one side."""
    data, limit = codes.astype("<u4").tobytes(), share * 2**32
    for start, end in zip((4 * starts).tolist(), (4 * ends).tolist(), strict=True):
        yield bool(share) and google_crc32c.value(data[start:end]) < limit


def _check_text(rows: TextRows, config: LanguageModelConfig) -> None:
    """Logs the characters that the charset lacks; raises UserError where nothing is left to count."""
    if rows.unknown:
        logging.warning(
            "text: %s characters that the charset lacks, %s occurrences: %s; each ends the context of what "
            "follows it; see --character_map",
            f"{len(rows.unknown):,}",
            f"{sum(rows.unknown.values()):,}",
            show_characters(list(rows.unknown), _MOST_SHOWN),
        )
    if not rows.used:
        raise UserError(
            f"text {', '.join(config.text)}",
            received=f"{rows.read} rows, of which {len(rows.held_out)} were held out",
            expected="rows with characters of the charset",
            remedy="Check --text, --text_encoding and --charset.",
        )


def _estimate(counts: NGramCounts, thresholds: tuple[int, ...]) -> NGramModel:
    logging.info("estimating probabilities of %s n-grams", f"{sum(map(len, counts.keys)):,}")
    model, discounts = estimate(counts, thresholds)
    for order, (own, limit) in enumerate(zip(discounts, thresholds, strict=True), 1):
        logging.info(
            "order %d: %s of %s n-grams, those that occur more than %d times; discounts %s",
            order,
            f"{len(model.keys[order - 1]):,}",
            f"{len(counts.keys[order - 1]):,}",
            limit,
            ", ".join(f"{value:.3f}" for value in own.values),
        )
        if own.are_fallback:
            logging.warning(
                "order %d: too few n-grams to find discounts; %s are taken, as by lmplz --discount_fallback",
                order,
                own.values,
            )
    return model


def _write(
    config: LanguageModelConfig,
    model: NGramModel,
    arrays: trie.Arrays,
    rows: TextRows,
    thresholds: tuple[int, ...],
) -> int:
    if config.is_arpa:
        return write_arpa(config.output, model)
    provenance = {
        "estimate": "interpolated modified Kneser-Ney",
        "prune": list(thresholds),
        "rows": rows.used,
        "characters": rows.characters,
    }
    file = ModelFile(
        model.vocabulary, arrays, config.normalize, config.quantize, provenance, marks=config.marks
    )
    return write_model(config.output, file)
