"""The synthesis job: text and fonts become the records, or the image files, of a split."""

import dataclasses
import functools
import time
from typing import Any

import numpy as np
import PIL.Image

from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.manifest import CharsetCopy, DatasetManifest
from densenet_ocr.beam_jobs.engine.runner.beam_runner import is_remote
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.beam_jobs.engine.split_runner import SplitRunner, summarise_split
from densenet_ocr.beam_jobs.engine.split_state import JobTerms
from densenet_ocr.beam_jobs.engine.tfrecord_writer import TFRecordShardWriter
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder
from densenet_ocr.beam_jobs.synthesis.config import PREVIEW_LINES, SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, Face, find_faces
from densenet_ocr.beam_jobs.synthesis.image_output import ImageList, ImageShardWriter
from densenet_ocr.beam_jobs.synthesis.inputs import describe_recipe, log_unused_faces, plan_lines, read_inputs
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.source import SyntheticSource, make_random
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import FILE_NAME, IMAGES_NAME, DatasetInfo
from densenet_ocr.pipeline.ui.picture import INK, MARGIN, choose_typeface, frame, new_sheet, paste_line

_COLUMNS, _TEXT_SIZE = 4, 14  # of a preview: four lines of 280 pixels fit on a screen

_TERMS = JobTerms("synthesis", verb="render", inputs="Fonts, or the rendering libraries,")


def synthesize(
    config: SynthesisConfig,
    *,
    workers: int = 0,
    beam_arguments: list[str] | None = None,
    remote: RemoteConfig = RemoteConfig(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Renders synthetic lines into a split of a data set.

    Shards that an earlier call with the same configuration finished are checked and kept.

    Args:
      config: Text, fonts, style and output.
      workers: Local processes, 0 for one per core.
      beam_arguments: Beam's own options, such as ["--runner=FlinkRunner"].
      remote: Shared folders and time limit of the runner that those name.

    Returns:
      {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}; "read" is config.lines.

    Raises:
      UserError: text or fonts cannot be used, or too many lines are refused; the split is not published then.
    """
    start, execution = time.time(), Execution.of(workers, beam_arguments, remote)
    # Fonts, which workers open; nothing for local workers, who see what this process sees.
    faces = find_faces(config.fonts) if is_remote(execution.options) else []
    inputs = {"fonts": sorted({face.path for face in faces if face.path != PILLOW})}
    execution.check_paths(inputs, config.output)
    execution.try_runner(inputs, config.output)
    runner, plans = _plan_split(config)
    # Popped, so that no plan stays in memory once it is a file.
    split = runner.run(plans.pop(), execution)
    return summarise_split(config.split, split, time.time() - start, unit="lines")


def preview(config: SynthesisConfig) -> PIL.Image.Image:
    """Returns a sheet of sample lines; writes nothing.

    Raises:
      UserError: text or fonts cannot be used.
    """
    inputs = read_inputs(config)
    count = min(config.lines or PREVIEW_LINES, PREVIEW_LINES)
    plan = plan_lines(dataclasses.replace(config, lines=count, min_per_character=0), inputs)
    texts = [(inputs.charset.decode(ids[:length].tolist()), int(face)) for face, length, ids in plan]
    renderer = LineRenderer(inputs.faces, config.style_distribution, config.geometry)
    rendered = [
        images.decode(renderer.render(text, face, make_random(config.seed, config.split, number)))
        for number, (text, face) in enumerate(texts)
    ]
    return _draw_sheet([text for text, _ in texts], rendered)


def _draw_sheet(texts: list[str], lines: list[np.ndarray]) -> PIL.Image.Image:
    """Returns a sheet of lines (uint8 [H, W] each), each above its text."""
    typeface = choose_typeface(texts, size=_TEXT_SIZE)
    width = max(levels.shape[1] for levels in lines) + 2 * MARGIN
    height = lines[0].shape[0] + 2 * MARGIN + _TEXT_SIZE
    sheet = new_sheet(min(_COLUMNS, len(lines)) * width, -(-len(lines) // _COLUMNS) * height)
    for number, (levels, text) in enumerate(zip(lines, texts, strict=True)):
        x, y = number % _COLUMNS * width + MARGIN, number // _COLUMNS * height + 1
        paste_line(sheet, (x, y), levels)
        typeface.draw(sheet, (x, y + levels.shape[0] + _TEXT_SIZE + 3), text, INK)
    return frame(sheet)


def _plan_split(config: SynthesisConfig) -> tuple[SplitRunner, list[np.ndarray]]:
    """Returns the runner of the split, and in a list its plan; the text is not kept in memory."""
    inputs = read_inputs(config)
    # Before the fonts' coverage is found, which takes time.
    _make_manifest(config, inputs.charset, {}).check()
    plan = plan_lines(config, inputs)
    log_unused_faces(plan, inputs.faces)
    manifest = _make_manifest(config, inputs.charset, describe_recipe(config, inputs))
    return _make_runner(config, inputs.faces, manifest), [plan]


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
        terms=_TERMS,
        file_name=IMAGES_NAME if as_images else FILE_NAME,
        derived=[ImageList(config.output, config.split), CharsetCopy(config.output, charset)]
        if as_images
        else [],
    )


def _make_runner(config: SynthesisConfig, faces: list[Face], manifest: DatasetManifest) -> SplitRunner:
    as_images = config.write == "images"
    return SplitRunner(
        manifest=manifest,
        writer=ImageShardWriter(config.output) if as_images else TFRecordShardWriter(manifest.info),
        make_source=functools.partial(
            SyntheticSource,
            split=config.split,
            seed=config.seed,
            renderer=LineRenderer(faces, config.style_distribution, config.geometry),
            builder=RecordBuilder(manifest.info),
            with_images=as_images,
        ),
        lines_per_shard=config.lines_per_shard,
        overwrite=config.overwrite,
        max_reject_fraction=config.max_reject_fraction,
    )
