"""Two logical CPU devices in every test process, set before TensorFlow's first operation, to test replicas."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.pop("OMP_NUM_THREADS", None)  # a training would set threads by it, too late in this process
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the tests assert what a CPU computes

import tensorflow as tf
from absl import flags, logging

flags.FLAGS.mark_as_parsed()  # absl's temporary folders hang on a flag
# As commands do. Where nobody has set it, saving a SavedModel leaves it at WARNING for the rest of the process.
logging.set_verbosity(logging.INFO)
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # of this process alone, and gone with it
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
