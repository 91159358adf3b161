"""Compares a model with PP-OCR (rapidocr) and tesseract on the same lines, in turn.

    python -m benchmarks.reading.peers --model=export --list=lines.txt --charset=charset.txt \\
        --python=peers/bin/python

--python is the interpreter of an environment with `pip install rapidocr-onnxruntime==1.4.4 rapidocr==3.10.0`;
tesseract and its language come from Debian (`tesseract-ocr tesseract-ocr-chi-sim`). Each reader is a process on
one core, and reads every line from its file.

Standard output ends with one JSON object, by reader: `exact_match`, `exact_match_95` and `cer` of its texts;
`folded`, the exact match where full and half widths (NFKC) and kinds of quotation marks count as equal;
`milliseconds`, the median time of a line, in each round; `megabytes` of the model's files.
"""

import json
import os
import statistics
import subprocess
import sys
import unicodedata
from typing import Any

from absl import flags

from densenet_ocr.beam_jobs.sources.list_rows import open_lists
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder
from densenet_ocr.model.report.alignment import align, count_edits
from densenet_ocr.model.report.slices import Tally
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.lists.config import ListConfig
from densenet_ocr.pipeline.ui import command

_MODELS = flags.DEFINE_multi_string("model", None, "Run or export; may be repeated.", required=True)
_LIST = flags.DEFINE_string("list", None, "List of line images.", required=True)
_ROOT = flags.DEFINE_string("image_root", "", "Folder of the images, by default the list's.")
_CHARSET = flags.DEFINE_string("charset", None, "Charset file of the list.", required=True)
_PYTHON = flags.DEFINE_string(
    "python", None, "Interpreter with rapidocr; without it tesseract is the only peer."
)
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Times that each reads all lines.", lower_bound=1)

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})


def main() -> None:
    """Reads all lines by all readers in rounds, and prints the scores."""
    lines = read_list()
    readers = [f"ours={model}" for model in _MODELS.value]
    readers += ["rapidocr_v4", "rapidocr_v6"] if _PYTHON.value else []
    rounds: list[dict[str, Any]] = []
    for number in range(_ROUNDS.value):
        print(f"round {number + 1} of {_ROUNDS.value}", file=sys.stderr)
        rounds.append({reader: read(reader, [path for path, _ in lines]) for reader in [*readers, "tesseract"]})
    truths = [text for _, text in lines]
    command.print_result(
        {reader: summarise([found[reader] for found in rounds], truths) for reader in rounds[0]}
    )


def read_list() -> list[tuple[str, str]]:
    """Returns the image path and the text of each row."""
    charset = read_charset(_CHARSET.value)
    rows = open_lists((_LIST.value,), ListConfig(image_root=_ROOT.value), charset)
    builder = RecordBuilder(DatasetInfo(charset, Geometry(width=0), "uint8"))
    found = [rows.find_line(int(row["list"]), int(row["offset"]), builder) for row in rows.scan()]
    return [(str(line.image), charset.decode(line.label)) for line in found]


def read(reader: str, paths: list[str]) -> dict[str, Any]:
    """Reads all images by a process in the reader's environment; see peer_readers."""
    python = _PYTHON.value if reader.startswith("rapidocr") else sys.executable
    script = os.path.join(os.path.dirname(__file__), "peer_readers.py")
    done = subprocess.run(
        [python, script, reader], input=json.dumps(paths), check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def summarise(rounds: list[dict[str, Any]], truths: list[str]) -> dict[str, Any]:
    """Scores a reader's texts, and lists the median time of each round."""
    exact, folded = Tally(), Tally()
    for truth, text in zip(truths, rounds[0]["texts"], strict=True):
        exact.add(count_edits(align(truth, text)), len(truth))
        folded.add(count_edits(align(fold(truth), fold(text))), len(truth))
    return {
        "exact_match": exact.exact_match,
        "exact_match_95": list(exact.exact_match_95),
        "cer": exact.cer,
        "folded": folded.exact_match,
        "milliseconds": [round(1000 * statistics.median(found["seconds"]), 1) for found in rounds],
        "megabytes": round(rounds[0]["bytes"] / 1e6, 1),
    }


def fold(text: str) -> str:
    """Returns a text in which widths and quotation marks are alike."""
    return unicodedata.normalize("NFKC", text).translate(_QUOTES)


if __name__ == "__main__":
    command.run(main)
