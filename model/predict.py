"""Reads images of text lines with a trained run.

    python -m model.predict --model=run line1.jpg line2.png

Prints `path<TAB>text<TAB>confidence` a line, in order. A file that cannot be read is reported on standard
error, the others are read all the same, and the exit code is then 1.
"""

import sys

from absl import app, flags

from model.config import Devices
from pipeline import command

_MODEL = flags.DEFINE_string("model", None, "Folder of the run.", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Weights file of the run; by default the best epoch's.")


def main(paths: list[str]) -> int:
    """Reads the images and returns the exit code."""
    if not paths:
        raise app.UsageError("no images: name at least one file.")
    from model.devices import set_up_devices  # loads TensorFlow, for which --help need not wait
    from model.recognizer import Recognizer
    from pipeline.errors import Refused

    set_up_devices(Devices())
    recognizer, failed = Recognizer(_MODEL.value, _CHECKPOINT.value), 0
    for path in paths:
        try:
            reading = recognizer.read(path)
            print(f"{path}\t{reading.text}\t{reading.confidence:.4f}", flush=True)
        except Refused as refusal:
            print(f"error: {path}: {refusal}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def run() -> None:
    """Entry point of ocr-predict."""
    command.run(main, words=True)


if __name__ == "__main__":
    run()
