"""Files as Keras 2 wrote them of a shallow network, for the tests of what reads them."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from unittest import mock

import h5py
import numpy as np
import tensorflow as tf

from benchmarks.training import notebook
from densenet_ocr.model.keras2.weights import read_keras2_layers
from densenet_ocr.model.network.densenet import build_densenet, layers_with_weights
from densenet_ocr.pipeline.errors import UserError
from tests.samples import CHARSET, shallow_network

# A layer's name in a file, and its arrays by the names of its variables.
Layers = list[tuple[str, dict[str, np.ndarray]]]


@contextlib.contextmanager
def shallow():
    """Both networks with one layer in a block."""
    with shallow_network(), mock.patch.object(notebook, "LAYERS_PER_BLOCK", 1):
        yield


def draw_layers(classes: int = CHARSET.classes, first: int = 1) -> Layers:
    """The layers of a shallow network as a session of Keras 2 names them, from a counter on."""
    model = build_densenet(height=32, classes=classes, seed=5)
    counters = {"conv2d": itertools.count(first), "batch_normalization": itertools.count(first)}
    layers = []
    for layer in layers_with_weights(model):
        kind = {1: "conv2d", 2: "conv2d", 4: "batch_normalization"}[len(layer.weights)]
        name = f"{kind}_{next(counters[kind])}" if layer.name != "logits" else "out"
        layers.append((name, {v.name: v.numpy() + np.float32(0.25) for v in layer.weights}))
    return layers


def write_keras2(
    path: str,
    layers: Layers,
    *,
    group: str = "",
    encode: Callable[[str], bytes | str] = str.encode,
    names_in_a_part: int = 0,
    **attributes,
) -> str:
    """Writes a file in the layout of Keras 2, with layers without weights as it has them; returns the path."""
    with h5py.File(path, "w") as file:
        place = file.create_group(group) if group else file
        place.attrs.update({"backend": encode("tensorflow"), "keras_version": encode("2.1.5"), **attributes})
        file.attrs.update(attributes)
        names = ["the_input"]
        for name, arrays in layers:
            names += [name, f"activation_{len(names)}"]
            stored = place.create_group(name)
            variables = [f"{name}/{variable}:0" for variable in arrays]
            stored.attrs["weight_names"] = [encode(variable) for variable in variables]
            for variable, array in zip(variables, arrays.values(), strict=True):
                stored.create_dataset(variable, data=array)
        for name in {*names} - {*place}:
            place.create_group(name).attrs["weight_names"] = np.zeros([0])
        parts = [names]
        if names_in_a_part:
            parts = [names[k : k + names_in_a_part] for k in range(0, len(names), names_in_a_part)]
        for number, part in enumerate(parts):
            key = f"layer_names{number}" if names_in_a_part else "layer_names"
            place.attrs[key] = [encode(name) for name in part]
    return path


class Keras2Case(tf.test.TestCase):
    """Has the layers of a shallow network, and a place for a file of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.path = os.path.join(cls.folder, "old.h5")
        cls.layers = draw_layers()

    def refuse(self, message: str, layers: Layers | None = None, **layout) -> None:
        """Asserts that a file of these layers is refused, whose error matches `message`."""
        if layers is not None or layout:
            write_keras2(self.path, self.layers if layers is None else layers, **layout)
        with self.assertRaisesRegex(UserError, message):
            read_keras2_layers(self.path)

    def change(self, number: int, **arrays) -> Layers:
        """The layers, with some arrays of one changed or, where they are None, left out."""
        name, old = self.layers[number]
        new = {key: array for key, array in {**old, **arrays}.items() if array is not None}
        return [*self.layers[:number], (name, new), *self.layers[number + 1 :]]
