"""Draws lines of digits as JPEG files, with lists and a charset, for a first run without any data.

    python -m beam_jobs.demo_lines --output=demo/lines

Leaves images/, train.txt and test.txt in the notebook's format, and charset.txt. The lists' paths start from
images/: give convert --image_root=demo/lines/images.
"""

from absl import flags

from beam_jobs.digit_lines import draw_lists
from pipeline import command
from pipeline.images import Geometry

_OUTPUT = flags.DEFINE_string("output", None, "Folder for images, lists and charset.", required=True)
_TRAIN = flags.DEFINE_integer("train", 6000, "Lines in train.txt.", lower_bound=1)
_TEST = flags.DEFINE_integer("test", 500, "Lines in test.txt.", lower_bound=1)
_IMAGE_HEIGHT = flags.DEFINE_integer("image_height", 32, "Height of a line in pixels.")
_IMAGE_WIDTH = flags.DEFINE_integer("image_width", 88, "Width of a line in pixels.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of texts and looks.", lower_bound=0)


def main() -> None:
    """Draws as the flags say."""
    draw_lists(
        output=_OUTPUT.value,
        counts={"train": _TRAIN.value, "test": _TEST.value},
        geometry=Geometry(_IMAGE_HEIGHT.value, _IMAGE_WIDTH.value),
        seed=_SEED.value,
    )


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
