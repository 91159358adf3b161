"""A worker of a training with a small network, as a process of its own: ocr-train's flags follow its name.

Of the environment, REPLICAS is the number of logical CPU devices, and SIGNAL_AT="STEP SIGNAL" sends this
process a signal after a step, from 1. SEED is a value of --seed.
"""

import contextlib
import os
import signal
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import tensorflow as tf

from densenet_ocr.model import train as binary
from tests.model.training.disturbance import after_step
from tests.samples import shallow_network


def disturb() -> contextlib.AbstractContextManager[None]:
    """Raises the signal of SIGNAL_AT, such as "4 SIGKILL", after that step."""
    if "SIGNAL_AT" not in os.environ:
        return contextlib.nullcontext()
    number, name = os.environ["SIGNAL_AT"].split()
    return after_step(int(number), lambda: signal.raise_signal(getattr(signal, name)))


if __name__ == "__main__":
    devices = [tf.config.LogicalDeviceConfiguration()] * int(os.environ.get("REPLICAS", "1"))
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    with shallow_network(), disturb():
        sys.argv[0] = "ocr-train"
        if "SEED" in os.environ:
            sys.argv.append(f"--seed={os.environ['SEED']}")
        binary.run()
