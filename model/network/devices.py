"""Devices: GPU memory and threads of TensorFlow."""

import ctypes
import functools
import os

import tensorflow as tf
from absl import logging

from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.errors import UserError


def set_up_devices(devices: DeviceConfig | None = None) -> None:
    """Sets GPU memory and threads, by default as DeviceConfig does; not after TensorFlow's first operation."""
    devices = devices or DeviceConfig()
    _set_threads(devices)
    gpus = tf.config.list_physical_devices("GPU")
    for number, gpu in enumerate(gpus):
        if devices.gpu_memory_fraction is None:
            tf.config.experimental.set_memory_growth(gpu, True)
        else:
            _limit_memory(gpu, number, devices.gpu_memory_fraction)
    if devices.gpu_memory_fraction is not None and not gpus:
        logging.warning("--gpu_memory_fraction has no effect: TensorFlow finds no GPU, and computes on the CPU")
    logging.info("devices: %d GPUs, %s", len(gpus), devices)


def _set_threads(devices: DeviceConfig) -> None:
    intra = devices.intra_op_threads or _read_omp_num_threads()
    if intra:
        tf.config.threading.set_intra_op_parallelism_threads(intra)
    if devices.inter_op_threads:
        tf.config.threading.set_inter_op_parallelism_threads(devices.inter_op_threads)


def _read_omp_num_threads() -> int:
    value = os.environ.get("OMP_NUM_THREADS", "")
    if not value:
        return 0
    if not value.isdigit() or int(value) < 1:
        raise UserError(
            "environment variable OMP_NUM_THREADS",
            received=repr(value),
            expected="a whole number of threads",
            remedy="Unset it, or set --intra_op_threads.",
        )
    return int(value)


@functools.cache
def has_wide_vectors() -> bool:
    """Returns whether this CPU has AVX-512, for which some operations have another layout."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return "avx512f" in file.read()
    except OSError:
        return False


def _limit_memory(gpu: tf.config.PhysicalDevice, number: int, fraction: float) -> None:
    limit = tf.config.LogicalDeviceConfiguration(memory_limit=int(total_memory(number) * fraction / 2**20))
    tf.config.set_logical_device_configuration(gpu, [limit])


def total_memory(number: int) -> int:
    """Returns the bytes of memory of a GPU.

    TensorFlow knows them only when the device runs, which is too late to set a share. The CUDA driver that
    TensorFlow loads (cuDeviceTotalMem) knows them at any time.

    Args:
      number: CUDA ordinal of the GPU, which is TensorFlow's order too.

    Raises:
      UserError: the driver returns an error.
    """
    driver, device, size = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_size_t()
    for status in (
        driver.cuInit(0),
        driver.cuDeviceGet(ctypes.byref(device), number),
        driver.cuDeviceTotalMem_v2(ctypes.byref(size), device),
    ):
        if status:
            raise UserError(
                f"GPU {number}",
                received=f"error {status} of the CUDA driver when its memory was queried",
                expected="the size of its memory",
                remedy="Check nvidia-smi, or leave --gpu_memory_fraction out.",
            )
    return size.value
