"""Describes a data set, checks that it is intact, and draws charts and lines of it.

    ocr-describe --data=data [--split=train] [--verify] [--picture=data.png]

--verify reads every record of every shard. Each difference from dataset.json is a line on standard error, and
the exit code is 1. The last line on standard output is {"data", "splits": {name: {"read", "written",
"refused": {reason: n}, "shards", "bytes"}}, "verified": true, or null without --verify}.
"""

from densenet_ocr.beam_jobs.inspection.config import DescribeConfig
from densenet_ocr.pipeline.ui import command, flags


def main() -> None:
    """Describes as the flags say and prints the result."""
    config = flags.read(DescribeConfig)
    from densenet_ocr.beam_jobs.inspection.job import describe  # loads what --help does not need

    command.print_result(describe(config))


def run() -> None:
    """Entry point of ocr-describe."""
    command.run(main, configs=[DescribeConfig])


if __name__ == "__main__":
    run()
