"""Reads the line images of a list with the export of a model: a row of text for every row of the list.

    python -m model.export --model=run --format=saved_model --output=export
    python -m beam_jobs.transcribe --list=lines.txt --image_root=images --model=export --output=texts

Rows are paths, alone or as beam_jobs.convert takes them, labels being ignored; a path with blanks needs a tab
behind it and any text. The output's transcripts-00000-of-03203.tsv and so on have a row

    path<TAB>text<TAB>confidence<TAB>reason

for each of theirs, in their order and without a header: cat joins them. In a cell backslash, tab, CR and LF
stand as \\\\, \\t, \\r and \\n, and a byte of a path that is no text in --list_encoding as \\xNN. An image that
cannot be read is a row too, without text but with its reason, and stands with file:line and detail in
transcripts.rejects.tsv. transcription.json has counts and checksums, and is there once all rows are. The same
command goes on where it was stopped. The last line on standard output is
{"read", "transcribed", "refused": {reason: n}, "shards", "seconds"}.

Where not one image could be read the rows are there, but the command ends as an error; where none of the first
100 images is there it does not begin. --max_reject_fraction=1 takes both as they are.

Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master=localhost:8081
"""

from absl import flags

from densenet_ocr.beam_jobs.conversion.config import Transcription
from densenet_ocr.pipeline.ui import command

_LIST = flags.DEFINE_multi_string(
    "list", None, "List file, a row a line image; give it again for more lists.", required=True
)
_IMAGE_ROOT = flags.DEFINE_string("image_root", None, "Folder that the lists' paths start from.", required=True)
_LIST_ENCODING = flags.DEFINE_string(
    "list_encoding", Transcription.list_encoding, "Encoding of the lists' text, such as gbk."
)
_MODEL = flags.DEFINE_string("model", None, "Folder of an export, format saved_model.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Folder of the transcripts.", required=True)
_LINES_PER_SHARD = flags.DEFINE_integer(
    "lines_per_shard",
    Transcription.lines_per_shard,
    "Rows that go into one shard, which is what each worker loses at most when a run is killed.",
    lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", Transcription.batch_size, "Lines that are read at once, at most.", lower_bound=1
)
_MAX_REJECT_FRACTION = flags.DEFINE_float(
    "max_reject_fraction",
    Transcription.max_reject_fraction,
    "The run fails where more images cannot be read; by default only where not one can, which 1 takes too.",
    0.0,
    1.0,
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite",
    Transcription.overwrite,
    "Begin anew and replace the transcripts that are there; a run of its own that was lost goes on.",
)
_WORKERS = flags.DEFINE_integer(
    "workers", 0, "Processes of the local runner, which share the cores; 0 takes one a core.", lower_bound=0
)


def main(beam_arguments: list[str]) -> None:
    """Transcribes as the flags say and prints the result."""
    from densenet_ocr.beam_jobs.transcription.job import (
        transcribe,  # loads Beam, for which --help need not wait
    )

    config = Transcription(
        list_paths=tuple(_LIST.value),
        image_root=_IMAGE_ROOT.value,
        list_encoding=_LIST_ENCODING.value,
        model=_MODEL.value,
        output=_OUTPUT.value,
        lines_per_shard=_LINES_PER_SHARD.value,
        batch_size=_BATCH_SIZE.value,
        max_reject_fraction=_MAX_REJECT_FRACTION.value,
        overwrite=_OVERWRITE.value,
    )
    command.print_result(transcribe(config, workers=_WORKERS.value, beam_arguments=beam_arguments))


def run() -> None:
    """Entry point of ocr-transcribe."""
    command.run(main, beam=True, resumes=True)


if __name__ == "__main__":
    run()
