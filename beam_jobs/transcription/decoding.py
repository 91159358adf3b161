"""How a transcription decodes: its options, checked before it starts, and what its outputs depend on."""

import dataclasses
import hashlib
from typing import Any

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import open_decoder
from densenet_ocr.pipeline.decoding.tuned_settings import FILE_NAME
from densenet_ocr.pipeline.errors import check_left_out


def check_decoding(decoding: DecodingConfig, charset: Charset, model: str) -> None:
    """Opens the decoder of a model, so that a wrong file is an error before workers start.

    Raises:
      UserError: a file cannot be used, the charset lacks a character, or alternatives are asked for, for which
        transcripts have no column.
    """
    check_left_out("nbest", decoding.nbest, decoding.nbest == 1, "1, because transcripts have one text a row")
    open_decoder(decoding, charset, model)


def list_files(decoding: DecodingConfig) -> dict[str, list[str]]:
    """Returns the files that workers read for decoding, by flag."""
    files = {"lm": decoding.lm, "lexicon": decoding.lexicon}
    return {flag: [path] for flag, path in files.items() if path}


def identify_decoding(decoding: DecodingConfig, model: str) -> dict[str, Any]:
    """Returns what texts depend on besides the model: options, and files by their SHA-256; empty by default.

    Args:
      decoding: How the job decodes.
      model: Folder of the export.
    """
    if decoding.is_plain:
        return {}
    defaults = dataclasses.asdict(DecodingConfig())
    options = {name: value for name, value in dataclasses.asdict(decoding).items() if value != defaults[name]}
    for flag, (path,) in list_files(decoding).items():
        options[flag] = _hash(path)
    settings = storage.join(model, FILE_NAME)
    if not decoding.is_greedy and storage.exists(settings):
        options[FILE_NAME] = _hash(settings)
    return {"decoding (files by SHA-256)": options}


def _hash(path: str) -> str:
    with storage.open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
