"""Opens language models: files of ocr-language-model, and ARPA files."""

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.language_model import trie
from densenet_ocr.pipeline.language_model.arpa import is_arpa, read_arpa
from densenet_ocr.pipeline.language_model.language_model import LanguageModel
from densenet_ocr.pipeline.language_model.model_file import read_model

_HEAD_BYTES = 1 << 16


def load_language_model(path: str, charset: Charset) -> LanguageModel:
    """Loads a language model for the classes of a charset.

    Args:
      path: A file of ocr-language-model, which is mapped into memory, or an ARPA file of characters, plain or
        compressed with gzip, which is parsed: that takes about three seconds for a million n-grams.
      charset: The charset of the classes to score; it may differ from the charset of the model.

    Returns:
      The model. Its `lacks` has the characters that it does not know.

    Raises:
      UserError: the file cannot be read, is none of these, or is damaged.
    """
    if is_arpa(storage.read_range(path, 0, _HEAD_BYTES)):
        model = read_arpa(path)
        return LanguageModel(model.vocabulary, trie.pack(model, quantize=False), charset, path=path)
    file = read_model(path)
    return LanguageModel(file.vocabulary, file.arrays, charset, marks=file.marks, path=path)
