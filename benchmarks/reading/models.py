"""The models of benchmarks.reading.speed: a run of random weights, its exports, and the notebook's network."""

import os
from collections.abc import Callable

import numpy as np

from benchmarks.training.notebook import build_network, read_pixels, read_texts
from densenet_ocr.model.exports.exporter import export
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.devices import set_up_devices
from densenet_ocr.model.reading.keras_model import KerasInferenceModel
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.model.training.weights import load_model
from densenet_ocr.pipeline import images, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.exports.export_info import is_export
from densenet_ocr.pipeline.geometry import Geometry

CLASSES = 5990
FIRST_CHINESE = 0x4E00  # of some 21,000 CJK ideographs in a row

# How each export is made; `run` is read from its folder, `signature` is that of the SavedModel.
EXPORTS = {
    "saved_model": {"format": "saved_model"},
    "onnx": {"format": "onnx"},
    "tflite": {"format": "tflite"},
    "onnx_int8": {"format": "onnx", "precision": "int8"},
    "tflite_int8": {"format": "tflite", "precision": "int8"},
}
CALIBRATION_LINES = 200

# Largest difference of a probability between the notebook's network and ours with the same weights.
TOLERANCE = 1e-4


def make_run(folder: str) -> None:
    """Makes the folder's run, unless it is there: initial weights, with scales and statistics at random."""
    if storage.exists(RunFolder(folder).config):
        return
    characters = "".join(chr(FIRST_CHINESE + k) for k in range(CLASSES - 1))
    info = DatasetInfo(Charset(characters), Geometry(), "uint8")
    model, random = build_densenet(height=info.geometry.height, classes=CLASSES), np.random.default_rng(0)
    for variable in model.variables:
        if len(variable.shape) == 1:  # scales and variances around 1, all others around 0
            centre = 1 if variable.path.endswith(("gamma", "moving_variance")) else 0
            variable.assign(centre + random.uniform(-0.3, 0.3, variable.shape))
    run = open_run(RunFolder(folder), RunConfig(TrainConfig(), "none"), info)
    model.save_weights(os.path.join(run.weights, "best.weights.h5"))


def make_exports(run: str, folder: str, files: list[str]) -> None:
    """Exports the run in every way, into folders of one, unless they are there."""
    missing = [name for name in EXPORTS if not is_export(os.path.join(folder, name))]
    if not missing:
        return
    network = KerasInferenceModel(*load_model(run))
    lines = [images.decode(images.read_file(path)) for path in files[:CALIBRATION_LINES]]
    for name in missing:
        how = {"calibration": lines, **EXPORTS[name]}
        export(network, output=os.path.join(folder, name), **how)


def open_reader(name: str, run: str, folder: str) -> Callable[[list[str]], list[str]]:
    """What reads files into texts: `run`, an export by its name, `signature`, or `notebook`."""
    set_up_devices(DeviceConfig())
    if name == "notebook":
        return _open_notebook(run)
    if name == "signature":
        return _open_signature(os.path.join(folder, "saved_model"))
    recognizer = Recognizer(run if name == "run" else os.path.join(folder, name))
    return lambda paths: [reading.text for reading in recognizer.read_many(paths)]


def check_same_work(run: str, files: list[str]) -> None:
    """Raises RuntimeError unless the notebook's network has our probabilities with our weights."""
    model, _ = load_model(run)
    pixels = read_pixels(files)
    logits = model(pixels.astype(np.float32), training=False).numpy()
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    ours = exponentials / exponentials.sum(-1, keepdims=True)
    worst = np.abs(ours - _build_notebook(model).predict_on_batch(pixels)).max()
    if not worst <= TOLERANCE:
        raise RuntimeError(f"not the same work: probabilities differ by up to {worst}")


def _build_notebook(model):
    network = build_network(CLASSES)
    network.set_weights(model.get_weights())
    return network


def _open_notebook(run: str) -> Callable[[list[str]], list[str]]:
    model, info = load_model(run)
    network = _build_notebook(model)
    return lambda paths: read_texts(network, paths, info.charset.characters)


def _open_signature(folder: str) -> Callable[[list[str]], list[str]]:
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    serve, size = model.signatures["serving_default"], TrainConfig.batch_size

    def read(paths: list[str]) -> list[str]:
        batches = (paths[k : k + size] for k in range(0, len(paths), size))
        found = (serve(images=tf.constant([images.read_file(path) for path in batch])) for batch in batches)
        return [text.decode() for result in found for text in result["texts"].numpy()]

    return read
