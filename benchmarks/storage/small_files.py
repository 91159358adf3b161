"""Small images from S3 with added latency, against local disk and against Beam's S3 file system.

    python -m benchmarks.storage.small_files --work=/tmp/bench

The server is a light one on this machine and shares its cores: a real store leaves more to the reader. One by
one, a fortieth of the files is read, and twenty by Beam's file system, which takes most of a second for each.
"""

import concurrent.futures
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence

from absl import app, flags

from densenet_ocr.pipeline import storage
from tests.servers.light_s3 import serve_folder
from tests.servers.s3 import use_s3

_WORK = flags.DEFINE_string("work", "/tmp/bench", "folder for the files")
_FILES = flags.DEFINE_integer("files", 20_000, "number of files")
_BYTES = flags.DEFINE_integer("bytes", 3_000, "bytes of each file")
_LATENCY = flags.DEFINE_float("latency", 0.02, "seconds before each answer")
_AT_ONCE = flags.DEFINE_list("at_once", ["16", "64", "128"], "requests in flight")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "measurements of each")


def make_files(folder: str) -> list[str]:
    """Writes the files if they are not there; returns their names."""
    names = [f"{number:05d}.jpg" for number in range(_FILES.value)]
    storage.make_folder(folder)
    if len(os.listdir(folder)) != len(names):
        for name in names:
            storage.write_atomically(os.path.join(folder, name), os.urandom(_BYTES.value))
    return names


def read_by_beam(paths: Sequence[str], threads: int) -> Iterable[bytes]:
    """Reads files by Beam's FileSystems, as Beam's own sources do."""
    from apache_beam.io.filesystems import FileSystems

    def read(path: str) -> bytes:
        with FileSystems.open(path) as file:
            return file.read()

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        yield from pool.map(read, paths)


def beam_options(url: str) -> None:
    """Tells Beam's S3 file system where the server is."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(
        PipelineOptions([f"--s3_endpoint_url={url}", "--s3_access_key_id=test", "--s3_secret_access_key=test"])
    )


def measure(read: Callable[[], Iterable[object]], expected: list[bytes]) -> float:
    """Returns files per second; raises AssertionError if one byte differs."""
    start = time.perf_counter()
    found = list(read())
    seconds = time.perf_counter() - start
    assert found == expected
    return len(expected) / seconds


def main(argv: Sequence[str]) -> None:
    """Measures all ways in turn, so many times, and prints medians."""
    del argv
    folder = os.path.join(_WORK.value, "small_files")
    names = make_files(folder)
    local = [os.path.join(folder, name) for name in names]
    data = list(map(storage.read_bytes, local))
    few = len(names) // 40
    with serve_folder(folder, _LATENCY.value) as url, use_s3(url):
        remote = [f"s3://bucket/{name}" for name in names]
        beam_options(url)
        ways: dict[str, tuple[Callable[[], Iterable[object]], int]] = {
            "local disk": (lambda: storage.read_many(local), len(names)),
            "S3, one by one": (lambda: map(storage.read_bytes, remote[:few]), few),
            "S3, Beam, one by one": (lambda: read_by_beam(remote[:20], 1), 20),
            "S3, Beam, 20 threads": (lambda: read_by_beam(remote[:20], 20), 20),
        }
        for at_once in map(int, _AT_ONCE.value):
            ways[f"S3, read_many, {at_once}"] = (
                lambda at_once=at_once: storage.read_many(remote, at_once),  # type: ignore[misc]
                len(names),
            )
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(_ROUNDS.value):
            for name, (read, count) in ways.items():
                rates[name].append(measure(read, data[:count]))
                print(f"{name}: {rates[name][-1]:,.0f} files/s", flush=True)
    for name, values in rates.items():
        print(f"median, {name}: {statistics.median(values):,.0f} files/s", flush=True)


if __name__ == "__main__":
    app.run(main)
