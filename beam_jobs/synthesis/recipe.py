"""Recipe of a split of synthetic lines in dataset.json: hashes and file names, but no paths."""

import collections
import dataclasses
import hashlib
import json
import os
from typing import Any

from densenet_ocr.beam_jobs.engine.manifest import FOUND
from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.fonts.coverage import find_undrawable
from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face
from densenet_ocr.beam_jobs.synthesis.inputs import Inputs
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import describe_renderer
from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, count_undrawable
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import NO_FORM
from densenet_ocr.pipeline.charsets.charset_file import FIRST_ROW
from densenet_ocr.pipeline.lists.opening import AUTO

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
        "character_map (by SHA-256)": _hash(config.character_map),
        "width_forms": config.width_forms,
        # Older data sets have no other.
        **({"charset_blank": config.charset_blank} if config.charset_blank != FIRST_ROW else {}),
        **({"list_format": config.list_format} if config.list_format != AUTO else {}),
        **({"normalize": config.normalize} if config.normalize != NO_FORM else {}),
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


def _hash(path: str) -> str:
    return hashlib.sha256(storage.read_bytes(path)).hexdigest() if path else ""
