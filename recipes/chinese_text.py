"""Text to draw Chinese lines from, out of a word list: runs of words with marks, figures and Latin.

    python recipes/chinese_text.py CHARSET DICT ROWS > text.txt

DICT is dict.txt of jieba (MIT licence): `word count tag` in each row. A word's chance falls with the root of
its count, so that rare words, and rare characters, are seen. One word in five is followed by a mark, one in
twenty by a figure, one in thirty by Latin letters. Equal arguments give equal text.
"""

import itertools
import random
import string
import sys
from collections.abc import Iterator

LONGEST = 34  # characters of a row, at least; the last word ends it

MARKS = "，。、“”:；！？（）《》—…·%,.-;!?()【】『』「」〔〕～★●▲■□◆※℃￥$&*+=<>/\\@#~^_|[]{}'\""
WEIGHTS = {"，": 34, "。": 12, "、": 12, "“": 5, "”": 5, ":": 5, ";": 5, "(": 5, ")": 5, '"': 4}
OTHER = 1.2  # weight of a mark that is not named


def read_words(path: str, characters: set[str]) -> tuple[list[str], list[float]]:
    """Returns the words that the charset can spell, and how often each is drawn."""
    words, chances = [], []
    with open(path, encoding="utf-8") as file:
        for row in file:
            parts = row.split()
            if len(parts) >= 2 and set(parts[0]) <= characters:
                words.append(parts[0])
                chances.append((float(parts[1]) + 1) ** 0.5)
    return words, chances


def draw_figure(draw: random.Random) -> str:
    """Returns a number as texts have it: a count, a year, a date, a price, a share, a code, a time."""
    kinds = (
        (35, str(draw.randint(0, 10 ** draw.randint(1, 6)))),
        (15, f"{draw.randint(1900, 2030)}年"),
        (10, f"{draw.randint(1, 12)}月{draw.randint(1, 31)}日"),
        (15, f"{draw.randint(0, 999)}.{draw.randint(0, 99)}"),
        (10, f"{draw.randint(1, 100)}%"),
        (8, "".join(draw.choices(string.digits, k=draw.randint(3, 11)))),
        (7, f"{draw.randint(0, 23)}:{draw.randint(0, 59):02d}"),
    )
    weights, figures = zip(*kinds, strict=True)
    return draw.choices(figures, weights)[0]


def draw_latin(draw: random.Random) -> str:
    """Returns letters in lower case, capitalised or in upper case, or any ASCII characters."""
    word = "".join(draw.choices(string.ascii_lowercase, k=draw.randint(1, 8)))
    code = "".join(chr(draw.randint(33, 126)) for _ in range(draw.randint(3, 10)))
    address = word + draw.choice("./-@_:") + "".join(draw.choices(string.ascii_lowercase + string.digits, k=5))
    forms = [word, word.capitalize(), word[:4].upper(), code, address]
    return draw.choices(forms, [35, 20, 20, 15, 10])[0]


def draw_rows(words: list[str], chances: list[float], characters: set[str]) -> Iterator[str]:
    """Yields rows of text without end."""
    draw = random.Random(7)
    marks = [mark for mark in MARKS if mark in characters]
    weights, cumulative = [WEIGHTS.get(mark, OTHER) for mark in marks], list(itertools.accumulate(chances))
    while True:
        row = ""
        while len(row) <= LONGEST:
            row += draw.choices(words, cum_weights=cumulative)[0]
            mark = draw.choices(marks, weights)[0]
            row += draw.choices(["", mark, draw_figure(draw), draw_latin(draw)], [68, 22, 5, 5])[0]
        yield "".join(character for character in row if character in characters)


def main(charset: str, dictionary: str, rows: str) -> None:
    """Prints the rows."""
    with open(charset, encoding="utf-8") as file:
        characters = set("".join(file.read().split("\n")[1:]))
    drawn = draw_rows(*read_words(dictionary, characters), characters)
    print(*itertools.islice(drawn, int(rows)), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
