"""ARPA files of character n-grams, plain or gzip-compressed: what SRILM, KenLM and others read and write.

Tokens are characters, with <unk>, <s> and </s>; <space> is the space, which separates tokens. Logarithms in the
file are decimal. The format: ngram-format(5) of SRILM.
"""

import array
import gzip
import io
import itertools
import math
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, NoReturn

import numpy as np

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.language_model.kneser_ney import NEVER
from densenet_ocr.pipeline.language_model.ngrams import END, START, UNKNOWN, NGramModel, Vocabulary
from densenet_ocr.pipeline.ui.progress import Progress

GZIP_MAGIC = b"\x1f\x8b"

_LN10 = math.log(10)
_SPACE = "<space>"
_OWN = {"<unk>": UNKNOWN, "<UNK>": UNKNOWN, "<s>": START, "</s>": END}
_COUNT = re.compile(r"ngram\s+(\d+)\s*=\s*(\d+)")
_MOST_ORDERS = 20


def is_arpa(head: bytes) -> bool:
    """Returns whether the first bytes of a file are those of an ARPA file, or of a compressed file."""
    return head.startswith(GZIP_MAGIC) or b"\\data\\" in head


def read_arpa(path: str) -> NGramModel:
    """Reads an ARPA file.

    Raises:
      UserError: the file cannot be read, or is no ARPA file of character n-grams; names file:line.
    """
    with storage.local_copy(path) as local, storage.open_file(local) as file:
        head = file.read(len(GZIP_MAGIC))
        file.seek(0)
        opened = gzip.GzipFile(fileobj=file) if head == GZIP_MAGIC else file
        return _Reader(path, opened, storage.size(local), file).read()


def write_arpa(path: str, model: NGramModel) -> int:
    """Writes an ARPA file, compressed if its name ends with .gz; returns its size in bytes.

    Raises:
      UserError: the file cannot be written.
    """
    with storage.atomic_file(path) as file:
        if path.endswith(".gz"):
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as compressed:
                _write(compressed, model)  # type: ignore[arg-type]
        else:
            _write(file, model)
        return file.tell()


class _Order(NamedTuple):
    """The n-grams of an order.

    Attributes:
      tokens: int64 [N, n].
      values: Decimal logarithms of their probabilities, float64 [N].
      backoffs: Those of their backoff weights, float64 [N].
    """

    tokens: np.ndarray
    values: np.ndarray
    backoffs: np.ndarray


class _Reader:
    """Reads one file."""

    def __init__(self, path: str, file: BinaryIO | gzip.GzipFile, size: int, raw: BinaryIO) -> None:
        self._path, self._raw, self._number = path, raw, 0
        self._rows = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        self._progress = Progress(f"reading {path}", size, "bytes")
        self._tokens = dict(_OWN)
        self._characters: list[str] = []

    def read(self) -> NGramModel:
        """Reads the whole file."""
        try:
            counts = self._read_counts()
            orders = [
                self._read_order(order, count, order == len(counts)) for order, count in enumerate(counts, 1)
            ]
            if self._next() != "\\end\\":
                self._refuse("another row", "\\end\\ behind the n-grams")
        except (UnicodeDecodeError, EOFError, OSError) as error:
            self._refuse(str(error), "UTF-8")
        return self._assemble(orders)

    def _next(self) -> str:
        """The next row that is not blank; empty at the end of the file."""
        for row in self._rows:
            self._number += 1
            if row := row.strip(" \t\r\n"):
                return row
        return ""

    def _read_counts(self) -> list[int]:
        while (row := self._next()) != "\\data\\":
            if not row:
                self._refuse("no \\data\\", "an ARPA file")
        counts: list[int] = []
        while found := _COUNT.fullmatch(row := self._next()):
            if int(found[1]) != len(counts) + 1:
                self._refuse(repr(row), f"the number of n-grams of order {len(counts) + 1}")
            counts.append(int(found[2]))
        if row != "\\1-grams:" or not 0 < len(counts) <= _MOST_ORDERS:
            self._refuse(repr(row), "rows `ngram ORDER=NUMBER`, then \\1-grams:")
        return counts

    def _read_order(self, order: int, count: int, is_last: bool) -> _Order:
        title = f"\\{order}-grams:"
        if order > 1 and (row := self._next()) != title:
            self._refuse(repr(row[:80]), title)
        tokens, values, backoffs = array.array("i"), array.array("d"), array.array("d")
        for place in range(count):
            value, words, backoff = self._parse(self._next(), order, is_last)
            values.append(value)
            backoffs.append(backoff)
            try:
                tokens.extend([self._tokens[word] for word in words])
            except KeyError:
                tokens.extend([self._find_token(word, order) for word in words])
            if not place % 4096:
                self._progress.show(self._raw.tell())
        return _Order(
            np.array(tokens, np.int64).reshape(count, order), np.array(values, float), np.array(backoffs, float)
        )

    def _parse(self, row: str, order: int, is_last: bool) -> tuple[float, list[str], float]:
        """The logarithm, the tokens and the logarithm of the backoff weight of a row."""
        cells = row.replace("\t", " ").split(" ")
        if "" in cells:  # a run of blanks
            cells = [cell for cell in cells if cell]
        if len(cells) != order + 1 and (is_last or len(cells) != order + 2):
            self._refuse(repr(row[:80]), f"a logarithm, {order} tokens and a backoff weight")
        try:
            backoff = float(cells[order + 1]) if len(cells) > order + 1 else 0.0
            return float(cells[0]), cells[1 : order + 1], backoff
        except ValueError:
            self._refuse(repr(row[:80]), "logarithms as numbers")

    def _find_token(self, word: str, order: int) -> int:
        if word in self._tokens:
            return self._tokens[word]
        if len(word) != 1 and word != _SPACE:
            self._refuse(f"the token {word!r}", "one character, <space>, <unk>, <s> or </s>")
        if order > 1:
            self._refuse(f"{word!r}", "a token of \\1-grams:")
        self._characters.append(" " if word == _SPACE else word)
        self._tokens[word] = len(self._characters) + END
        return self._tokens[word]

    def _assemble(self, orders: list[_Order]) -> NGramModel:
        vocabulary = Vocabulary("".join(self._characters))
        unigrams = [np.full(vocabulary.size, NEVER), np.zeros(vocabulary.size)]
        for all_tokens, own in zip(unigrams, orders[0][1:], strict=True):
            all_tokens[orders[0].tokens[:, 0]] = own * _LN10
        keys, values, backoffs = [np.arange(vocabulary.size)], [unigrams[0]], [unigrams[1]]
        for order, (tokens, own, own_backoffs) in enumerate(orders[1:], 2):
            found = self._find_keys(tokens, keys, vocabulary.size)
            sorted_places = np.argsort(found, kind="stable")
            keys.append(found[sorted_places])
            values.append(own[sorted_places] * _LN10)
            backoffs.append(own_backoffs[sorted_places] * _LN10)
            if (np.diff(keys[-1]) == 0).any():
                self._refuse(f"an n-gram of order {order} twice", "each n-gram once")
        as_floats = [tuple(array.astype(np.float32) for array in arrays) for arrays in (values, backoffs[:-1])]
        return NGramModel(vocabulary, tuple(keys), *as_floats)

    def _find_keys(self, tokens: np.ndarray, keys: list[np.ndarray], vocabulary: int) -> np.ndarray:
        """The keys of n-grams, given their tokens, int64 [N, n], and the keys of all lower orders."""
        places = tokens[:, 0]
        for order in range(2, tokens.shape[1]):
            wanted = places * vocabulary + tokens[:, order - 1]
            places = np.minimum(np.searchsorted(keys[order - 1], wanted), len(keys[order - 1]) - 1)
            if not len(keys[order - 1]) or (keys[order - 1][places] != wanted).any():
                self._refuse(
                    f"an n-gram of order {tokens.shape[1]} whose first {order} tokens are none",
                    "with each n-gram its beginnings",
                )
        return places * vocabulary + tokens[:, -1]

    def _refuse(self, received: str, expected: str) -> NoReturn:
        raise UserError(
            f"ARPA file {self._path}:{self._number}",
            received=received,
            expected=expected,
            remedy="Make the model of texts whose characters are separated by blanks.",
        ) from None


def _write(file: BinaryIO, model: NGramModel) -> None:
    names = ["<unk>", "<s>", "</s>", *(_SPACE if c == " " else c for c in model.vocabulary.characters)]
    file.write(b"\\data\\\n")
    for order, keys in enumerate(model.keys, 1):
        file.write(f"ngram {order}={len(keys)}\n".encode())
    progress, done = Progress("writing", sum(map(len, model.keys)), "n-grams"), 0
    texts = names
    for order in range(1, model.order + 1):
        if order > 1:
            pairs = zip(model.parents(order).tolist(), model.tokens(order).tolist(), strict=True)
            texts = [f"{texts[parent]} {names[token]}" for parent, token in pairs]
        file.write(f"\n\\{order}-grams:\n".encode())
        rows = _format_rows(model, order, texts)
        while batch := list(itertools.islice(rows, 4096)):
            file.write("".join(batch).encode())
            done += len(batch)
            progress.show(done)
    file.write(b"\n\\end\\\n")


def _format_rows(model: NGramModel, order: int, texts: list[str]) -> Iterator[str]:
    values = (model.log_probabilities[order - 1].astype(np.float64) / _LN10).tolist()
    if order == model.order:
        return (f"{value:.7g}\t{text}\n" for value, text in zip(values, texts, strict=True))
    backoffs = (model.log_backoffs[order - 1].astype(np.float64) / _LN10).tolist()
    rows = zip(values, texts, backoffs, strict=True)
    return (f"{value:.7g}\t{text}\t{backoff:.7g}\n" for value, text, backoff in rows)
