"""Text and fonts become a split: plan the lines, draw them, collect the shards' reports, describe it all."""

import dataclasses
import functools
import time
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
from absl import logging

from densenet_ocr.beam_jobs.engine.beam_runner import parse_options, try_runner
from densenet_ocr.beam_jobs.engine.manifest import DatasetManifest
from densenet_ocr.beam_jobs.engine.split_runner import SplitRunner, summarise_split
from densenet_ocr.beam_jobs.engine.split_state import JobTerms
from densenet_ocr.beam_jobs.engine.tfrecord_writer import TFRecordShardWriter
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder
from densenet_ocr.beam_jobs.synthesis.config import MOST_LINES, PREVIEW_LINES, SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.fonts.coverage import describe_coverage, find_coverage
from densenet_ocr.beam_jobs.synthesis.fonts.faces import Face, find_faces
from densenet_ocr.beam_jobs.synthesis.image_list import ImageList
from densenet_ocr.beam_jobs.synthesis.image_writer import ImageShardWriter
from densenet_ocr.beam_jobs.synthesis.preview import draw_preview
from densenet_ocr.beam_jobs.synthesis.recipe import describe_origin
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.source import SyntheticSource, make_random
from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, read_corpora
from densenet_ocr.beam_jobs.synthesis.text.minimum_counts import ensure_minimum_counts
from densenet_ocr.beam_jobs.synthesis.text.sampler import sample_texts
from densenet_ocr.pipeline.charset import Charset, read_charset, show_characters
from densenet_ocr.pipeline.dataset_info import FILE_NAME, IMAGES_NAME, DatasetInfo
from densenet_ocr.pipeline.frames import count_frames

_NAMED = 10  # characters, or faces, that a message names

_TERMS = JobTerms(
    subject="split {split!r} of {folder}",
    job="synthesis",
    verb="draw",
    output_flags="--split or --output",
    inputs="Fonts, or the software that draws,",
)

# Numbers that no line has: of the draws of texts, and of what raises them to the floor.
_NO_LINES = (MOST_LINES, MOST_LINES + 1)


def synthesize(
    config: SynthesisConfig, *, workers: int = 0, beam_arguments: list[str] | None = None
) -> dict[str, Any]:
    """Makes a split of lines that it draws, by `workers` local processes (0: one a core) or as Beam is told.

    What an earlier call with the same configuration finished is checked and kept. Returns {"split", "read",
    "written", "refused": {reason: n}, "shards", "seconds"}; "read" counts the lines that were asked for. Raises
    UserError where text or fonts cannot be used, or too many lines are refused.
    """
    start, options = time.time(), parse_options(beam_arguments or [])
    try_runner(options)
    runner, plans = _plan_split(config)
    # Popped, so that no plan stays in memory once it is a file.
    split = runner.run(plans.pop(), workers=workers, options=options)
    return summarise_split(config.split, split, time.time() - start, unit="lines")


def preview(config: SynthesisConfig) -> PIL.Image.Image:
    """A sheet of lines such as the split would have, which is not begun; raises UserError as it would."""
    given = _look_at_fonts(*_read_sources(config))
    some = dataclasses.replace(
        config, lines=min(config.lines or PREVIEW_LINES, PREVIEW_LINES), min_per_character=0
    )
    plan = _make_plan(some, given)
    texts = [(given.charset.decode(ids[:length].tolist()), int(face)) for face, length, ids in plan]
    renderer = LineRenderer(given.faces, config.style_distribution, config.geometry)
    return draw_preview(texts, renderer, seed=config.seed, split=config.split)


class _Inputs(NamedTuple):
    """What a plan is made of; corpora take 5 bytes a character."""

    charset: Charset
    faces: list[Face]
    corpora: list[Corpus]
    coverage: np.ndarray


def _read_sources(config: SynthesisConfig) -> tuple[Charset, list[Face], list[Corpus]]:
    charset, faces = read_charset(config.charset_path), find_faces(config.fonts)
    corpora = read_corpora(
        config.text,
        charset,
        encoding=config.text_encoding,
        character_map=config.character_map or None,
        width=config.width_forms,
    )
    _tell_outside(corpora)
    return charset, faces, corpora


def _look_at_fonts(charset: Charset, faces: list[Face], corpora: list[Corpus]) -> _Inputs:
    coverage = find_coverage(faces, charset.characters)
    for row in describe_coverage(faces, coverage, charset.characters):
        logging.info("%s", row)
    return _Inputs(charset, faces, corpora, coverage)


def _tell_outside(corpora: list[Corpus]) -> None:
    """Says which characters keep text from being used, for people may want to map them."""
    for corpus in corpora:
        if corpus.outside:
            logging.info(
                "text %s: not used where one of %s characters stands that the charset lacks, %s times: %s; "
                "see --character_map",
                corpus.name,
                f"{len(corpus.outside):,}",
                f"{sum(corpus.outside.values()):,}",
                show_characters(list(corpus.outside), _NAMED),
            )


def _tell_idle(plan: np.ndarray, faces: list[Face]) -> None:
    """Says which faces draw no line: none of the text is all theirs, or the lines are few."""
    idle = np.flatnonzero(np.bincount(plan["face"], minlength=len(faces)) == 0)
    if len(idle):
        names = ", ".join(str(faces[k]) for k in idle[:_NAMED])
        logging.info("%d of %d faces draw no line: %s", len(idle), len(faces), names)


def _plan_split(config: SynthesisConfig) -> tuple[SplitRunner, list[np.ndarray]]:
    """Returns the runner of the split, and in a list its plan; the text is not kept in memory."""
    charset, faces, corpora = _read_sources(config)
    # Before fonts are looked at, which takes its time.
    _make_manifest(config, charset, {}).check()
    given = _look_at_fonts(charset, faces, corpora)
    plan = _make_plan(config, given)
    _tell_idle(plan, faces)
    manifest = _make_manifest(config, charset, describe_origin(config, charset, faces, given.coverage, corpora))
    return _make_runner(config, faces, manifest), [plan]


def _make_manifest(config: SynthesisConfig, charset: Charset, sources: dict[str, Any]) -> DatasetManifest:
    """Returns the manifest of the split, as records or as image files."""
    as_images = config.write == "images"
    # Image files have grey levels.
    info = DatasetInfo(charset, config.geometry, "uint8" if as_images else config.image_encoding)
    return DatasetManifest(
        folder=config.output,
        split=config.split,
        info=info,
        sources=sources,
        verb=_TERMS.verb,
        file_name=IMAGES_NAME if as_images else FILE_NAME,
        derived=ImageList(config.output, config.split, charset) if as_images else None,
    )


def _make_runner(config: SynthesisConfig, faces: list[Face], manifest: DatasetManifest) -> SplitRunner:
    as_images = config.write == "images"
    return SplitRunner(
        folder=config.output,
        split=config.split,
        manifest=manifest,
        writer=ImageShardWriter(config.output) if as_images else TFRecordShardWriter(manifest.info),
        make_source=functools.partial(
            SyntheticSource,
            split=config.split,
            seed=config.seed,
            renderer=LineRenderer(faces, config.style_distribution, config.geometry),
            builder=RecordBuilder.of(manifest.info),
            with_images=as_images,
        ),
        lines_per_shard=config.lines_per_shard,
        terms=_TERMS,
        overwrite=config.overwrite,
        max_reject_fraction=config.max_reject_fraction,
    )


def _make_plan(config: SynthesisConfig, given: _Inputs) -> np.ndarray:
    """Plans the text and the face of every line, plan_dtype [lines]."""
    texts_random, minimum_random = (make_random(config.seed, config.split, number) for number in _NO_LINES)
    weights = np.array([face.weight for face in given.faces])
    frames = count_frames(config.image_width) if config.image_width else None
    plan = sample_texts(
        given.corpora,
        given.coverage,
        weights,
        count=config.lines,
        lengths=config.lengths,
        random=texts_random,
        max_frames=frames,
    )
    if not config.min_per_character:
        return plan
    return ensure_minimum_counts(
        plan,
        given.coverage,
        weights,
        minimum=config.min_per_character,
        charset=given.charset,
        random=minimum_random,
        max_frames=frames,
    )
