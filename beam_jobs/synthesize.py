"""Draws lines of text in the faces of fonts: a split of a data set, or JPEG files and a list of them.

    python -m beam_jobs.synthesize --text=news.txt --text=charset=0.1 --fonts='fonts/*.tt?' \\
        --charset=char_std_5990.txt --lines=3640000 --min_per_character=5 --output=data --split=train

Text is cut at random out of files (plain, or list:FILE, a list of lines), or drawn evenly from the charset; a
weight may stand behind each, and behind fonts. Without --fonts the system's Chinese fonts are found. A line is
drawn in a face that has all its characters. The same flags give the same bytes, on any number of workers, and
go on with what a lost run left. data/dataset.json tells what the split was made of once it is whole. With
--write=images that is data/images.json, and data/train.txt the list that beam_jobs.convert takes with
--image_root=data. The last line on standard output is {"split", "read", "written", "refused": {reason: n},
"shards", "seconds"}, where "read" are the lines that were asked for.
Beam's own options follow after --, for example: -- --runner=FlinkRunner --flink_master=localhost:8081
"""

from absl import flags

from densenet_ocr.beam_jobs.synthesis.config import PREVIEW_LINES, WIDTHS, WRITES, Synthesis
from densenet_ocr.pipeline.schema import PIXEL_BYTES
from densenet_ocr.pipeline.ui import command
from densenet_ocr.pipeline.ui.picture import save_png

_TEXT = flags.DEFINE_multi_string(
    "text",
    [],
    "Text: FILES (a path or glob), list:FILES, or charset, each perhaps with =WEIGHT; give it again for more.",
)
_TEXT_ENCODING = flags.DEFINE_string(
    "text_encoding", Synthesis.text_encoding, "Encoding of the text files, such as gb18030."
)
_CHARACTER_MAP = flags.DEFINE_string(
    "character_map",
    Synthesis.character_map,
    "File of rows FROM<TAB>TO: what to write for a character, or nothing.",
)
_WIDTH_FORMS = flags.DEFINE_enum(
    "width_forms",
    Synthesis.width_forms,
    list(WIDTHS),
    "Whether characters that have a full and a half width all become of one.",
)
_LENGTH = flags.DEFINE_string(
    "length", Synthesis.length, "Characters of a line: 10, or 4-20, or several by weight: 10=3,4-20=1."
)
_LINES = flags.DEFINE_integer("lines", None, "Lines to draw.", lower_bound=1)
_MIN_PER_CHARACTER = flags.DEFINE_integer(
    "min_per_character",
    Synthesis.min_per_character,
    "Every character that some face draws stands in the lines so many times at least.",
    lower_bound=0,
)
_FONTS = flags.DEFINE_multi_string(
    "fonts",
    [],
    "Font files: a path or glob, or pillow, perhaps with #FACE and then =WEIGHT; give it again for more. "
    "Without any, the system's Chinese fonts.",
)
_LOOKS = flags.DEFINE_string(
    "looks",
    Synthesis.looks,
    "How lines look: plain, caffe_ocr, or a JSON file of properties (see synthesis/rendering/style.py).",
)
_CHARSET = flags.DEFINE_string("charset", None, "Charset file, row 0 the blank.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Folder of the data set.")
_SPLIT = flags.DEFINE_string("split", Synthesis.split, "Name of the split that the lines become.")
_WRITE = flags.DEFINE_enum(
    "write", Synthesis.write, list(WRITES), "What is written: records, or JPEG files and a list of them."
)
_IMAGE_HEIGHT = flags.DEFINE_integer("image_height", Synthesis.image_height, "Height of every line in pixels.")
_IMAGE_WIDTH = flags.DEFINE_integer(
    "image_width", Synthesis.image_width, "Width of every line in pixels; 0 gives each what its text takes."
)
_IMAGE_ENCODING = flags.DEFINE_enum(
    "image_encoding",
    Synthesis.image_encoding,
    list(PIXEL_BYTES),
    "How records store pixels; uint8 takes a quarter of the space and reads back bit-identical.",
)
_LINES_PER_SHARD = flags.DEFINE_integer(
    "lines_per_shard", Synthesis.lines_per_shard, "Lines that go into one shard.", lower_bound=1
)
_SEED = flags.DEFINE_integer(
    "seed", Synthesis.seed, "Seed of the lines; splits of one seed differ.", lower_bound=0
)
_MAX_REJECT_FRACTION = flags.DEFINE_float(
    "max_reject_fraction",
    Synthesis.max_reject_fraction,
    "The run fails where more lines are refused, as ones drawn too narrow for their text are.",
    0.0,
    1.0,
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite",
    Synthesis.overwrite,
    "Begin anew and replace what is there of the split; a run of its own that was lost goes on.",
)
_PREVIEW = flags.DEFINE_string("preview", "", "PNG file for some such lines; then nothing else is made.")
for _name in ("lines", "output"):
    flags.register_multi_flags_validator(
        [_name, "preview"],
        lambda given, name=_name: given[name] or given["preview"],
        f"--{_name} is needed, unless --preview is given",
    )
_WORKERS = flags.DEFINE_integer(
    "workers", 0, "Processes of the local runner; 0 takes one a core.", lower_bound=0
)


def main(beam_arguments: list[str]) -> None:
    """Synthesizes as the flags say and prints the result."""
    from densenet_ocr.beam_jobs.synthesis.job import (  # loads Beam, for which --help need not wait
        preview,
        synthesize,
    )

    config = Synthesis(
        charset_path=_CHARSET.value,
        output=_OUTPUT.value or "",
        text=tuple(_TEXT.value),
        lines=_LINES.value or PREVIEW_LINES,
        fonts=tuple(_FONTS.value),
        split=_SPLIT.value,
        length=_LENGTH.value,
        text_encoding=_TEXT_ENCODING.value,
        character_map=_CHARACTER_MAP.value,
        width_forms=_WIDTH_FORMS.value,
        min_per_character=_MIN_PER_CHARACTER.value,
        looks=_LOOKS.value,
        image_height=_IMAGE_HEIGHT.value,
        image_width=_IMAGE_WIDTH.value,
        image_encoding=_IMAGE_ENCODING.value,
        write=_WRITE.value,
        lines_per_shard=_LINES_PER_SHARD.value,
        seed=_SEED.value,
        max_reject_fraction=_MAX_REJECT_FRACTION.value,
        overwrite=_OVERWRITE.value,
    )
    if _PREVIEW.value:
        save_png(preview(config), _PREVIEW.value)
        return
    command.print_result(synthesize(config, workers=_WORKERS.value, beam_arguments=beam_arguments))


def run() -> None:
    """Entry point of ocr-synthesize."""
    command.run(main, beam=True, resumes=True)


if __name__ == "__main__":
    run()
