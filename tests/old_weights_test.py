"""Weights that Keras 2 wrote read as they did there; what is not the notebook's network is refused by name."""

import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from unittest import mock

import h5py
import numpy as np
import tensorflow as tf
import tf_keras
from absl.testing import parameterized

from benchmarks import notebook
from benchmarks.old_weights import draw_charset, draw_lines, draw_weights, find_logits
from model.densenet import build_densenet, layers_with_weights
from model.old_weights import is_old_weights, load_old_model, read_old_weights
from model.run_folder import load_model
from pipeline.errors import UserError
from pipeline.images import Geometry
from tests.samples import CHARSET, shallow_network
from tests.transfer_test import make_run

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


class EqualsKeras2Test(parameterized.TestCase, tf.test.TestCase):
    def check_equal(self, classes: int, height: int, save: Callable[[tf_keras.Model, str], None]) -> None:
        network, charset = notebook.build_network(classes, height), draw_charset(classes)
        draw_weights(network, seed=classes)
        path = os.path.join(self.create_tempdir().full_path, "weights-01-0.40.hdf5")
        save(network, path)
        self.assertTrue(is_old_weights(path))
        ours, info = load_old_model(path, charset=charset, height=height)
        lines = draw_lines(height, 61)
        expected = find_logits(network, lines)
        self.assertGreater(np.std(expected, axis=1).min(), 1e-2)  # frames differ, so a mix-up would show
        self.assertAllClose(ours(lines, training=False), expected, rtol=0, atol=1e-4)
        self.assertEqual(
            (info.geometry, info.fit, info.charset.classes), (Geometry(height, 0), "exact", classes)
        )

    def test_the_notebooks_network(self):
        self.check_equal(5990, 32, lambda network, path: notebook.add_ctc(network).save_weights(path))

    @parameterized.product(classes=(3, 14, 97), height=(32, 48))
    def test_any_charset_and_height(self, classes, height):
        with shallow():
            self.check_equal(classes, height, lambda network, path: network.save_weights(path))

    def test_a_whole_model_with_its_optimizer(self):
        def save(network, path):
            model = notebook.add_ctc(network)
            notebook.compile_model(model)
            model.save(path)

        with shallow():
            self.check_equal(14, 32, save)

    def test_padded(self):
        with shallow():
            network, path = notebook.build_network(14), os.path.join(self.create_tempdir().full_path, "old.h5")
            draw_weights(network, seed=1)
            network.save_weights(path)
            ours, _ = load_old_model(path, charset=CHARSET, height=32, padded=True)
            lines = draw_lines(32, 61)
            logits = ours([np.pad(lines, ((0, 0), (0, 0), (0, 9), (0, 0))), np.array([61, 61])], training=False)
            self.assertAllClose(logits[:, :7], find_logits(network, lines), rtol=0, atol=1e-4)


class LayoutsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(shallow_network())
        self.path = os.path.join(self.create_tempdir().full_path, "old.h5")

    @parameterized.named_parameters(
        ("bytes", {}),
        ("text", {"encode": str}),
        ("names in parts", {"names_in_a_part": 5}),
        ("a whole model's", {"group": "model_weights"}),
        ("a whole model's names in parts", {"group": "model_weights", "names_in_a_part": 7, "encode": str}),
    )
    def test_reads(self, layout):
        layers = draw_layers()
        read = read_old_weights(write_keras2(self.path, layers, **layout))
        self.assertTrue(is_old_weights(self.path))
        for arrays, (_, expected) in zip(read, layers, strict=True):
            for array, stored in zip(arrays, expected.values(), strict=True):
                self.assertAllEqual(array, stored)
                self.assertEqual(array.dtype, np.float32)

    @parameterized.parameters(27, 99, 998)
    def test_counters_begin_anywhere(self, first):
        layers = draw_layers(first=first)
        read = read_old_weights(write_keras2(self.path, layers))
        for arrays, (_, expected) in zip(read, layers, strict=True):
            self.assertAllEqual(arrays[0], next(iter(expected.values())))

    def test_variables_are_taken_by_name(self):
        layers = [(name, dict(reversed(arrays.items()))) for name, arrays in draw_layers()]
        read = read_old_weights(write_keras2(self.path, layers))
        self.assertAllEqual(read[1][0], layers[1][1]["gamma"])
        self.assertAllEqual(read[-1][1], layers[-1][1]["bias"])

    def test_a_runs_own_weights_are_not_old_ones(self):
        build_densenet(height=32, classes=3).save_weights(path := self.path.replace(".h5", ".weights.h5"))
        self.assertFalse(is_old_weights(path))
        self.assertFalse(is_old_weights(path + "-missing"))

    def test_where_a_runs_own_file_belongs_it_is_refused(self):
        run, path = make_run(self.create_tempdir().full_path), write_keras2(self.path, draw_layers())
        for name in (path, shutil.copy(path, os.path.join(run, "weights", "old.weights.h5"))):
            with self.assertRaisesRegex(
                UserError,
                f"weights {name}: received a file that Keras 2 wrote, .* Read it with --weights=FILE in place",
            ):
                load_model(run, name)


class RefusedTest(parameterized.TestCase, tf.test.TestCase):
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
            read_old_weights(self.path)

    def change(self, number: int, **arrays) -> Layers:
        """The layers, with some arrays of one changed or, where they are None, left out."""
        name, old = self.layers[number]
        new = {key: array for key, array in {**old, **arrays}.items() if array is not None}
        return [*self.layers[:number], (name, new), *self.layers[number + 1 :]]

    def write_bytes(self, data: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(data)

    def test_what_is_not_hdf5(self):
        self.write_bytes(b"version https://git-lfs")
        self.refuse(
            "old.h5: received a file that is not HDF5: it begins with b'version http', expected a file that"
        )
        self.write_bytes(b"")
        self.refuse("received an empty file")
        os.remove(self.path)
        self.refuse("file .*old.h5: received No such file or directory")

    @parameterized.parameters(0.01, 0.3, 0.999)
    def test_a_truncated_file(self, part):
        write_keras2(self.path, self.layers)
        os.truncate(self.path, int(os.path.getsize(self.path) * part))
        self.assertFalse(is_old_weights(self.path))
        self.refuse("old.h5: received a damaged file of .* bytes .*truncated.* Fetch it again")

    def test_a_file_with_a_group_or_an_array_missing(self):
        for lost in (self.layers[3][0], f"{self.layers[3][0]}/{self.layers[3][0]}/gamma:0"):
            write_keras2(self.path, self.layers)
            with h5py.File(self.path, "a") as file:
                del file[lost]
            self.refuse("received a damaged file")

    def test_another_hdf5_file(self):
        with h5py.File(self.path, "w") as file:
            file["table"] = [1, 2]
        self.refuse(
            "received an HDF5 file without layer_names; it has table, expected a file that save_weights"
        )

    def test_a_file_of_keras_3(self):
        build_densenet(height=32, classes=3).save_weights(path := os.path.join(self.folder, "a.weights.h5"))
        os.rename(path, self.path)
        self.refuse("received a weights file of Keras 3 that is not in a run, .* Name the folder of the run")

    @parameterized.parameters(("theano", "2.0.8"), ("tensorflow", "1.2.2"))
    def test_kernels_that_lie_otherwise(self, backend, version):
        self.refuse(
            f"received a file of Keras {version} on {backend}, expected one of Keras 2 on TensorFlow",
            backend=backend.encode(),
            keras_version=version.encode(),
        )

    def test_a_layer_too_few(self):
        self.refuse(
            r"received kernel \[1, 1, 72, 128\] in conv2d_3, layer 4 of those with weights, expected gamma "
            r"\[72\], beta \[72\], moving_mean \[72\], moving_variance \[72\], as the notebook's",
            self.layers[:3] + self.layers[4:],
        )
        self.refuse("received 12 layers with weights, expected 13", self.layers[:-1])

    def test_a_layer_too_many(self):
        extra = ("extra", {"kernel": np.ones([5, 5]), "bias": np.ones([5])})
        self.refuse(
            "received 14 layers with weights; extra is one too many, expected 13", [*self.layers, extra]
        )
        self.refuse(r"received kernel \[5, 5\], bias \[5\] in extra, layer 1 of", [extra, *self.layers])

    def test_another_kind_of_layer(self):
        recurrent = ("lstm_1", {"recurrent_kernel": np.ones([5, 5])})
        self.refuse(
            "received a layer lstm_1 with a variable lstm_1/recurrent_kernel:0", [*self.layers, recurrent]
        )

    def test_another_growth(self):
        layers = self.change(2, kernel=np.ones([3, 3, 64, 12]), bias=np.ones([12]))
        self.refuse(
            r"received kernel \[3, 3, 64, 12\], bias \[12\] in conv2d_2, layer 3 .*\[3, 3, 64, 8\]", layers
        )

    def test_a_bias_too_many_or_too_few(self):
        self.refuse(
            r"received kernel \[5, 5, 1, 64\], bias \[64\] in conv2d_1, layer 1 of .* expected kernel "
            r"\[5, 5, 1, 64\], as",
            self.change(0, bias=np.ones([64])),
        )
        self.refuse(r"received kernel \[544, 14\] in out, layer 13 of", self.change(12, bias=None))

    def test_a_head_that_fits_no_height(self):
        layers = self.change(12, kernel=np.ones([500, 14]))
        self.refuse(
            r"received kernel \[500, 14\], bias \[14\] in out, layer 13 .* expected kernel \[408, 14\]", layers
        )

    def test_blocks_that_changed_places(self):
        # In the second and third block, norms and convolutions have the very same shapes.
        layers = [*self.layers]
        layers[5:7], layers[9:11] = layers[9:11], layers[5:7]
        self.refuse(
            "received batch_normalization_4 behind batch_normalization_5, expected layers in the", layers
        )

    @parameterized.parameters(
        (1, "moving_variance", -1.0, "variances below 0 in batch_normalization_1's moving_variance"),
        (2, "bias", np.nan, "numbers that are infinite or none in conv2d_2's bias"),
        (0, "kernel", 0.0, "nothing but zeros in conv2d_1's kernel"),
    )
    def test_numbers_that_no_training_leaves(self, number, name, value, message):
        array = np.full_like(self.layers[number][1][name], value)
        self.refuse(f"received {message}, expected weights of a network", self.change(number, **{name: array}))

    def test_whole_numbers(self):
        self.refuse("damaged file .*bias:0 has numbers of type int64", self.change(2, bias=np.ones([8], int)))

    def test_a_model_on_several_gpus(self):
        variables = {f"{name}/{key}": array for name, arrays in self.layers for key, array in arrays.items()}
        self.refuse(
            r"received a whole model as the layer model_1, as multi_gpu_model .* load the file, and save what "
            r"is inside: model.get_layer\('model_1'\).save_weights\('inner.h5'\)",
            [("model_1", variables)],
        )

    def test_a_charset_of_another_size(self):
        write_keras2(self.path, self.layers)
        with self.assertRaisesRegex(
            UserError,
            "received a last layer of 14 classes, expected 12: the charset's 11 characters and the blank. Give "
            "the charset that they were trained with, row by row. If duplicated rows were taken out of a char_",
        ):
            load_old_model(self.path, charset=draw_charset(12), height=32)
        with self.assertRaisesRegex(UserError, "14 classes, expected 13: .* put a row before it."):
            load_old_model(self.path, charset=draw_charset(13), height=32)

    def test_another_height(self):
        write_keras2(self.path, self.layers)
        with self.assertRaisesRegex(
            UserError,
            "received a last layer for 4 rows of features, expected 6, which lines 48 high make. Set "
            "--image_height to the height that they were trained with: 31 to 38 make 4 rows.",
        ):
            load_old_model(self.path, charset=CHARSET, height=48)


class SettingsTest(parameterized.TestCase, tf.test.TestCase):
    """Models of the same shapes that read otherwise, as `model.save` writes them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.path = os.path.join(cls.folder, "old.h5")
        with shallow():
            notebook.build_network(5).save(cls.path)
        with h5py.File(cls.path) as file:
            cls.config = file.attrs["model_config"]

    def refuse(self, message: str, config: str) -> None:
        self.assertNotEqual(config, self.config)
        with h5py.File(self.path, "a") as file:
            file.attrs["model_config"] = config
        with shallow(), self.assertRaisesRegex(UserError, message):
            read_old_weights(self.path)

    @parameterized.parameters(
        ("1.1e-05", "0.001", "batch_normalization with epsilon 0.001, expected 1.1e-05, as in the notebook's"),
        ('"strides": [2, 2], "padding": "same"', '"strides": [1, 2], "padding": "same"', "conv2d with strides"),
        (
            '"AveragePooling2D"',
            '"MaxPooling2D"',
            "average_pooling2d of the kind MaxPooling2D, expected Conv2D,",
        ),
        ('"pool_size": [2, 2]', '"pool_size": [3, 3]', "average_pooling2d with pool_size"),
        ('"relu"', '"elu"', "activation with activation elu, expected relu or"),
        ('"inbound_nodes"', '"nodes"', "a model_config that cannot be read .KeyError"),
    )
    def test_refuses(self, old, new, message):
        self.refuse(message, self.config.replace(old, new))

    def test_refuses_new_channels_before_the_old_ones(self):
        config = json.loads(self.config)
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Concatenate":
                layer["inbound_nodes"][0].reverse()
        self.refuse("concatenate whose last input is conv2d, expected the 8 new channels", json.dumps(config))


if __name__ == "__main__":
    tf.test.main()
