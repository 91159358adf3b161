"""Reads images of text lines with a trained run, or with an export of one.

    python -m model.predict --model=run line1.jpg line2.png
    python -m model.predict --model=run --format=json --show=readings.png scans/
    find scans -name '*.jpg' | python -m model.predict --model=run -

Arguments are files, folders (all images below them, by their names' ends, but hidden ones), globs, and - for
paths on standard input, a row each, which are read to their end first. Prints a row an image, in order:
`path<TAB>text<TAB>confidence`, an object of JSON with each character's confidence and place, or the text alone.
A file that cannot be read is reported on standard error, the others are read all the same, and the exit code is
then 1; it has no row, in JSON one of `path`, `refused` and `detail`, and as text an empty one.
"""

import sys

from absl import app, flags

from densenet_ocr.model.reading.config import ModelConfig
from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.line_list import ENCODING
from densenet_ocr.pipeline.ui import command

_MODEL = flags.DEFINE_string("model", None, "Folder of a run or of an export.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Weights file of the run; by default the best epoch's.")
_WEIGHTS = flags.DEFINE_string("weights", None, "Weights file of the original notebook, in place of --model.")
_CHARSET = flags.DEFINE_string("charset", None, "With --weights: the charset file that they go with.")
_IMAGE_HEIGHT = flags.DEFINE_integer(
    "image_height", None, "With --weights: height of the lines that they read; by default 32.", lower_bound=7
)
_LIST = flags.DEFINE_string("list", None, "List file as convert reads it, whose labels do not matter.")
_LIST_ENCODING = flags.DEFINE_string("list_encoding", ENCODING, "Encoding of the list, such as gbk.")
_IMAGE_ROOT = flags.DEFINE_string("image_root", "", "Folder that the list's paths start from.")
_FORMAT = flags.DEFINE_enum(
    "format", "tsv", ["tsv", "json", "text"], "Rows of path, text and confidence; of JSON; or of texts alone."
)
_SHOW = flags.DEFINE_string("show", None, "PNG file to draw lines with their readings into.")
_SHOW_LINES = flags.DEFINE_integer("show_lines", 16, "Lines in that picture, the first ones.", lower_bound=1)
_FONT = flags.DEFINE_string(
    "font", None, "Font file for the picture; by default one of this machine that has the texts' characters."
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Lines read at once.", lower_bound=1)


def main(words: list[str]) -> int:
    """Reads the images and returns the exit code."""
    if not words and not _LIST.value:
        raise app.UsageError("no images: name a file, a folder, a glob, - for standard input, or a --list.")
    from densenet_ocr.model.network.devices import (
        set_up_devices,  # loads TensorFlow, for which --help need not wait
    )
    from densenet_ocr.model.reading.loading import choose_network
    from densenet_ocr.model.reading.prediction import FORMATS, predict
    from densenet_ocr.model.recognizer import Recognizer

    images = _name_images(words)
    set_up_devices(DeviceConfig())
    config = ModelConfig(
        model=_MODEL.value,
        checkpoint=_CHECKPOINT.value,
        weights=_WEIGHTS.value,
        charset=_CHARSET.value,
        image_height=_IMAGE_HEIGHT.value,
    )
    network = choose_network(config)
    refused = predict(
        Recognizer(network, batch_size=_BATCH_SIZE.value),
        images,
        format_row=FORMATS[_FORMAT.value],
        show=_SHOW.value,
        show_lines=_SHOW_LINES.value,
        font=_FONT.value,
    )
    return 1 if refused else 0


def _name_images(words: list[str]) -> list:
    from densenet_ocr.model.reading.image_paths import find_images, read_list

    images = list(find_images(words, rows=sys.stdin))
    if _LIST.value:
        images += read_list(_LIST.value, image_root=_IMAGE_ROOT.value, encoding=_LIST_ENCODING.value)
    return images


def run() -> None:
    """Entry point of ocr-predict."""
    command.run(main, words=True)


if __name__ == "__main__":
    run()
