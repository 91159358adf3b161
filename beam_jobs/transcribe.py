"""Reads the line images of lists with an exported model: one row of text for each row of the lists.

    ocr-export --model=run --output=export --format=onnx
    ocr-transcribe --list=lines.txt --image_root=images --model=export --output=texts

Exports of any format work; docs/reading_and_serving.md compares their speed.

Rows are paths, alone or as ocr-convert reads them; labels are ignored. End a path that contains spaces
with a tab and any text. The shards transcripts-00000-of-03203.tsv, ... have a row

    path<TAB>text<TAB>confidence<TAB>reason

for each row of the lists, in their order and without a header, so that cat joins them. Backslash, tab, CR and
LF in a cell are written as \\\\, \\t, \\r and \\n, and bytes of a path that are not text in --list_encoding as
\\xNN. An image that cannot be read has a row without text, with its reason, and is listed with file:line and
detail in transcripts.rejects.tsv. transcription.json, with counts and checksums, is written once all shards
exist. The same command resumes an interrupted run. The last line on standard output is {"read", "transcribed",
"refused": {reason: n}, "shards", "seconds"}.

If no image at all could be read, the rows are written but the command fails. If none of the first 100 images
exists, it does not start. --max_reject_fraction=1 accepts both.

Decoding is greedy without --lm, --lexicon, --beam_width and --length_bonus (docs/decoding.md). Where
no entry of the lexicon reaches --min_confidence, the row has no text and the reason `no_entry`.

Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master='[local]'
(docs/engines.md).
"""

from densenet_ocr.beam_jobs.engine.config import LocalConfig, RemoteConfig
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.ui import command, flags


def main(beam_arguments: list[str]) -> None:
    """Transcribes as the flags say and prints the result."""
    config, decoding = flags.read(TranscriptionConfig), flags.read(DecodingConfig)
    local, remote = flags.read(LocalConfig), flags.read(RemoteConfig)
    from densenet_ocr.beam_jobs.transcription.job import transcribe  # loads Beam, which --help does not need

    command.print_result(
        transcribe(
            config, workers=local.workers, beam_arguments=beam_arguments, remote=remote, decoding=decoding
        )
    )


def run() -> None:
    """Entry point of ocr-transcribe."""
    command.run(
        main, configs=[TranscriptionConfig, DecodingConfig, LocalConfig, RemoteConfig], beam=True, resumes=True
    )


if __name__ == "__main__":
    run()
