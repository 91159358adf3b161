"""Weights files of every kind are read."""

import os
import shutil

import h5py
import keras
import numpy as np
import tensorflow as tf

from densenet_ocr.model.network.densenet import layers_with_weights
from densenet_ocr.model.training.weights import load_model, read_weights
from tests.model.training.transfer.transfer_case import OLD, make_run
from tests.samples import shallow_network


class OptimizerSlotsTest(tf.test.TestCase):
    """Runs of version 0.1 have weights files with the slots of Adam."""

    def test_a_file_with_optimizer_slots_loads(self):
        self.enterContext(shallow_network())
        run = make_run(self.create_tempdir().full_path)
        path = os.path.join(run, "weights", "best.weights.h5")
        expected = load_model(run)[0]
        expected.compile(optimizer=keras.optimizers.Adam())
        expected.optimizer.build(expected.trainable_variables)
        expected.save_weights(path)
        with h5py.File(path) as file:
            self.assertGreater(len(file["optimizer/vars"]), len(expected.trainable_variables))
        for weights in (
            load_model(run)[0].get_weights(),
            load_model(run, shutil.copy(path, run))[0].get_weights(),
            [array for layer in read_weights(path, data=OLD).layers for array in layer],
        ):
            for ours, theirs in zip(weights, list_weights(expected), strict=True):
                self.assertEqual(ours.tobytes(), theirs.tobytes())


def list_weights(model: keras.Model) -> list[np.ndarray]:
    return [array for layer in layers_with_weights(model) for array in layer.get_weights()]


if __name__ == "__main__":
    tf.test.main()
