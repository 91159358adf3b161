"""Describes a charset: its size, the row of the blank, and characters that are likely to be mistakes.

    ocr-charset --charset=charset.txt
    ocr-charset --charset=data --list=train.txt

--charset names a file, or the folder of a data set, a run or an export. Likely mistakes are look-alikes, such
as a Latin and a Cyrillic A, combining marks, and characters that show nothing. With --list it also names the
characters of the labels that the charset lacks, and those of the charset that no label has.

The last line on standard output is {"charset", "characters", "classes", "sha256", "blank", "placeholder",
"lookalikes", "decomposed", "invisible"}, with --list also {"labels", "refused", "missing": {character:
occurrences}, "unused"}.
"""

from densenet_ocr.beam_jobs.inspection.config import CharsetConfig
from densenet_ocr.pipeline.ui import command, flags


def main() -> None:
    """Describes as the flags say and prints the result."""
    config = flags.read(CharsetConfig)
    from densenet_ocr.beam_jobs.inspection.charset_description import describe_charset

    command.print_result(describe_charset(config))


def run() -> None:
    """Entry point of ocr-charset."""
    command.run(main, configs=[CharsetConfig])


if __name__ == "__main__":
    run()
