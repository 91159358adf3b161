"""Converts a list of line images into TFRecord shards and a description of them.

    python -m beam_jobs.convert --list=train.txt --image_root=images --charset=char_std_5990.txt \\
        --output=data --split=train

Rows are `path id id ...` (ids are charset rows) or `path<TAB>text`. Every row becomes a record or stands
with its reason in data/train.rejects.tsv; data/dataset.json has the split once it is whole. The last line on
standard output is {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}.
Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master=localhost:8081
"""

from absl import flags

from beam_jobs.config import DUPLICATES, Conversion
from pipeline import command
from pipeline.schema import PIXEL_BYTES

_LIST = flags.DEFINE_string("list", None, "List file, a row a line image.", required=True)
_IMAGE_ROOT = flags.DEFINE_string("image_root", None, "Folder that the list's paths start from.", required=True)
_CHARSET = flags.DEFINE_string("charset", None, "Charset file, row 0 the blank.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Folder of the data set.", required=True)
_SPLIT = flags.DEFINE_string("split", Conversion.split, "Name of the split that the list becomes.")
_IMAGE_HEIGHT = flags.DEFINE_integer(
    "image_height", Conversion.image_height, "Height of every image in pixels."
)
_IMAGE_WIDTH = flags.DEFINE_integer("image_width", Conversion.image_width, "Width of every image in pixels.")
_IMAGE_ENCODING = flags.DEFINE_enum(
    "image_encoding",
    Conversion.image_encoding,
    list(PIXEL_BYTES),
    "How pixels are stored; uint8 takes a quarter of the space and reads back bit-identical.",
)
_LINES_PER_SHARD = flags.DEFINE_integer(
    "lines_per_shard", Conversion.lines_per_shard, "Rows that go into one shard.", lower_bound=1
)
_SEED = flags.DEFINE_integer("seed", Conversion.seed, "Seed of the order of rows in the shards.", lower_bound=0)
_MAX_REJECT_FRACTION = flags.DEFINE_float(
    "max_reject_fraction",
    Conversion.max_reject_fraction,
    "The run fails where more rows are refused.",
    0.0,
    1.0,
)
_DUPLICATES = flags.DEFINE_enum(
    "duplicates",
    Conversion.duplicates,
    list(DUPLICATES),
    "Which row counts where a path stands twice: the last, the first, none (refuse), or every one (keep).",
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", Conversion.overwrite, "Replace the split where it is there already."
)
_WORKERS = flags.DEFINE_integer(
    "workers", 0, "Processes of the local runner; 0 takes one a core.", lower_bound=0
)


def main(beam_arguments: list[str]) -> None:
    """Converts as the flags say and prints the result."""
    from beam_jobs.conversion import convert  # loads Beam, for which --help need not wait

    config = Conversion(
        list_path=_LIST.value,
        image_root=_IMAGE_ROOT.value,
        charset_path=_CHARSET.value,
        output=_OUTPUT.value,
        split=_SPLIT.value,
        image_height=_IMAGE_HEIGHT.value,
        image_width=_IMAGE_WIDTH.value,
        image_encoding=_IMAGE_ENCODING.value,
        lines_per_shard=_LINES_PER_SHARD.value,
        seed=_SEED.value,
        max_reject_fraction=_MAX_REJECT_FRACTION.value,
        duplicates=_DUPLICATES.value,
        overwrite=_OVERWRITE.value,
    )
    command.print_result(convert(config, workers=_WORKERS.value, beam_arguments=beam_arguments))


def run() -> None:
    """Entry point of ocr-convert."""
    command.run(main, beam=True)


if __name__ == "__main__":
    run()
