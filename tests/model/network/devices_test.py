"""The session set-up. No GPU is here: TensorFlow's device calls are recorded, the CUDA driver is played."""

import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.model.network import devices
from densenet_ocr.model.network.precision import warn_if_slow
from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.errors import UserError

GPU = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")


class FakeDriver:
    """A CUDA driver with one GPU of 1000 MiB."""

    def __init__(self, status=0):
        self.status = status

    def cuInit(self, flags):
        return self.status

    def cuDeviceGet(self, device, number):
        return 0

    def cuDeviceTotalMem_v2(self, size, device):
        size._obj.value = 1000 * 2**20
        return 0


class DevicesTest(tf.test.TestCase):
    def set_up(self, settings, environment=None):
        """Runs the set-up with one GPU and returns the recorded calls by name."""
        calls = {}
        with (
            mock.patch.object(tf.config, "list_physical_devices", return_value=[GPU]),
            mock.patch.object(tf.config.experimental, "set_memory_growth") as calls["growth"],
            mock.patch.object(tf.config, "set_logical_device_configuration") as calls["limit"],
            mock.patch.object(tf.config.threading, "set_intra_op_parallelism_threads") as calls["intra"],
            mock.patch.object(tf.config.threading, "set_inter_op_parallelism_threads") as calls["inter"],
            mock.patch.object(devices.ctypes, "CDLL", return_value=FakeDriver()),
            mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "", **(environment or {})}),
        ):
            devices.set_up_devices(DeviceConfig(**settings))
        return calls

    def test_a_fraction_without_a_gpu_is_warned_of(self):
        with (
            mock.patch.object(tf.config, "list_physical_devices", return_value=[]),
            self.assertLogs(level="WARNING") as logs,
        ):
            devices.set_up_devices(DeviceConfig(gpu_memory_fraction=0.6))
        self.assertIn("--gpu_memory_fraction has no effect", "".join(logs.output))

    def test_16_bits_on_a_cpu_are_warned_of(self):
        with self.assertLogs(level="WARNING") as logs:
            warn_if_slow("float16")
        self.assertIn("--precision=float16", "".join(logs.output))
        with self.assertNoLogs(level="WARNING"):
            warn_if_slow("float32")

    def test_memory_grows_by_default(self):
        calls = self.set_up({})
        calls["growth"].assert_called_once_with(GPU, True)
        calls["limit"].assert_not_called()

    def test_a_fraction_is_a_hard_limit_without_growth(self):
        calls = self.set_up({"gpu_memory_fraction": 0.6})
        calls["growth"].assert_not_called()
        gpu, limits = calls["limit"].call_args.args
        self.assertEqual(gpu, GPU)
        self.assertEqual([limit.memory_limit for limit in limits], [600])

    def test_a_driver_that_fails_is_named(self):
        with (
            mock.patch.object(devices.ctypes, "CDLL", return_value=FakeDriver(status=100)),
            self.assertRaisesRegex(UserError, "GPU 0: received error 100 of the CUDA driver"),
        ):
            devices.total_memory(0)

    def test_threads_come_from_flags_before_the_environment(self):
        calls = self.set_up({"intra_op_threads": 3, "inter_op_threads": 2}, {"OMP_NUM_THREADS": "7"})
        calls["intra"].assert_called_once_with(3)
        calls["inter"].assert_called_once_with(2)

    def test_threads_come_from_omp_num_threads_as_in_the_notebook(self):
        calls = self.set_up({}, {"OMP_NUM_THREADS": "7"})
        calls["intra"].assert_called_once_with(7)
        calls["inter"].assert_not_called()

    def test_threads_are_left_alone_otherwise(self):
        self.set_up({})["intra"].assert_not_called()

    def test_an_unusable_omp_num_threads_is_refused(self):
        with self.assertRaisesRegex(UserError, "OMP_NUM_THREADS: received 'many', expected a whole number"):
            self.set_up({}, {"OMP_NUM_THREADS": "many"})


if __name__ == "__main__":
    tf.test.main()
