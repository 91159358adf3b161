"""A few lines of a split to look at: always the same ones, read as often as asked."""

import numpy as np

from model.picture import ReadLine
from model.recognizer import Reader
from pipeline import images, schema
from pipeline.dataset import evaluation_input
from pipeline.dataset_info import DatasetInfo


class FirstLines:
    """The first lines of a split, in memory, each of its own width."""

    def __init__(self, count: int, *, folder: str, info: DatasetInfo, split: str):
        """Loads `count` lines of the data set in `folder`, or as many as the split has."""
        rows = evaluation_input(
            folder=folder, info=info, split=split, batch_size=count, normalised=True
        ).unbatch()
        rows = rows.filter(lambda row: row[schema.WEIGHT] > 0).take(count).as_numpy_iterator()
        self._lines = [_take_line(row, info) for row in rows]

    def read(self, reader: Reader) -> list[ReadLine]:
        """What a reader makes of them now, each line alone."""
        read = []
        for levels, truth in self._lines:
            (reading,) = reader.read_batch(levels[None])
            read.append(ReadLine(levels, truth, reading.text, reading.confidence))
        return read


def _take_line(row: dict, info: DatasetInfo) -> tuple[np.ndarray, str]:
    """Grey levels, uint8 [H, W], and text of a row."""
    levels = images.denormalise(row[schema.IMAGE][:, : row[schema.WIDTH], 0])
    return levels, info.charset.decode(row[schema.LABEL][: row[schema.LABEL_LENGTH]])
