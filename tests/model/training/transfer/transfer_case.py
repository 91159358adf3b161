"""A run with weights of its own, from which trainings begin."""

import os

import numpy as np

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.geometry import Geometry

OLD = Charset("9876543210xy")  # beside CHARSET, which is "0123456789ab ": two characters more, three fewer


def make_run(folder: str, charset: Charset = OLD, height: int = 32) -> str:
    """A run with best weights that no other model has by chance; returns its folder."""
    path = os.path.join(folder, "old")
    info = DatasetInfo(charset, Geometry(height, 64), "uint8")
    run = open_run(RunFolder(path), RunConfig(TrainConfig(), "data"), info)
    model, random = build_densenet(height=height, classes=charset.classes), np.random.default_rng(7)
    model.set_weights([w + random.uniform(-0.02, 0.02, w.shape) for w in model.get_weights()])
    model.save_weights(os.path.join(run.weights, "best.weights.h5"))
    return path


def settings(run: str, mode: str = "fail", **changes) -> TrainConfig:
    return TrainConfig(init_from=run, charset_mode=mode, **changes)
