"""Reads line images with a recogniser, in the environment that has it, for benchmarks.reading.peers.

    python benchmarks/reading/peer_readers.py rapidocr_v4 < paths.json

Standard input is a JSON list of paths. Standard output is a JSON object: `texts`, `seconds` of each line from
file to text, and `bytes` of the model's files. The process keeps to one core. densenet_ocr is imported for
`ours=MODEL` only, so that the environment of another recogniser needs nothing of ours.
"""

import glob
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Read = Callable[[str], str]

_WARM_UP = 3


def open_ours(model: str) -> tuple[Read, list[str]]:
    """Opens an export or a run of this project."""
    from densenet_ocr.model.recognizer import Recognizer
    from densenet_ocr.pipeline.exports.shipped import find_shipped

    recognizer = Recognizer(model)
    return lambda path: recognizer.read(path).text, _find_ours(find_shipped(model))


def open_rapidocr_v4(_: str) -> tuple[Read, list[str]]:
    """Opens PP-OCRv4 mobile, the recogniser in rapidocr-onnxruntime 1.4.4."""
    import rapidocr_onnxruntime

    engine = rapidocr_onnxruntime.RapidOCR()

    def read(path: str) -> str:
        found, _ = engine(path, use_det=False, use_cls=False, use_rec=True)
        return found[0][0] if found else ""

    return read, _find_models(rapidocr_onnxruntime)


def open_rapidocr_v6(_: str) -> tuple[Read, list[str]]:
    """Opens PP-OCRv6 small, the recogniser in rapidocr 3.10."""
    import rapidocr

    engine = rapidocr.RapidOCR()

    def read(path: str) -> str:
        found = engine(path, use_det=False, use_cls=False, use_rec=True)
        return found.txts[0] if found.txts else ""

    return read, _find_models(rapidocr)


def open_tesseract(language: str) -> tuple[Read, list[str]]:
    """Opens tesseract, which starts anew for each line; `language` is chi_sim or a list of such names."""
    language = language or "chi_sim"

    def read(path: str) -> str:
        words = ["tesseract", path, "stdout", "--psm", "7", "-l", language]
        text = subprocess.run(words, check=True, capture_output=True).stdout.decode()
        return text.strip().replace(" ", "")  # it puts spaces between Chinese words

    return read, glob.glob(f"/usr/share/tesseract-ocr/*/tessdata/{language}.traineddata")


READERS = {
    "ours": open_ours,
    "rapidocr_v4": open_rapidocr_v4,
    "rapidocr_v6": open_rapidocr_v6,
    "tesseract": open_tesseract,
}


def read_all(name: str, paths: list[str]) -> dict[str, Any]:
    """Reads all images, the first ones twice to warm up."""
    kind, _, argument = name.partition("=")
    read, files = READERS[kind](argument)
    for path in paths[:_WARM_UP]:
        read(path)
    texts, seconds = [], []
    for path in paths:
        start = time.perf_counter()
        texts.append(read(path))
        seconds.append(time.perf_counter() - start)
    return {"texts": texts, "seconds": seconds, "bytes": sum(map(os.path.getsize, files))}


def _find_ours(model: str) -> list[str]:
    """The files of an export that are loaded to compute: a graph, and the weights of a float16 export."""
    return [path for name in ("model.*", "weights.*") for path in glob.glob(os.path.join(model, name))]


def _find_models(package: Any) -> list[str]:
    """The recognisers among the model files of a package."""
    return glob.glob(os.path.join(os.path.dirname(package.__file__), "models", "*rec*"))


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    answer, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    print(json.dumps(read_all(sys.argv[1], json.load(sys.stdin))), file=answer)
