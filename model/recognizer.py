"""Reads images of lines, whatever they come as: text, confidences and places out."""

import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np
import PIL.Image

from densenet_ocr.model.reading.inference_model import InferenceModel
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.reading.reader import Reader
from densenet_ocr.model.reading.reading import Reading, rescale
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import Refused

# A file's path, an encoded image, a picture of Pillow, or levels: uint8, grey [H, W] or colour [H, W, 3 or 4].
Image = str | os.PathLike | bytes | PIL.Image.Image | np.ndarray

# Lines that are sorted by width together, if batches are not larger: more make less padding, but a reader waits
# for all of them. The first ones are not made to wait.
_WINDOW = 1024


class Recognizer:
    """Reads with a trained model, by the image path that its training data went through.

        recognizer = Recognizer("run")
        recognizer.read("line.jpg").text

    An image of another height is scaled to the model's; lines may be of any length.
    """

    def __init__(
        self, model: str | os.PathLike | InferenceModel, checkpoint: str | None = None, *, batch_size: int = 64
    ):
        """Loads the folder of a run or an export, or takes a network; raises UserError for a missing part.

        `checkpoint` names a file of the run's weights in place of the best ones.
        """
        is_path = isinstance(model, str | os.PathLike)
        self.network = load_network(os.fspath(model), checkpoint) if is_path else model
        self._reader, self._batch_size = Reader(self.network, batch_size=batch_size), batch_size

    def read(self, image: Image) -> Reading:
        """Reads one image; raises Refused where it is not one, or too narrow for a frame."""
        reading = next(self.read_many([image]))
        if isinstance(reading, Refused):
            raise reading
        return reading

    def read_many(self, lines: Iterable[Image | Refused]) -> Iterator[Reading | Refused]:
        """Reads any number of images in batches: for each, in order, its reading or why it has none.

        What could not even be named comes as its refusal, and goes out as that.
        """
        return (outcome for _, outcome in self.read_with_lines(lines))

    def read_with_lines(
        self, lines: Iterable[Image | Refused]
    ) -> Iterator[tuple[images.FittedLine | Refused, Reading | Refused]]:
        """As `read_many`, each with the line that the network got."""
        if isinstance(lines, str | bytes | os.PathLike | PIL.Image.Image):
            raise TypeError(f"one image ({type(lines).__name__}) in place of several: use read")
        return self._read_windows(iter(lines))

    def prepare(self, image: Image) -> images.FittedLine:
        """The grey levels that the network gets of an image; raises Refused."""
        info = self.network.info
        return images.fit_for_reading(read_levels(image), info.geometry, info.fit)

    def _read_windows(self, remaining: Iterator[Image | Refused]) -> Iterator[tuple]:
        size = self._batch_size
        while window := list(itertools.islice(remaining, size)):
            yield from self._read_window(window)
            size = min(2 * size, max(_WINDOW, self._batch_size))

    def _read_window(self, window: list[Image | Refused]) -> Iterator[tuple]:
        prepared = list(map(self._try_to_prepare, window))
        lines = [line for line in prepared if not isinstance(line, Refused)]
        readings = iter(self._reader.read_lines([line.levels for line in lines]))
        for line in prepared:
            if isinstance(line, Refused):
                yield line, line
            else:
                yield line, rescale(next(readings), line.scale, line.width)

    def _try_to_prepare(self, image: Image | Refused) -> images.FittedLine | Refused:
        try:
            return image if isinstance(image, Refused) else self.prepare(image)
        except Refused as refusal:
            return refusal


def read_levels(image: Image) -> np.ndarray:
    """Grey levels (uint8 [H, W]) of an image, by the path of pipeline.images; raises Refused."""
    if isinstance(image, bytes):
        return images.decode(image)
    if isinstance(image, PIL.Image.Image):
        return images.read_picture(image)
    if isinstance(image, np.ndarray):
        return images.read_array(image)
    return images.decode(images.read_file(os.fspath(image)))
