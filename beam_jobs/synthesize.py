"""Renders synthetic text lines: a split of a data set, or JPEG images and a list.

    ocr-synthesize --text=news.txt --text=charset=0.1 --fonts='fonts/*.tt?' --charset=char_std_5990.txt \\
        --lines=3640000 --min_per_character=5 --output=data --split=train

Text is sampled from files (plain text, or list:FILE, a list of lines), or uniformly from the charset. Each line
is rendered in a font that has all of its characters. Equal flags give equal bytes with any number of workers.
The same command resumes an interrupted synthesis. data/dataset.json lists the split, with its text and fonts,
once all of its shards exist.

With --write=images, data/images.json describes the split, and data/train.txt is a list for ocr-convert
--image_root=data.

The last line on standard output is {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"};
"read" is the number of requested lines.

Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master='[local]'
(docs/engines.md).
"""

from densenet_ocr.beam_jobs.engine.config import LocalConfig, RemoteConfig
from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.pipeline.ui import command, flags
from densenet_ocr.pipeline.ui.picture import save_png


def main(beam_arguments: list[str]) -> None:
    """Synthesizes as the flags say and prints the result."""
    config = flags.read(SynthesisConfig)
    local, remote = flags.read(LocalConfig), flags.read(RemoteConfig)
    from densenet_ocr.beam_jobs.synthesis import job  # loads Beam, which --help does not need

    if config.preview:
        save_png(job.preview(config), config.preview)
        return
    command.print_result(
        job.synthesize(config, workers=local.workers, beam_arguments=beam_arguments, remote=remote)
    )


def run() -> None:
    """Entry point of ocr-synthesize."""
    command.run(main, configs=[SynthesisConfig, LocalConfig, RemoteConfig], beam=True, resumes=True)


if __name__ == "__main__":
    run()
