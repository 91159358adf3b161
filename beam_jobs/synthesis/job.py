"""The synthesis job: text and fonts become the records, or the image files, of a split."""

import functools
import time
from typing import Any

import numpy as np
import PIL.Image
from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.manifest import DatasetManifest
from densenet_ocr.beam_jobs.engine.runner.beam_runner import is_remote, parse_options
from densenet_ocr.beam_jobs.engine.runner.runner_trial import try_runner
from densenet_ocr.beam_jobs.engine.runner.shared_paths import check_paths
from densenet_ocr.beam_jobs.engine.split_runner import SplitRunner, summarise_split
from densenet_ocr.beam_jobs.engine.split_state import JobTerms
from densenet_ocr.beam_jobs.engine.tfrecord_writer import TFRecordShardWriter
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder
from densenet_ocr.beam_jobs.synthesis.config import PREVIEW_LINES, SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, Face, find_faces
from densenet_ocr.beam_jobs.synthesis.image_list import ImageList
from densenet_ocr.beam_jobs.synthesis.image_writer import ImageShardWriter
from densenet_ocr.beam_jobs.synthesis.inputs import log_unused_faces, plan_lines, read_inputs
from densenet_ocr.beam_jobs.synthesis.preview import draw_preview
from densenet_ocr.beam_jobs.synthesis.recipe import describe_recipe
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.source import SyntheticSource
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import FILE_NAME, IMAGES_NAME, DatasetInfo

_TERMS = JobTerms(
    subject="split {split!r} of {folder}",
    job="synthesis",
    verb="render",
    output_flags="--split or --output",
    inputs="Fonts, or the rendering libraries,",
)


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
    start, options = time.time(), parse_options(beam_arguments or [])
    paths = {"fonts": _list_fonts(config, options)}
    check_paths(options, remote.shared_folders, paths | {"output": [config.output]})
    try_runner(options, seconds=remote.runner_timeout, inputs=paths, output=config.output)
    runner, plans = _plan_split(config)
    # Popped, so that no plan stays in memory once it is a file.
    split = runner.run(plans.pop(), workers=workers, options=options)
    return summarise_split(config.split, split, time.time() - start, unit="lines")


def preview(config: SynthesisConfig) -> PIL.Image.Image:
    """Returns a sheet of sample lines; writes nothing.

    Raises:
      UserError: text or fonts cannot be used.
    """
    inputs = read_inputs(config)
    count = min(config.lines or PREVIEW_LINES, PREVIEW_LINES)
    plan = plan_lines(config, inputs, lines=count, min_per_character=0)
    texts = [(inputs.charset.decode(ids[:length].tolist()), int(face)) for face, length, ids in plan]
    renderer = LineRenderer(inputs.faces, config.style_distribution, config.geometry)
    return draw_preview(texts, renderer, seed=config.seed, split=config.split)


def _list_fonts(config: SynthesisConfig, options: PipelineOptions) -> list[str]:
    """Returns the font files, which workers open; nothing for local workers, who see what this process sees."""
    faces = find_faces(config.fonts) if is_remote(options) else []
    return sorted({face.path for face in faces if face.path != PILLOW})


def _plan_split(config: SynthesisConfig) -> tuple[SplitRunner, list[np.ndarray]]:
    """Returns the runner of the split, and in a list its plan; the text is not kept in memory."""
    inputs = read_inputs(config)
    # Before the fonts' coverage is found, which takes time.
    _make_manifest(config, inputs.charset, {}).check()
    plan = plan_lines(config, inputs, lines=config.lines, min_per_character=config.min_per_character)
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
            builder=RecordBuilder(manifest.info),
            with_images=as_images,
        ),
        lines_per_shard=config.lines_per_shard,
        terms=_TERMS,
        overwrite=config.overwrite,
        max_reject_fraction=config.max_reject_fraction,
    )
