"""Inputs of a synthesis (charset, font faces, text), the text plan that they give, and their recipe.

The recipe in dataset.json has hashes and file names, but no paths.
"""

import collections
import dataclasses
import functools
import json
import math
import os
from typing import Any

import numpy as np
from absl import logging

from densenet_ocr.beam_jobs.engine.config import list_changed
from densenet_ocr.beam_jobs.engine.manifest import FOUND
from densenet_ocr.beam_jobs.synthesis.config import MOST_LINES, SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.fonts.coverage import describe_coverage, find_coverage, find_undrawable
from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import describe_renderer
from densenet_ocr.beam_jobs.synthesis.source import make_random
from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, count_undrawable, read_corpora
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.minimum_counts import ensure_minimum_counts
from densenet_ocr.beam_jobs.synthesis.text.sampler import sample_texts
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset, show_characters
from densenet_ocr.pipeline.charsets.charset_file import read_charset

_MOST_SHOWN = 10  # characters or faces per message

# Numbers that no line has, for the random numbers of the text plan.
_TEXT_NUMBER, _MINIMUM_NUMBER = MOST_LINES, MOST_LINES + 1


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Inputs of a text plan. Corpora take 5 bytes per character."""

    charset: Charset
    faces: list[Face]
    corpora: list[Corpus]

    @functools.cached_property
    def coverage(self) -> np.ndarray:
        """Which face has which character, bool [faces, characters]; takes seconds, and logs a summary."""
        coverage = find_coverage(self.faces, self.charset.characters)
        logging.info("%s", describe_coverage(self.faces, coverage, self.charset.characters))
        return coverage


def read_inputs(config: SynthesisConfig) -> Inputs:
    """Reads charset, fonts and text, and logs the characters that the charset lacks.

    Raises:
      UserError: one of them cannot be used.
    """
    charset = read_charset(config.charset_path, config.charset_blank, config.normalize)
    faces = find_faces(config.fonts)
    corpora = read_corpora(
        config.text,
        charset,
        encoding=config.text_encoding,
        list_format=config.list_format,
        character_map=config.character_map or None,
        width=config.width_forms,
        normalize=config.normalize,
    )
    for corpus in corpora:
        _log_outside(corpus)
    return Inputs(charset, faces, corpora)


def plan_lines(config: SynthesisConfig, inputs: Inputs) -> np.ndarray:
    """Plans the text and the face of each line; returns lines of text.plan.plan_dtype, [lines].

    Raises:
      UserError: a corpus has no line, or there are too few lines for min_per_character.
    """
    random = [make_random(config.seed, config.split, number) for number in (_TEXT_NUMBER, _MINIMUM_NUMBER)]
    sets = FaceSets(inputs.coverage, np.array([face.weight for face in inputs.faces]))
    frames = config.geometry.count_frames(config.image_width) if config.image_width else math.inf
    plan = sample_texts(
        inputs.corpora,
        sets,
        count=config.lines,
        lengths=config.lengths,
        random=random[0],
        max_frames=frames,
    )
    if config.min_per_character:
        plan = ensure_minimum_counts(
            plan,
            sets,
            minimum=config.min_per_character,
            charset=inputs.charset,
            random=random[1],
            max_frames=frames,
        )
    return plan


def _log_outside(corpus: Corpus) -> None:
    """Logs the characters that the charset lacks, for a character map may replace them."""
    if corpus.outside:
        logging.info(
            "text %s: lines end before %s characters that the charset lacks, %s occurrences: %s; "
            "see --character_map",
            corpus.name,
            f"{len(corpus.outside):,}",
            f"{sum(corpus.outside.values()):,}",
            show_characters(list(corpus.outside), _MOST_SHOWN),
        )


def log_unused_faces(plan: np.ndarray, faces: list[Face]) -> None:
    """Logs the faces without lines in a plan of plan_dtype, [lines]: they lack characters, or lines are few."""
    unused = np.flatnonzero(np.bincount(plan["face"], minlength=len(faces)) == 0)
    if len(unused):
        names = ", ".join(str(faces[k]) for k in unused[:_MOST_SHOWN])
        logging.info("%d of %d faces have no lines: %s", len(unused), len(faces), names)


# Most characters that the recipe names of those that lines lack; all are counted.
_MOST_NAMED = 100


def describe_recipe(config: SynthesisConfig, inputs: Inputs) -> dict[str, Any]:
    """Returns all that the lines depend on beside charset and geometry, and under FOUND what inputs lack.

    FOUND has the characters of the charset that no face has, and those of the text that the charset or all
    faces lack: how many, their occurrences, and the most frequent ones.
    """
    corpora, coverage = inputs.corpora, inputs.coverage
    texts = [corpus for corpus in corpora if not corpus.uniform]
    outside: collections.Counter[str] = collections.Counter()
    for corpus in corpora:
        outside.update(corpus.outside)
    origin = {
        "write": config.write,
        "lines": config.lines,
        "lines_per_shard": config.lines_per_shard,
        "seed": config.seed,
        "length": config.length,
        "min_per_character": config.min_per_character,
        "text": [_describe_corpus(corpus) for corpus in corpora],
        "text_encoding": config.text_encoding,
        "character_map (by SHA-256)": storage.hash_file(config.character_map) if config.character_map else "",
        "width_forms": config.width_forms,
        # Older data sets have no other.
        **list_changed(config, "charset_blank", "list_format", "normalize"),
        "fonts": [_describe_face(face) for face in inputs.faces],
        "looks": dataclasses.asdict(config.style_distribution),
        "drawn by": describe_renderer(),
        FOUND: {
            "characters that no face draws": find_undrawable(coverage, inputs.charset.characters),
            "in the text, outside the charset": _describe_counts(outside),
            "in the text, drawn by no face": _describe_counts(count_undrawable(texts, coverage)),
        },
    }
    # As it is read back: tuples are lists.
    return json.loads(json.dumps(origin))


def _describe_corpus(corpus: Corpus) -> dict[str, Any]:
    files = [{"file": os.path.basename(path), "sha256": sha256} for path, sha256 in corpus.files.items()]
    return {"source": os.path.basename(corpus.name), "weight": corpus.weight, "files": files}


def _describe_face(face: Face) -> dict[str, Any]:
    return {
        "file": os.path.basename(face.path),
        "index": face.index,
        "name": face.name,
        "sha256": face.sha256,
        "weight": face.weight,
    }


def _describe_counts(counts: dict[str, int]) -> dict[str, Any]:
    ordered = sorted(counts, key=lambda character: (-counts[character], character))
    return {
        "characters": len(counts),
        "occurrences": sum(counts.values()),
        "most_frequent": {character: counts[character] for character in ordered[:_MOST_NAMED]},
    }
