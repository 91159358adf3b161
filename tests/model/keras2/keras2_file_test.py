"""Every layout of Keras 2 is read; files that are damaged, or of another kind, are refused."""

import os

import h5py
import numpy as np
import tensorflow as tf
import tf_keras
from absl.testing import parameterized

from benchmarks.reading.keras2_weights import draw_lines, draw_weights, find_logits
from benchmarks.training import notebook
from densenet_ocr.model.keras2.file import is_keras2_file
from densenet_ocr.model.keras2.weights import load_keras2_model, read_keras2_layers
from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.pipeline import storage
from tests.messages import user_error
from tests.model.keras2.keras2_case import Keras2Case, shallow, write_keras2
from tests.samples import CHARSET


def lay_out(path: str) -> h5py.VirtualLayout:
    """A virtual array of eight numbers in another file."""
    layout = h5py.VirtualLayout((8,), "f4")
    layout[:] = h5py.VirtualSource(path, "kernel", shape=(8,))
    return layout


class LayoutsTest(parameterized.TestCase, Keras2Case):
    @parameterized.named_parameters(
        ("bytes", {}),
        ("text", {"encode": str}),
        ("names in parts", {"names_in_a_part": 5}),
        ("a whole model's", {"group": "model_weights"}),
        ("a whole model's names in parts", {"group": "model_weights", "names_in_a_part": 7, "encode": str}),
    )
    def test_reads(self, layout):
        read = read_keras2_layers(write_keras2(self.path, self.layers, **layout))
        self.assertTrue(is_keras2_file(self.path))
        for arrays, (_, expected) in zip(read, self.layers, strict=True):
            for array, stored in zip(arrays, expected.values(), strict=True):
                self.assertAllEqual(array, stored)
                self.assertEqual(array.dtype, np.float32)

    def test_variables_are_taken_by_name(self):
        layers = [(name, dict(reversed(arrays.items()))) for name, arrays in self.layers]
        read = read_keras2_layers(write_keras2(self.path, layers))
        self.assertAllEqual(read[1][0], layers[1][1]["gamma"])
        self.assertAllEqual(read[-1][1], layers[-1][1]["bias"])

    @parameterized.parameters(False, True)
    def test_a_model_as_a_layer_of_another_one(self, whole):
        # As multi_gpu_model has it: what trains stands first, layer by layer, the statistics behind.
        with shallow():
            network, line = notebook.build_network(14), tf_keras.Input((32, None, 1))
            draw_weights(network, seed=2)
            outer = tf_keras.Model(line, network(line))
            outer.save(self.path) if whole else outer.save_weights(self.path)
        ours, _ = load_keras2_model(self.path, charset=CHARSET, height=32)
        self.assertAllClose(
            ours(draw_lines(32, 61), training=False),
            find_logits(network, draw_lines(32, 61)),
            rtol=0,
            atol=1e-4,
        )

    def test_the_variables_of_a_layer_may_have_owners_of_other_names(self):
        layers = self.change(2, **{"again/bias": self.layers[2][1]["bias"], "bias": None})
        kernel, bias = read_keras2_layers(write_keras2(self.path, layers))[2]
        self.assertAllEqual(kernel, self.layers[2][1]["kernel"])
        self.assertAllEqual(bias, self.layers[2][1]["bias"])

    def test_a_runs_own_weights_are_not_old_ones(self):
        build_densenet(height=32, classes=3).save_weights(path := self.path.replace(".h5", ".weights.h5"))
        self.assertFalse(is_keras2_file(path))
        self.assertFalse(is_keras2_file(path + "-missing"))


class DamagedTest(parameterized.TestCase, Keras2Case):
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
        self.assertFalse(is_keras2_file(self.path))
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

    def test_weights_in_a_run_name_the_run_and_the_flags(self):
        path = os.path.join(self.folder, "weights", "a.weights.h5")
        os.makedirs(os.path.dirname(path))
        build_densenet(height=32, classes=3).save_weights(path)
        storage.write_atomically(os.path.join(self.folder, "config.json"), b"{}")
        with user_error(f"weights {path}", f"--model={self.folder} --checkpoint=a.weights.h5"):
            read_keras2_layers(path)

    @parameterized.parameters(("theano", "2.0.8"), ("tensorflow", "1.2.2"))
    def test_kernels_that_lie_otherwise(self, backend, version):
        self.refuse(
            f"received a file of Keras {version} on {backend}, expected one of Keras 2 on TensorFlow",
            backend=backend.encode(),
            keras_version=version.encode(),
        )

    def test_another_kind_of_layer(self):
        recurrent = ("lstm_1", {"recurrent_kernel": np.ones([5, 5])})
        self.refuse(
            "received a layer lstm_1 with a variable lstm_1/recurrent_kernel:0", [*self.layers, recurrent]
        )

    def test_a_variable_that_occurs_twice(self):
        twice = {"kernel": np.ones([2]), "kernel_1": np.ones([2])}
        self.refuse("received a layer two with a second two/kernel_1:0", [*self.layers, ("two", twice)])

    def test_an_array_that_lies_in_another_file(self):
        other = os.path.join(self.folder, "secret.h5")
        with open(other, "wb") as secret:
            secret.write(bytes(32))
        name = f"{self.layers[2][0]}/{self.layers[2][0]}/bias:0"
        links = [
            lambda file: file.create_dataset(name, [8], "f4", external=[(other, 0, h5py.h5f.UNLIMITED)]),
            lambda file: file.create_virtual_dataset(name, lay_out(other)),
        ]
        for link in links:
            write_keras2(self.path, self.layers)
            with h5py.File(self.path, "a") as file:
                del file[name]
                link(file)
            self.refuse("damaged file .* lies in another file")

    def test_an_array_that_would_fill_the_memory(self):
        name = f"{self.layers[2][0]}/{self.layers[2][0]}/bias:0"
        write_keras2(self.path, self.layers)
        with h5py.File(self.path, "a") as file:
            del file[name]
            file.create_dataset(name, [10**10], "f4", chunks=(1024,))
        self.refuse("damaged file .* would have 40000000000 bytes, more than the file can hold")

    def test_whole_numbers(self):
        self.refuse("damaged file .*bias:0 has numbers of type int64", self.change(2, bias=np.ones([8], int)))


if __name__ == "__main__":
    tf.test.main()
