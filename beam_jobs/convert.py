"""Converts lists of line images into TFRecord shards and a description of the data set.

    ocr-convert --list=train.txt --image_root=images --charset=char_std_5990.txt --output=data --split=train

Lists of many tools are read (--list_format), such as rows of `path<TAB>text` or of `path id id ...`, where ids
are rows of the charset. Every row becomes a record, or is listed with file:line and reason in
data/train.rejects.tsv. data/dataset.json lists the split once all of its shards exist. The same command
resumes an interrupted conversion.

The last line on standard output is {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"},
with another such object as "validation" where --validation_fraction is given.

Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master='[local]'
(docs/engines.md).
"""

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.engine.config import LocalConfig, RemoteConfig
from densenet_ocr.pipeline.ui import command, flags


def main(beam_arguments: list[str]) -> None:
    """Converts as the flags say and prints the result."""
    config = flags.read(ConversionConfig)
    local, remote = flags.read(LocalConfig), flags.read(RemoteConfig)
    from densenet_ocr.beam_jobs.conversion.job import convert  # loads Beam, which --help does not need

    command.print_result(convert(config, workers=local.workers, beam_arguments=beam_arguments, remote=remote))


def run() -> None:
    """Entry point of ocr-convert."""
    command.run(main, configs=[ConversionConfig, LocalConfig, RemoteConfig], beam=True, resumes=True)


if __name__ == "__main__":
    run()
