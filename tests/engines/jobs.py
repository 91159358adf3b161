"""What the engines run: a sample of lines, the three jobs on it by their commands, and comparisons."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import keras

from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.samples import shallow_network

ROOT = pathlib.Path(__file__).parents[2]
LINES = 500
REPEATS = 4
DIGITS = Charset("0123456789")


class Sample:
    """Images, a list that has each of them REPEATS times, a charset, an export, outputs of the local runner."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="engines-")
        self.folder = pathlib.Path(self._temporary.name).resolve()
        self.charset = self.folder / "digits.txt"
        DIGITS.write(str(self.charset))
        lines = self.folder / "lines"
        self.run("synthesize", lines, lines=LINES, write="images", lines_per_shard=4096)
        self.list = lines / "repeated.txt"
        self.list.write_bytes((lines / "train.txt").read_bytes() * REPEATS)
        # A row that every job refuses.
        with self.list.open("a") as rows:
            rows.write("none.jpg 1\n")
        self.model = self.folder / "model"
        self._write_model()

    def _write_model(self) -> None:
        keras.utils.set_random_seed(0)
        with shallow_network():
            network = build_densenet(height=32, classes=DIGITS.classes)
            info = DatasetInfo(DIGITS, Geometry(32, 0), "uint8")
            export(KerasInferenceModel(network, info), output=str(self.model), format="onnx")

    def run(self, job: str, output: pathlib.Path, *beam_arguments: str, **changes: Any) -> dict[str, Any]:
        """Runs a job to its end by its command.

        Args:
          job: convert, synthesize or transcribe.
          output: Folder to write.
          *beam_arguments: Beam's own options; without them the local runner works.
          **changes: Flags besides those of the sample, or in their place.

        Returns:
          The command's result.
        """
        process = self.start(job, output, *beam_arguments, **changes)
        printed, messages = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{job} ended with exit code {process.returncode}:\n{messages[-4000:]}")
        return json.loads(printed.splitlines()[-1])

    def start(
        self, job: str, output: pathlib.Path, *beam_arguments: str, **changes: Any
    ) -> subprocess.Popen[str]:
        """Starts a job; see `run`."""
        given: dict[str, Any] = {"output": output, "lines_per_shard": 100, **self._flags(job), **changes}
        flags = [f"--{name}={value}" for name, value in given.items()]
        shared = [f"--shared_folders={self.folder}"]
        command = [sys.executable, "-m", f"beam_jobs.{job}", *flags, *shared, "--", *beam_arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)

    def _flags(self, job: str) -> dict[str, Any]:
        if job == "synthesize":
            return {"charset": self.charset, "text": "charset", "fonts": "pillow", "length": 5, "lines": LINES}
        lists = {"list": self.list, "image_root": self.folder / "lines"}
        if job == "transcribe":
            return lists | {"model": self.model}
        return lists | {"charset": self.charset, "image_encoding": "uint8", "duplicates": "keep"}

    @functools.cache  # noqa: B019 - there is one sample
    def run_locally(self, job: str) -> pathlib.Path:
        """Returns the output of the local runner."""
        output = self.folder / "local" / job
        self.run(job, output)
        return output


def describe_difference(one: pathlib.Path, other: pathlib.Path) -> str:
    """Returns the first difference of two outputs apart from provenance, or an empty string."""
    names, others = (sorted(str(p.relative_to(f)) for p in f.rglob("*")) for f in (one, other))
    if names != others:
        return f"files: {sorted({*names} ^ {*others})}"
    files = (name for name in names if (one / name).is_file())
    return next((name for name in files if _read(one / name) != _read(other / name)), "")


def _read(path: pathlib.Path) -> Any:
    data = path.read_bytes()
    return _without_provenance(json.loads(data)) if path.suffix == ".json" else data


def _without_provenance(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_provenance(part) for name, part in value.items() if name != "provenance"}
    return value
