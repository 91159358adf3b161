"""Compares the input of a training from S3, without and with --cache, with that from local disk.

    python -m benchmarks.storage.training_input --work=build/benchmark --rounds=3

The data set has uint8 records of 280x32. The S3 server is a light one on this machine and shares its cores: a
real store leaves more to the reader. Each measurement has a process of its own, reads one pass first, and then
times three passes; those with a cache read its copies. Standard output ends with one JSON object: images/s and
ratios to local disk, medians over the rounds.
"""

import functools
import json
import os
import shutil
import tempfile

from absl import flags

from benchmarks.lines import draw_lines, run_ours, write_task
from benchmarks.pairs import median, run_alone, time_batches
from densenet_ocr.pipeline.ui import command
from tests.servers.light_s3 import serve_folder
from tests.servers.s3 import use_s3

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines and their records (kept).", required=True)
_ROWS = flags.DEFINE_integer("rows", 100_000, "Rows of the list.", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files that the rows name.", lower_bound=1)
_LATENCY = flags.DEFINE_float("latency", 0.0, "Seconds before each answer of the server.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Times that each is measured.", lower_bound=1)

_BATCH_SIZE, _PASSES = 64, 3


def main() -> None:
    """Draws, converts and measures; prints each round and the result."""
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    name = f"store-reader-{_ROWS.value}"
    task = write_task(lines, name, rows=_ROWS.value, lines_per_shard=4096, encoding="uint8")
    data = os.path.join(lines, f"{name}-data")
    run_ours(task, data)  # checks what is there and makes what is missing
    rates: dict[str, list[float]] = {"local": [], "s3": [], "s3_cache": []}
    with serve_folder(data, _LATENCY.value) as url, use_s3(url):
        for _ in range(_ROUNDS.value):
            for way, found in rates.items():
                found.append(_measure(way, data))
            print(json.dumps({way: round(found[-1]) for way, found in rates.items()}), flush=True)
    ratios = {
        f"{way}_ratio": median(
            (ours / local for ours, local in zip(found, rates["local"], strict=True)), digits=2
        )
        for way, found in rates.items()
        if way != "local"
    }
    medians = {f"{way}_images_per_second": median(found) for way, found in rates.items()}
    command.print_result({"rows": task.rows} | medians | ratios)


def _measure(way: str, data: str) -> float:
    cache = tempfile.mkdtemp(dir=_WORK.value) if way == "s3_cache" else None
    try:
        return run_alone(read_passes, data if way == "local" else "s3://bucket/data", cache)
    finally:
        if cache:
            shutil.rmtree(cache)


def read_passes(folder: str, cache: str | None) -> float:
    """Returns images/s of the training input of a data set, after its first pass."""
    from densenet_ocr.pipeline.dataset import training_input
    from densenet_ocr.pipeline.dataset_info import load_dataset_info

    info = load_dataset_info(folder)
    batches = info.find_split("train").written // _BATCH_SIZE
    read = functools.partial(training_input, folder=folder, info=info, split="train", batch_size=_BATCH_SIZE)
    return _BATCH_SIZE * time_batches(read(seed=0, normalised=False, cache=cache), batches, _PASSES * batches)


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
