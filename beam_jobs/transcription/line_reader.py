"""Reads lines into texts with an export of any format."""

import numpy as np

from densenet_ocr.pipeline.decoding.best_path import spell
from densenet_ocr.pipeline.inference_model import InferenceModel


class LineReader:
    """An export as a transcript writer's LineModel: it gives the texts that ocr-predict prints."""

    def __init__(self, engine: InferenceModel) -> None:
        """Takes a loaded export."""
        self._engine, self.takes_padding = engine, engine.takes_padding

    def read(self, levels: np.ndarray, widths: np.ndarray) -> tuple[list[str], list[float]]:
        """See LineModel."""
        return spell(self._engine.find_best_path(levels, widths), self._engine.info.charset)


def load_line_reader(folder: str, threads: int) -> LineReader:
    """Loads an export; see pipeline.exports.engines.load_export, which raises UserError."""
    # Imported here, as only workers need it and a format's engine.
    from densenet_ocr.pipeline.exports.engines import load_export

    return LineReader(load_export(folder, threads=threads))
