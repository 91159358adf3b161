"""A model of lines for tests of what is around it: it needs no TensorFlow, and knows a line by its pixels."""

import itertools
import os
import signal
import zlib

import numpy as np

from densenet_ocr.beam_jobs.transcription.transcript_writer import LineText
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.exports.export_info import MODEL_FILES, ExportInfo, hash_files
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.packages import explain_missing
from tests.samples import CHARSET


class FakeModel:
    """Reads a line's width and the checksum of its pixels, however it is batched and padded."""

    takes_padding = True

    def read(self, levels: np.ndarray, widths: np.ndarray) -> list[LineText]:
        """See beam_jobs.transcription.transcript_writer.LineModel."""
        lines = [line[:, :width] for line, width in zip(levels, widths.tolist(), strict=True)]
        return [LineText(read_line(line), line.shape[1] / 1000) for line in lines]


def read_line(levels: np.ndarray) -> str:
    """What the model reads on a line of its own height."""
    return f"{levels.shape[1]}:{zlib.crc32(levels.tobytes())}"


def load_fake_model(folder: str, threads: int) -> FakeModel:
    """A model, whatever folder is named."""
    return FakeModel()


def load_killing_model(folder: str, threads: int) -> FakeModel:
    """A model that kills the command, whose worker it serves, in its third batch."""
    model, batches = FakeModel(), itertools.count(1)
    read, driver = model.read, os.getppid() if "WORKER_ID" in os.environ else os.getpid()

    def read_or_kill(levels, widths):
        if next(batches) == 3:
            os.kill(driver, signal.SIGKILL)
            signal.pause()
        return read(levels, widths)

    model.read = read_or_kill
    return model


def load_without_package(folder: str, threads: int) -> FakeModel:
    """What loading an ONNX export does where onnxruntime is not installed."""
    with explain_missing():
        raise ModuleNotFoundError(name="onnxruntime")


def write_export(folder: str, *, fit: str = "exact", width: int = 0, format: str = "saved_model") -> str:
    """A folder with the files of an export, and nothing in those that an engine reads; returns it."""
    os.makedirs(os.path.join(folder, "variables"))
    DatasetInfo(CHARSET, Geometry(32, width), "uint8", fit=fit).save(folder)
    for name in (MODEL_FILES[format], "variables/variables.index", "variables/variables.data"):
        with open(os.path.join(folder, name), "w") as file:
            file.write(name)
    ExportInfo(format, "float32", "", 0.0, 1e-3, hash_files(folder)).save(folder)
    return folder
