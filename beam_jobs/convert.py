"""Converts a list of line images into TFRecord shards and a description of them.

    python -m beam_jobs.convert --list=train.txt --image_root=images --charset=char_std_5990.txt \\
        --output=data --split=train

Rows are `path id id ...` (ids are charset rows) or `path<TAB>text`. Every row becomes a record or stands
with its reason in data/train.rejects.tsv; data/dataset.json has the split once it is whole. The last line on
standard output is {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}, with another such
object as "validation" where --validation_fraction is given.
Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master=localhost:8081
"""

from absl import flags

from densenet_ocr.beam_jobs.conversion.config import DUPLICATES, Conversion
from densenet_ocr.pipeline.images import FITS
from densenet_ocr.pipeline.schema import PIXEL_BYTES
from densenet_ocr.pipeline.ui import command

_LIST = flags.DEFINE_multi_string("list", [], "List file, a row a line image; give it again for more lists.")
_IMAGE_ROOT = flags.DEFINE_string("image_root", "", "Folder that the lists' paths start from.")
_LIST_ENCODING = flags.DEFINE_string(
    "list_encoding", Conversion.list_encoding, "Encoding of the lists' (or the LMDB's) text, such as gbk."
)
_LMDB = flags.DEFINE_string("lmdb", "", "LMDB of image-%09d and label-%09d, in place of lists.")
_CHARSET = flags.DEFINE_string("charset", None, "Charset file, row 0 the blank.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Folder of the data set.", required=True)
_SPLIT = flags.DEFINE_string("split", Conversion.split, "Name of the split that the list becomes.")
_IMAGE_HEIGHT = flags.DEFINE_integer(
    "image_height", Conversion.image_height, "Height of every image in pixels."
)
_IMAGE_WIDTH = flags.DEFINE_integer(
    "image_width", Conversion.image_width, "Width of every image in pixels; 0 leaves each its own."
)
_FIT = flags.DEFINE_enum(
    "fit",
    Conversion.fit,
    list(FITS),
    "What becomes of an image of another size: refused; scaled; scaled to the height and filled up with paper.",
)
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
_VALIDATION_FRACTION = flags.DEFINE_float(
    "validation_fraction",
    Conversion.validation_fraction,
    "Share of the rows, chosen by their paths' hash, that goes to a split 'validation' instead.",
    0.0,
    1.0,
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite",
    Conversion.overwrite,
    "Begin anew and replace what is there of the split; a run of its own that was lost goes on.",
)
_WORKERS = flags.DEFINE_integer(
    "workers", 0, "Processes of the local runner; 0 takes one a core.", lower_bound=0
)


def main(beam_arguments: list[str]) -> None:
    """Converts as the flags say and prints the result."""
    from densenet_ocr.beam_jobs.conversion.job import convert  # loads Beam, for which --help need not wait

    config = Conversion(
        list_paths=tuple(_LIST.value),
        image_root=_IMAGE_ROOT.value,
        list_encoding=_LIST_ENCODING.value,
        lmdb_path=_LMDB.value,
        charset_path=_CHARSET.value,
        output=_OUTPUT.value,
        split=_SPLIT.value,
        image_height=_IMAGE_HEIGHT.value,
        image_width=_IMAGE_WIDTH.value,
        image_encoding=_IMAGE_ENCODING.value,
        fit=_FIT.value,
        lines_per_shard=_LINES_PER_SHARD.value,
        seed=_SEED.value,
        max_reject_fraction=_MAX_REJECT_FRACTION.value,
        duplicates=_DUPLICATES.value,
        validation_fraction=_VALIDATION_FRACTION.value,
        overwrite=_OVERWRITE.value,
    )
    command.print_result(convert(config, workers=_WORKERS.value, beam_arguments=beam_arguments))


def run() -> None:
    """Entry point of ocr-convert."""
    command.run(main, beam=True, resumes=True)


if __name__ == "__main__":
    run()
