"""Trains a DenseNet-CTC network on a data set of ocr-convert or ocr-synthesize.

    ocr-train --data=data --run=run

The run folder holds the configuration, the charset, the weights of every epoch and of the best one,
checkpoints, history.csv, curves.png and TensorBoard logs with example lines of the validation split.

The same command, or ocr-train --run=run alone, resumes an existing run from its last checkpoint and ends with
the same weights as a run that was never interrupted. A larger --epochs continues a finished run. SIGTERM
and Ctrl-C save a checkpoint first; the exit code is then 75. A run at s3://... resumes on any machine.

--init_from=OLD_RUN starts from that run's weights, matched by character; --init_from=FILE.h5 starts from
weights of the original notebook (Keras 2), with --init_charset=FILE as their charset.

--data=REAL --data=MADE=3 trains on a mixture: in every batch three lines of MADE for each line of REAL.

--find_shared_lines, in place of training, prints a row for each line of validation whose pixels are in
training: data set, split and key of both.

The last line on standard output is {"step", "loss", "images_per_second", "split", "lines", "exact_match",
"cer"}; the last four describe the validation split at the best epoch.
"""

import dataclasses
import sys
from typing import Any

from densenet_ocr.model.training.config import (
    PRESETS,
    CheckpointConfig,
    DeviceConfig,
    LoggingConfig,
    TrainConfig,
)
from densenet_ocr.model.training.preemption import EXIT_CODE, Preempted
from densenet_ocr.model.training.run.run_config import RunConfig, load_run_config
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.dataset_info import FILE_NAME
from densenet_ocr.pipeline.errors import UserError, check_left_out
from densenet_ocr.pipeline.mixtures.sources import Data, list_sources, parse_sources, simplify_data
from densenet_ocr.pipeline.ui import command, flags
from densenet_ocr.pipeline.ui.flags import option, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """What to do with which data set."""

    data: tuple[str, ...] = option(
        (),
        help="Folder of the data set, also s3://... and so on; not needed to resume a run. Several, each PATH "
        "or PATH=WEIGHT, are a mixture, whose batches have lines of all by their weights.",
    )
    run: str | None = option(
        None, help="Folder of the run, also s3://... and so on; a new one, or one to resume."
    )
    cache: str | None = option(
        None, help="Local folder that keeps the shards of a data set behind a URL, for later passes and runs."
    )
    preview: str | None = option(None, help="Instead of training, draw augmented lines into this PNG file.")
    benchmark_input: bool = option(
        False, help="Instead of training, measure the speed of the input pipeline for ten seconds."
    )
    find_shared_lines: bool = option(
        False, help="Instead of training, list the lines of validation whose pixels are in training, too."
    )
    preset: str | None = option(
        None,
        help="Defaults of other flags, see docs/training.md; by default notebook, or those of the run.",
        choices=tuple(PRESETS),
    )

    def __post_init__(self) -> None:
        validate(self)
        if not (self.run or self.preview or self.benchmark_input or self.find_shared_lines):
            raise UserError(
                "run",
                received="none",
                expected="a folder",
                remedy="Set --run, --preview, --benchmark_input or --find_shared_lines.",
            )


CONFIGS = (Arguments, TrainConfig, AugmentConfig, CheckpointConfig, LoggingConfig, DeviceConfig)


def main() -> int:
    """Trains, or does what another flag says instead; returns the exit code."""
    arguments = flags.read(Arguments)
    stored = _load_stored(arguments.run)
    data = _find_data(arguments, stored)
    config = _read_training(arguments.preset, stored)
    # What previews and measurements draw their lines from.
    lines: dict[str, Any] = {
        "data": data,
        "split": config.train_split,
        "seed": config.seed,
        "augmentation": config.augmentation,
        "cache": arguments.cache,
    }
    if arguments.preview:
        from densenet_ocr.pipeline.augmentation.preview import save_preview

        save_preview(arguments.preview, **lines)
    elif arguments.benchmark_input:
        from densenet_ocr.pipeline.input_benchmark import measure_input

        result = measure_input(**lines, batch_size=config.batch_size, shuffle_buffer=config.shuffle_buffer)
        command.print_result(result)
    elif arguments.find_shared_lines:
        from densenet_ocr.model.training.shared_lines import find_shared_lines

        command.print_result(find_shared_lines(data, config, arguments.cache))
    else:
        return _train(arguments, data, config, stored)
    return 0


def _load_stored(run: str | None) -> RunConfig | None:
    """The configuration of the run that is resumed; None for a new one."""
    path = RunFolder(run).config if run else ""
    return load_run_config(path) if storage.exists(path) else None


def _find_data(arguments: Arguments, stored: RunConfig | None) -> Data:
    """The data sets that are named, else those of the run; raises UserError if there is none."""
    before = list_sources(stored.data) if stored else ()
    given = [value for value in arguments.data if value]
    data = parse_sources(given)
    if len(data) == len(before):  # the names are columns of history.csv, also where a folder has moved
        data = tuple(dataclasses.replace(new, name=old.name) for new, old in zip(data, before, strict=True))
    data = data or before
    if not data and arguments.run:
        raise UserError(
            f"run {arguments.run}",
            received="no run in it, and no --data",
            expected="the folder of a run, which resumes, or a data set for a new run",
            remedy="Check --run, or set --data.",
        )
    if not data:
        raise UserError(
            "data",
            received="none",
            expected="the folder of a data set, or an existing --run, which has one",
            remedy="Set --data.",
        )
    for source in () if given else data:
        if not storage.exists(storage.join(source.folder, FILE_NAME)):
            raise UserError(
                f"run {arguments.run}",
                received=f"no data set in {source.folder}, where it was when the run was last trained",
                expected="the same data set",
                remedy="If its folder has moved, name it: --data=FOLDER"
                + (", and the others with their weights." if len(data) > 1 else "."),
            )
    folders = [source.folder for source in data]
    is_used = not arguments.cache or any(map(storage.is_url, folders))
    expected = f"no --cache for {', '.join(folders)}, which {'are' if len(data) > 1 else 'is'} on this machine"
    check_left_out("cache", arguments.cache, is_used, expected)
    return simplify_data(data)


def _read_training(preset: str | None, stored: RunConfig | None) -> TrainConfig:
    """The training of the flags, then of the preset, then of the run that is resumed."""
    before = stored.training if stored else TrainConfig()
    augmentation = flags.read(AugmentConfig, **vars(before.augmentation))
    chosen = PRESETS[preset] if preset else {}
    return flags.read(TrainConfig, **{**vars(before), **chosen, "augmentation": augmentation})


def _train(arguments: Arguments, data: Data, config: TrainConfig, stored: RunConfig | None) -> int:
    from densenet_ocr.model.training.trainer import train  # loads TensorFlow, which --help does not need

    before = stored or RunConfig(config, simplify_data(data))
    try:
        result = train(
            config=config,
            data=data,
            run=arguments.run or "",
            devices=flags.read(DeviceConfig, **vars(before.devices)),
            checkpoints=flags.read(CheckpointConfig, **vars(before.checkpoints)),
            logs=flags.read(LoggingConfig, **vars(before.logs)),
            cache=arguments.cache,
        )
    except Preempted as preempted:
        print(f"stopped by {preempted}; checkpoint saved: the same command resumes", file=sys.stderr)
        return EXIT_CODE
    command.print_result(result)
    return 0


def run() -> None:
    """Entry point of ocr-train."""
    command.run(main, configs=CONFIGS, resumes=True)


if __name__ == "__main__":
    run()
