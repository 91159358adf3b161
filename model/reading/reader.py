"""Reads prepared lines in batches: which lines go together, and their readings in order again."""

from collections.abc import Iterator, Sequence

import numpy as np

from densenet_ocr.model.reading.inference_model import InferenceModel
from densenet_ocr.model.reading.reading import Reading, make_readings
from densenet_ocr.pipeline.buckets import GROWTH, batch_by_width, pad_lines


class Reader:
    """Reads lines of any widths with a network."""

    def __init__(self, network: InferenceModel, *, batch_size: int = 64):
        """A batch has up to `batch_size` lines."""
        self.network, self._batch_size = network, batch_size

    def read_lines(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        """Reads uint8 grey levels [model's height, width], each of its own width; readings are in order."""
        readings = [None] * len(lines)
        widths = [line.shape[1] for line in lines]
        most = GROWTH if self.network.takes_padding else 1
        for batch in batch_by_width(widths, size=self._batch_size, most=most):
            found = self._read_batch([lines[place] for place in batch])
            for place, reading in zip(batch, found, strict=True):
                readings[place] = reading
        return readings

    def _read_batch(self, lines: list[np.ndarray]) -> Iterator[Reading]:
        levels, widths = pad_lines(lines)
        path = self.network.find_best_path(levels, widths)
        return make_readings(path, self.network.info.charset, widths.tolist())
