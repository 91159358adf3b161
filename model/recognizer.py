"""Recognizer: the public interface to read images of text lines with a trained model."""

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

import numpy as np
import PIL.Image

from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.reading.reading import Reading, read_lines, rescale
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder, open_decoder
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.exports.shipped import DEFAULT
from densenet_ocr.pipeline.imaging import fitting
from densenet_ocr.pipeline.imaging.contrast import check_invert, make_dark_on_light
from densenet_ocr.pipeline.inference_model import InferenceModel

# A path, the bytes of an image file, a Pillow image, or levels: uint8, grey [H, W] or colour [H, W, 3 or 4].
Image = str | os.PathLike[str] | bytes | PIL.Image.Image | np.ndarray

_Outcome = tuple[fitting.FittedLine | Refused, Reading | Refused]

# Maximum number of lines that are sorted by width together, unless a batch is larger. More lines need less
# padding but delay the first readings, so the first windows are smaller.
_WINDOW = 1024

_AT_ONCE = 64  # requests for images behind URLs


class Recognizer:
    """Reads images of text lines with a trained model.

        from densenet_ocr.model.recognizer import Recognizer

        recognizer = Recognizer("run")
        reading = recognizer.read("line.jpg")
        reading.text, reading.confidence     # 'hello', 0.987
        for reading in recognizer.read_many(["a.png", "b.png"]):
            print(reading)

    Images go through the steps that the training data went through: conversion to grey levels, scaling to the
    model's height, normalisation. They may have any width. An image is a path or a URL, the bytes of an image
    file, a Pillow image, or an array uint8 [H, W] (grey), [H, W, 1], [H, W, 3] (RGB) or [H, W, 4] (RGBA).

    Args:
      model: Folder of a run or of an export, or its URL, or the name of a model of this package, which is the
        default, or an InferenceModel.
      checkpoint: Weights file of the run; by default the best epoch's, or the last one's without validation.
      batch_size: Maximum number of lines per batch.
      invert: Which images to invert first: never, auto (those that are light on dark, by their border) or
        always; by default as the lines were that the model was trained on.
      decoder: Decodes the model's logits; by default one of the arguments that follow.
      **decoding: Fields of pipeline.decoding.config.DecodingConfig, such as lm="news.lm", lexicon="words.txt",
        characters="0123456789" and nbest=5; by default decoding is greedy.

    Raises:
      UserError: a part of the model is missing or damaged, or a file or character cannot be used for decoding.
      TypeError: DecodingConfig has no such field.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | InferenceModel = DEFAULT,
        checkpoint: str | None = None,
        *,
        batch_size: int = 64,
        invert: str | None = None,
        decoder: Decoder | None = None,
        **decoding: Any,
    ):
        config, folder = DecodingConfig(**decoding), None
        if isinstance(model, str | os.PathLike):
            folder = os.fspath(model)
            model = load_network(folder, checkpoint)
        self.network: InferenceModel = model
        self._decoder = decoder or open_decoder(config, model.info.charset, folder)
        self._batch_size = batch_size
        self._invert = check_invert(invert or self.network.info.invert)

    def read(self, image: Image) -> Reading:
        """Reads one image.

        Args:
          image: The image.

        Returns:
          Its text, confidence and characters, with places in the image's pixels.

        Raises:
          Refused: it is not an image, or too narrow for a frame.
        """
        reading = next(self.read_many([image]))
        if isinstance(reading, Refused):
            raise reading
        return reading

    def read_many(self, lines: Iterable[Image | Refused]) -> Iterator[Reading | Refused]:
        """Reads any number of images in batches.

        Args:
          lines: The images; a refusal is passed through.

        Yields:
          The reading of each image in order, or why it was refused.

        Raises:
          TypeError: `lines` is a single image.
        """
        return (outcome for _, outcome in self.read_with_lines(lines))

    def read_with_lines(self, lines: Iterable[Image | Refused]) -> Iterator[_Outcome]:
        """Reads as `read_many`; yields each reading with the line that the model got."""
        if isinstance(lines, str | bytes | os.PathLike | PIL.Image.Image):
            raise TypeError(f"one image ({type(lines).__name__}) in place of several: use read")
        return self._read_windows(iter(lines))

    def prepare(self, image: Image) -> fitting.FittedLine:
        """Returns the line that the model gets of an image: grey levels, uint8 [model's height, W].

        Raises:
          Refused: it is not an image, or too narrow for a frame.
        """
        info = self.network.info
        levels = make_dark_on_light(read_levels(image), self._invert)
        return fitting.fit_for_reading(levels, info.geometry, info.fit)

    def _read_windows(self, remaining: Iterator[Image | Refused]) -> Iterator[_Outcome]:
        size = self._batch_size
        while window := list(itertools.islice(remaining, size)):
            yield from self._read_window(window)
            size = min(2 * size, max(_WINDOW, self._batch_size))

    def _read_window(self, window: list[Image | Refused]) -> Iterator[_Outcome]:
        fetched = storage.map_many(_fetch, window, _AT_ONCE, run_here=lambda image: not _is_url(image))
        prepared = list(map(self._try_to_prepare, fetched))
        lines = [line for line in prepared if not isinstance(line, Refused)]
        levels, size = [line.levels for line in lines], self._batch_size
        readings = iter(read_lines(self.network, levels, batch_size=size, decoder=self._decoder))
        for line in prepared:
            if isinstance(line, Refused):
                yield line, line
            else:
                yield line, rescale(next(readings), line.scale, line.width)

    def _try_to_prepare(self, image: Image | Refused) -> fitting.FittedLine | Refused:
        try:
            return image if isinstance(image, Refused) else self.prepare(image)
        except Refused as refusal:
            return refusal


def _is_url(image: Image | Refused) -> TypeGuard[str]:
    return isinstance(image, str) and storage.is_url(image)


def _fetch(image: Image | Refused) -> Image | Refused:
    """Returns the bytes of an image behind a URL, or why it is refused; anything else as it is."""
    if not _is_url(image):
        return image
    try:
        return images.read_file(image)
    except Refused as refusal:
        return refusal
    except storage.NoPermission as error:
        return Refused("unreadable_image", str(error))


def read_levels(image: Image) -> np.ndarray:
    """Returns an image's grey levels, uint8 [H, W], as pipeline.images decodes it; raises Refused."""
    if isinstance(image, bytes):
        return images.decode(image)
    if isinstance(image, PIL.Image.Image):
        return images.read_picture(image)
    if isinstance(image, np.ndarray):
        return images.read_array(image)
    return images.decode(images.read_file(os.fspath(image)))
