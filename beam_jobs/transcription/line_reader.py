"""Reads lines into texts with an export of any format."""

import numpy as np

from densenet_ocr.beam_jobs.transcription.transcript_writer import LineText
from densenet_ocr.pipeline.decoding.best_path import spell
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import Decoder, open_decoder
from densenet_ocr.pipeline.inference_model import InferenceModel


class LineReader:
    """An export as a transcript writer's LineModel: it gives the texts that ocr-predict prints."""

    def __init__(self, engine: InferenceModel, decoder: Decoder | None = None) -> None:
        """Takes a loaded export, and the decoder of its logits; by default it decodes greedily by itself."""
        self._engine, self._decoder, self.takes_padding = engine, decoder, engine.takes_padding

    def read(self, levels: np.ndarray, widths: np.ndarray) -> list[LineText]:
        """See LineModel."""
        info = self._engine.info
        if self._decoder is None:
            spelled = spell(self._engine.find_best_path(levels, widths), info.charset)
            return list(map(LineText, *spelled))
        frames = info.geometry.count_frames(widths)
        lines = self._decoder.decode(self._engine.compute_logits(levels, widths), frames)
        return [LineText(info.charset.decode(line.ids), line.confidence, line.reason) for line in lines]


def load_line_reader(
    folder: str,
    threads: int,
    decoding: DecodingConfig = DecodingConfig(),  # noqa: B008 - frozen
) -> LineReader:
    """Loads an export, and what decodes its logits.

    Args:
      folder: The export.
      threads: See pipeline.exports.engines.load_export.
      decoding: How its logits are decoded.

    Raises:
      UserError: see load_export and open_decoder.
    """
    # Imported here, as only workers need it and a format's engine.
    from densenet_ocr.pipeline.exports.engines import load_export

    engine = load_export(folder, threads=threads)
    return LineReader(engine, open_decoder(decoding, engine.info.charset, folder))
