"""A few lines of a split to look at: always the same ones, read as often as asked."""

from densenet_ocr.model.reading.picture import ReadLine
from densenet_ocr.model.reading.reader import Reader
from densenet_ocr.pipeline.dataset import read_first_lines
from densenet_ocr.pipeline.dataset_info import DatasetInfo


class FirstLines:
    """The first lines of a split, in memory, each of its own width."""

    def __init__(self, count: int, *, folder: str, info: DatasetInfo, split: str):
        """Loads `count` lines of the data set in `folder`, or as many as the split has."""
        lines = read_first_lines(folder=folder, info=info, split=split, count=count)
        self._lines = [(line.levels, info.charset.decode(line.label)) for line in lines]

    def read(self, reader: Reader) -> list[ReadLine]:
        """What a reader makes of them now."""
        readings = reader.read_lines([levels for levels, _ in self._lines])
        return [
            ReadLine(levels, truth, reading.text, reading.confidence)
            for (levels, truth), reading in zip(self._lines, readings, strict=True)
        ]
