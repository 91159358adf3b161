"""Text and fonts become a split: plan the lines, draw them, collect the shards' reports, describe it all."""

import dataclasses
import functools
import time
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
from absl import logging

from beam_jobs.dataset_split import DESCRIPTIONS, DatasetSplit
from beam_jobs.made.fonts.coverage import describe_coverage, find_coverage
from beam_jobs.made.fonts.faces import Face, find_faces
from beam_jobs.made.image_split import ImageSplit
from beam_jobs.made.origin import describe_origin
from beam_jobs.made.picture.drawing import Drawing
from beam_jobs.made.preview import LINES, draw_preview
from beam_jobs.made.recipe import MOST_LINES, Synthesis
from beam_jobs.made.source import MadeSource, make_random
from beam_jobs.made.text.corpus import Corpus, read_corpora
from beam_jobs.made.text.floor import raise_to_floor
from beam_jobs.made.text.texts import draw_texts
from beam_jobs.runners import parse_options, try_runner
from beam_jobs.split_result import tell_split
from beam_jobs.split_state import Words
from pipeline.charset import Charset, read_charset
from pipeline.dataset_info import DatasetInfo
from pipeline.frames import count_frames

# Numbers that no line has: of the draws of texts, and of what raises them to the floor.
_NO_LINES = (MOST_LINES, MOST_LINES + 1)


def synthesize(
    config: Synthesis, *, workers: int = 0, beam_arguments: list[str] | None = None
) -> dict[str, Any]:
    """Makes a split of lines that it draws, by `workers` local processes (0: one a core) or as Beam is told.

    What an earlier call with the same configuration finished is checked and kept. Returns {"split", "read",
    "written", "refused": {reason: n}, "shards", "seconds"}; "read" counts the lines that were asked for. Raises
    UserError where text or fonts cannot be used, or too many lines are refused.
    """
    start, options = time.time(), parse_options(beam_arguments or [])
    try_runner(options)
    part, plans = _plan_split(config)
    # Popped, so that no plan stays in memory once it is a file.
    split = part.run(plans.pop(), workers=workers, options=options)
    return tell_split(config.split, split, time.time() - start, unit="lines")


def preview(config: Synthesis) -> PIL.Image.Image:
    """A sheet of lines such as the split would have, which is not begun; raises UserError as it would."""
    given = _read_inputs(config)
    some = dataclasses.replace(config, lines=min(config.lines, LINES), min_per_character=0)
    plan = _make_plan(some, given)
    texts = [(given.charset.decode(ids[:length].tolist()), int(face)) for face, length, ids in plan]
    drawing = Drawing(given.faces, config.chosen_looks, config.geometry)
    return draw_preview(texts, drawing, seed=config.seed, split=config.split)


class _Inputs(NamedTuple):
    """What a plan is made of; corpora take 5 bytes a character."""

    charset: Charset
    faces: list[Face]
    coverage: np.ndarray
    corpora: list[Corpus]


def _read_inputs(config: Synthesis) -> _Inputs:
    charset, faces = read_charset(config.charset_path), find_faces(config.fonts)
    corpora = read_corpora(
        config.text,
        charset,
        encoding=config.text_encoding,
        character_map=config.character_map or None,
        width=config.width_forms,
    )
    coverage = find_coverage(faces, charset.characters)
    for row in describe_coverage(faces, coverage, charset.characters):
        logging.info("%s", row)
    return _Inputs(charset, faces, coverage, corpora)


def _plan_split(config: Synthesis) -> tuple[DatasetSplit, list[np.ndarray]]:
    """The split, and its plan in a list; the text that it was made of is forgotten."""
    given = _read_inputs(config)
    origin = describe_origin(config, given.charset, given.faces, given.coverage, given.corpora)
    part = _make_part(config, given.charset, given.faces, origin)
    part.check()
    return part, [_make_plan(config, given)]


def _make_part(config: Synthesis, charset: Charset, faces: list[Face], sources: dict[str, Any]) -> DatasetSplit:
    """The split, as records or as images."""
    kind, description, encoding = {
        "records": (DatasetSplit, DESCRIPTIONS[0], config.image_encoding),
        "images": (ImageSplit, DESCRIPTIONS[1], "uint8"),  # grey levels, which files of grey images have
    }[config.write]
    return kind(
        folder=config.output,
        split=config.split,
        info=DatasetInfo(charset, config.geometry, encoding),
        sources=sources,
        make_source=functools.partial(
            MadeSource,
            lines_per_shard=config.lines_per_shard,
            charset=charset,
            geometry=config.geometry,
            fit="exact",
            split=config.split,
            seed=config.seed,
            drawing=Drawing(faces, config.chosen_looks, config.geometry),
        ),
        overwrite=config.overwrite,
        max_reject_fraction=config.max_reject_fraction,
        words=Words(
            subject="split {split!r} of {folder}",
            work="synthesis",
            place="--split or --output",
            description=description,
            verb="draw",
            suspects="Fonts, or the software that draws,",
        ),
    )


def _make_plan(config: Synthesis, given: _Inputs) -> np.ndarray:
    """The text and the face of every line."""
    texts_random, floor_random = (make_random(config.seed, config.split, number) for number in _NO_LINES)
    weights = np.array([face.weight for face in given.faces])
    frames = count_frames(config.image_width) if config.image_width else None
    plan = draw_texts(
        given.corpora,
        given.coverage,
        weights,
        count=config.lines,
        lengths=config.lengths,
        random=texts_random,
        max_frames=frames,
    )
    if config.min_per_character:
        raise_to_floor(
            plan,
            given.coverage,
            weights,
            minimum=config.min_per_character,
            charset=given.charset,
            random=floor_random,
            max_frames=frames,
        )
    return plan
