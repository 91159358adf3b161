"""A command that is killed, and what it and others leave, compared."""

import hashlib
import json
import os
import subprocess

from pipeline import storage


def kill_after(words: list[str], seconds: float) -> None:
    """Starts a command and kills it, or lets it end where it is faster."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def hash_data_set(folder: str) -> str:
    """SHA-256 of all files of a data set or of transcripts by name, of their description without provenance."""
    digest = hashlib.sha256()
    for name in storage.list_names(folder):
        data = storage.read_bytes(os.path.join(folder, name))
        if name in ("dataset.json", "transcription.json"):
            content = json.loads(data)
            del content["provenance"]
            data = json.dumps(content).encode()
        digest.update(name.encode() + hashlib.sha256(data).digest())
    return digest.hexdigest()
