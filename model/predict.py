"""Reads images of text lines with a trained run, or with an export of one.

    ocr-predict --model=run line1.jpg line2.png
    ocr-predict --model=run --format=json --show=readings.png scans/
    find scans -name '*.jpg' | ocr-predict --model=run -

Arguments are files, folders (with all images below them that are not hidden), globs, and - for paths on
standard input, one per row; all paths are read before the first image. Prints one row per image, in order:
`path<TAB>text<TAB>confidence`, a JSON object with each character's confidence and place, or the bare text.

    ocr-predict --model=run --nbest=3 line1.jpg
    ocr-predict --model=run --lm=news.lm line1.jpg
    ocr-predict --model=run --lexicon=words.txt --min_confidence=0.5 line1.jpg
    ocr-predict --model=run --characters=0123456789.,- line1.jpg

Decoding is greedy by default; docs/decoding.md describes the rest. With --nbest a row has further columns, text
and confidence of each alternative; JSON has them as `alternatives`. Where no entry of the lexicon reaches
--min_confidence, the text is empty and the last column is `no_entry`; JSON has it as `reason`.

A file that cannot be read is reported on standard error, the others are read, and the exit code is 1. It has no
row, in JSON an object of `path`, `refused` and `detail`, and as text an empty row.
"""

import sys

from absl import app

from densenet_ocr.model.reading.config import ModelConfig, PredictConfig
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.ui import command, flags


def main(words: list[str]) -> int:
    """Reads the images and returns the exit code."""
    config, model = flags.read(PredictConfig), flags.read(ModelConfig)
    decoding = flags.read(DecodingConfig)
    if not words and not config.list_path:
        raise app.UsageError("no images: name files, folders or globs, - for standard input, or a --list.")
    from densenet_ocr.model.reading.image_paths import find_images, read_list
    from densenet_ocr.model.reading.loading import choose_network, needs_tensorflow
    from densenet_ocr.model.reading.prediction import predict
    from densenet_ocr.model.recognizer import Recognizer
    from densenet_ocr.pipeline.decoding.decoder import open_decoder

    images = list(find_images(words, rows=sys.stdin))
    if config.list_path:
        images += read_list(config.list_path, config)
    if needs_tensorflow(model):
        from densenet_ocr.model.network.devices import set_up_devices

        set_up_devices()
    network = choose_network(model)
    decoder = open_decoder(decoding, network.info.charset, model.model)
    recognizer = Recognizer(network, batch_size=config.batch_size, invert=config.invert, decoder=decoder)
    refused = predict(recognizer, images, config)
    return 1 if refused else 0


def run() -> None:
    """Entry point of ocr-predict."""
    command.run(main, configs=[ModelConfig, PredictConfig, DecodingConfig], words=True)


if __name__ == "__main__":
    run()
