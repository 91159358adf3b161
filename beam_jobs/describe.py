"""Tells people what a data set holds, checks that it holds it still, and draws a sheet of its lines.

    python -m beam_jobs.describe --data=data [--split=train] [--verify] [--picture=data.png]

--verify reads every record of every shard: whatever differs from dataset.json is a line on standard error, and
the exit code is 1. The last line on standard output is {"data", "splits": {name: {"read", "written",
"refused": {reason: n}, "shards", "bytes"}}, "verified": true, or null without --verify}.
"""

from absl import flags

from densenet_ocr.pipeline.ui import command

_DATA = flags.DEFINE_string("data", None, "Folder of the data set.", required=True)
_SPLIT = flags.DEFINE_string("split", None, "The split to describe; by default all.")
_VERIFY = flags.DEFINE_bool("verify", False, "Check every shard and record against dataset.json.")
_PICTURE = flags.DEFINE_string("picture", None, "PNG file to draw lines and histograms of each split into.")
_FONT = flags.DEFINE_string(
    "font", None, "Font file for the picture; by default one of this machine that has the texts' characters."
)
_LINES = flags.DEFINE_integer("lines", 40, "Lines of each split in the picture.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the choice of lines.", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", 0, "Processes that check shards; 0 takes one a core.", lower_bound=0)


def main() -> None:
    """Describes as the flags say and prints the result."""
    from densenet_ocr.beam_jobs.inspection.job import describe  # loads Pillow, for which --help need not wait

    result = describe(
        data=_DATA.value,
        split=_SPLIT.value,
        check=_VERIFY.value,
        picture=_PICTURE.value,
        font=_FONT.value,
        lines=_LINES.value,
        seed=_SEED.value,
        workers=_WORKERS.value,
    )
    command.print_result(result)


def run() -> None:
    """Entry point of ocr-describe."""
    command.run(main)


if __name__ == "__main__":
    run()
