"""A worker of a training with a small network, as a process of its own: ocr-train's flags follow its name.

Of the environment, REPLICAS is the number of logical CPU devices, and SIGNAL_AT="STEP SIGNAL" sends this
process a signal after a step, from 1. SEED is a value of --seed.
"""

import itertools
import os
import signal
import sys
from unittest import mock

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import tensorflow as tf

from densenet_ocr.model import train as binary
from densenet_ocr.model.training import trainer
from densenet_ocr.model.training.step import make_step
from tests.samples import shallow_network


def make_disturbed_step(*args):
    """The step, with the signal after one of them."""
    step, count = make_step(*args), itertools.count(1)
    number, name = os.environ["SIGNAL_AT"].split()

    def disturbed(batch):
        loss = step(batch)
        if next(count) == int(number):
            signal.raise_signal(getattr(signal, name))
        return loss

    return disturbed


if __name__ == "__main__":
    devices = [tf.config.LogicalDeviceConfiguration()] * int(os.environ.get("REPLICAS", "1"))
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    step = make_disturbed_step if "SIGNAL_AT" in os.environ else make_step
    with shallow_network(), mock.patch.object(trainer, "make_step", step):
        sys.argv[0] = "ocr-train"
        if "SEED" in os.environ:
            sys.argv.append(f"--seed={os.environ['SEED']}")
        binary.run()
