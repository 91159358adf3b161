"""A test of conversions in this process, and what it reads of their outputs."""

import json
import os

import numpy as np
import tensorflow as tf

from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.pipeline.dataset import evaluation_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from tests.samples import conversion


def read_folder(folder: str) -> dict[str, bytes]:
    """The files of a data set, dataset.json without its provenance."""
    files = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    content = json.loads(files["dataset.json"])
    del content["provenance"]
    return {**files, "dataset.json": json.dumps(content).encode()}


class ConversionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.output = os.path.join(self.folder, "data")

    def convert(self, **changes) -> dict:
        return convert(conversion(self.folder, **changes), workers=1)

    def read_lines(
        self, output: str = "", split: str = "train"
    ) -> dict[str, list[tuple[np.ndarray, list[int]]]]:
        """Images [H, W] and labels of a split by key, through tf.data."""
        folder = output or self.output
        info = load_dataset_info(folder)
        lines = {}
        for batch in evaluation_input(folder=folder, info=info, split=split, batch_size=1):
            label = batch["label"][0, : batch["label_length"][0]].numpy().tolist()
            lines.setdefault(batch["key"][0].numpy().decode(), []).append(
                (batch["image"][0, ..., 0].numpy(), label)
            )
        return lines

    def read_labels(self) -> dict[str, list[list[int]]]:
        return {key: [label for _, label in lines] for key, lines in self.read_lines().items()}

    def read_rejects(self, split: str = "train") -> list[list[str]]:
        with open(os.path.join(self.output, f"{split}.rejects.tsv"), encoding="utf-8", newline="\n") as file:
            return [line.removesuffix("\n").split("\t") for line in file]
