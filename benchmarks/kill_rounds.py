"""A command that is killed, and what it and others leave, compared."""

import hashlib
import json
import os
import random
import subprocess
import time
from typing import Any, NamedTuple

from densenet_ocr.pipeline import storage

# Files that also describe the run which wrote them.
_DESCRIPTIONS = ("dataset.json", "images.json", "transcription.json")


class Killed(NamedTuple):
    """What became of a command: seconds of an undisturbed run, and each round."""

    seconds: float
    rounds: list[dict[str, Any]]

    @property
    def equal(self) -> int:
        """Rounds that ended with an undisturbed run's bytes."""
        return sum(found["equal"] for found in self.rounds)


def kill_rounds(words: list[str], output: str, *, shards: str, rounds: int, seed: int) -> Killed:
    """Runs a command undisturbed once; then kills it, `rounds` times, and gives it again to its end.

    Every round begins without an output, and is killed (SIGKILL) at a moment drawn evenly from the time that
    the undisturbed run takes. `shards` is a pattern of finished shards, which are counted at the kill.
    """
    storage.remove(output)
    start, moments, found = time.monotonic(), random.Random(seed), []
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    seconds, expected = time.monotonic() - start, hash_data_set(output)
    for _ in range(rounds):
        storage.remove(output)
        fraction = moments.random()
        kill_after(words, fraction * seconds)
        finished = len(storage.find(os.path.join(output, shards)))
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        equal = hash_data_set(output) == expected
        found.append({"killed_at": round(fraction, 3), "shards_finished": finished, "equal": equal})
        print(found[-1], flush=True)
    return Killed(seconds, found)


def kill_after(words: list[str], seconds: float) -> None:
    """Starts a command and kills it, or lets it end where it is faster."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def hash_data_set(folder: str) -> str:
    """SHA-256 of all files below a folder by their paths, of descriptions without provenance."""
    digest = hashlib.sha256()
    for path in storage.find(os.path.join(folder, "**")):
        if storage.is_folder(path):
            continue
        data = storage.read_bytes(path)
        if os.path.basename(path) in _DESCRIPTIONS:
            content = json.loads(data)
            del content["provenance"]
            data = json.dumps(content).encode()
        digest.update(os.path.relpath(path, folder).encode() + hashlib.sha256(data).digest())
    return digest.hexdigest()
