"""Weights of the original notebook, as Keras 2 wrote them, for our network, which has the same parameters.

All layers that have weights lie on one chain from the image to the logits: each needs what the one before it
gave. Keras 2 lists a model's layers by their depth, so it lists these in one order alone, whatever they are
called and wherever counters began; the inputs and the Lambda of the training model have none. The shapes are
checked layer by layer. They are the same in the second and the third block, so where names are Keras's own,
their counters have to rise, too.
"""

import re
from collections.abc import Iterator

import keras
import numpy as np

from densenet_ocr.model.keras2.file import StoredLayer, read_keras2_file, refuse_network
from densenet_ocr.model.keras2.settings import check_settings
from densenet_ocr.model.network import densenet
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import ROW_STRIDE, Geometry, count_rows

# A variable's name, and its shape.
Shapes = dict[str, tuple[int, ...]]

_COUNTED = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")


def read_keras2_layers(path: str) -> list[list[np.ndarray]]:
    """The float32 arrays of each layer, as model.training.transfer.Source has them, in the network's order.

    The last layer's are a kernel [rows * channels, classes] and a bias [classes]. Raises UserError for a file
    that is damaged, or whose layers are not, one by one, those of the network.
    """
    layers, settings = read_keras2_file(path)
    shapes = [*_expect_trunk(), None]
    for number, (layer, expected) in enumerate(zip(layers, shapes, strict=False), start=1):
        _check_shapes(path, number, layer, expected or _expect_head(layer))
        _check_values(path, layer)
    if len(layers) != len(shapes):
        raise _refuse_count(path, layers, len(shapes))
    _check_counters(path, layers)
    check_settings(path, settings)
    return [
        [layer.arrays[name] for name in expected or ("kernel", "bias")]
        for layer, expected in zip(layers, shapes, strict=True)
    ]


def load_keras2_model(
    path: str, *, charset: Charset, height: int, padded: bool = False
) -> tuple[keras.Model, DatasetInfo]:
    """The network with the file's weights (see build_densenet), and what a reader has to know of its data.

    Lines are read as the notebook read them: scaled to `height`, of any width. Raises UserError where the file
    cannot be read, or has weights for another number of classes or rows.
    """
    layers = read_keras2_layers(path)
    check_classes(path, layers, charset)
    check_rows(path, layers, height)
    model = densenet.build_densenet(height=height, classes=charset.classes, padded=padded)
    for layer, arrays in zip(densenet.layers_with_weights(model), layers, strict=True):
        layer.set_weights(arrays)
    return model, DatasetInfo(charset, Geometry(height, 0), "uint8", fit="exact")


def count_head_rows(layers: list[list[np.ndarray]]) -> int:
    """Returns the rows of features that the head takes: its kernel is [rows * C, classes]."""
    *_, (gamma, *_), (kernel, _) = layers
    return len(kernel) // len(gamma)


def check_classes(path: str, layers: list[list[np.ndarray]], charset: Charset) -> None:
    """Raises UserError unless the head, whose bias is [classes], has the charset's classes."""
    classes = len(layers[-1][1])
    if classes == charset.classes:
        return
    remedy = "Give the charset that they were trained with, row by row."
    if classes == charset.classes + 1:
        remedy += " If row 0 of its file is a character, set --charset_blank=none."
    elif classes > charset.classes:
        remedy += " If duplicated rows were taken out of a char_std_5990.txt, take the original file."
    raise UserError(
        f"weights {path}",
        received=f"a last layer of {classes} classes",
        expected=f"{charset.classes}: the charset's {len(charset.characters)} characters and the blank",
        remedy=remedy,
    )


def check_rows(path: str, layers: list[list[np.ndarray]], height: int) -> None:
    """Raises UserError unless lines of this height make the rows that the head takes, [rows * C, classes]."""
    rows = count_head_rows(layers)
    if rows != count_rows(height):
        raise UserError(
            f"weights {path}",
            received=f"a last layer for {rows} rows of features",
            expected=f"{count_rows(height)}, which lines {height} high make",
            remedy=f"Set --image_height to the height that they were trained with: {ROW_STRIDE * rows - 1} to "
            f"{ROW_STRIDE * rows + ROW_STRIDE - 2} make {rows} rows.",
        )


def _expect_trunk() -> Iterator[Shapes]:
    """The variables of each layer but the last, as build_densenet makes them."""
    yield {"kernel": (5, 5, 1, densenet.STEM_FILTERS)}
    channels = densenet.STEM_FILTERS
    for block in range(densenet.BLOCKS):
        if block:
            yield _expect_norm(channels)
            yield {"kernel": (1, 1, channels, densenet.TRANSITION_FILTERS)}
            channels = densenet.TRANSITION_FILTERS
        for _ in range(densenet.LAYERS_PER_BLOCK):
            yield _expect_norm(channels)
            yield {"kernel": (3, 3, channels, densenet.GROWTH), "bias": (densenet.GROWTH,)}
            channels += densenet.GROWTH
    yield _expect_norm(channels)


def _expect_norm(channels: int) -> Shapes:
    return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (channels,))


def _expect_head(layer: StoredLayer) -> Shapes:
    """The head of as many rows and classes as the file's seems to have, one at least."""
    *_, norm = _expect_trunk()
    (channels,) = norm["gamma"]
    shape = layer.arrays["kernel"].shape if "kernel" in layer.arrays else ()
    inputs, classes = shape if len(shape) == 2 else (channels, 2)
    return {"kernel": (max(inputs // channels, 1) * channels, max(classes, 2)), "bias": (max(classes, 2),)}


def _check_shapes(path: str, number: int, layer: StoredLayer, expected: Shapes) -> None:
    received = {name: array.shape for name, array in layer.arrays.items()}
    if received != expected:
        raise refuse_network(
            path,
            received=f"{_show(received)} in {layer.name}, layer {number} of those with weights",
            expected=f"{_show(expected)}, as the notebook's network has there",
        )


def _check_values(path: str, layer: StoredLayer) -> None:
    for name, array in layer.arrays.items():
        wrong = "numbers that are infinite or none" if not np.isfinite(array).all() else ""
        if name == "moving_variance" and (array < 0).any():
            wrong = "variances below 0"
        if name == "kernel" and not array.any():
            wrong = "nothing but zeros"
        if wrong:
            raise UserError(
                f"weights {path}",
                received=f"{wrong} in {layer.name}'s {name}",
                expected="finite weights, and variances of 0 or more",
                remedy="The file is not whole, or the training diverged: take another epoch's.",
            )


def _check_counters(path: str, layers: list[StoredLayer]) -> None:
    last: dict[str, tuple[int, str]] = {}
    for layer in layers:
        if match := _COUNTED.fullmatch(layer.name):
            kind, number = match[1], int(match[2] or 0)
            before, name = last.get(kind, (-1, ""))
            if number <= before:
                raise UserError(
                    f"weights {path}",
                    received=f"{layer.name} behind {name}",
                    expected="layers in the order in which the notebook made them, as Keras writes them",
                    remedy="The layers cannot be matched: save the weights again, with model.save_weights.",
                )
            last[kind] = number, layer.name


def _refuse_count(path: str, layers: list[StoredLayer], expected: int) -> UserError:
    more = f"; {layers[expected].name} is one too many" if len(layers) > expected else ""
    received = f"{len(layers)} layers with weights{more}"
    return refuse_network(path, received=received, expected=f"{expected}, as the notebook's network has")


def _show(shapes: Shapes) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items()) or "nothing"
