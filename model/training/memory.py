"""Memory of a training step, estimated before the first one, and the memory that there is."""

import contextlib
import re

import tensorflow as tf
from absl import logging

from densenet_ocr.model.network.devices import total_memory
from densenet_ocr.model.training.config import DeviceConfig, TrainConfig
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage import describe_size

# Bytes of a training step for each pixel of its batch: activations, which are kept for the gradients. Measured
# on a CPU with TensorFlow 2.16: the first step took 429 MiB more than the loaded network with a batch of 8
# lines of 32x280, 1,055 MiB with 32, and 1,818 MiB with 64. 11 classes in place of 5990 took 149 MiB less. With
# a frame stride of 4, each line more took 1.15 times as much (16 and 48 lines, 5990 classes).
BYTES_PER_PIXEL = {8: 2900, 4: 3300}

# Bytes for each logit of a second head: itself, its probability and its gradient.
_BYTES_PER_LOGIT = 12

# A batch is refused beyond this many times the memory: the estimate is measured on a CPU, not on a GPU.
_SURE_ON_CPU, _SURE_ON_GPU = 1.25, 2.0

# Limits of the container: cgroup v2 and v1.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_memory(
    config: TrainConfig,
    devices: DeviceConfig,
    strategy: tf.distribute.Strategy,
    info: DatasetInfo,
    *,
    processes: int = 1,
) -> None:
    """Checks that a batch, or the share of each of several processes, fits into memory.

    Raises:
      UserError: it surely does not. One that may not fit is warned of.
    """
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    replicas = strategy.num_replicas_in_sync if on_gpu else processes  # those on CPUs share the memory
    memory = _read_gpu_memory(devices) if on_gpu else read_available_memory()
    need = estimate_memory(config, info) // replicas
    if memory is None or need <= memory:
        return
    fits = max(1, int(config.batch_size * memory / need) // strategy.num_replicas_in_sync)
    remedy = f"Set --batch_size={fits * strategy.num_replicas_in_sync} or less."
    subject, place = f"batch_size {config.batch_size}", "per GPU" if on_gpu and replicas > 1 else "in memory"
    if need > memory * (_SURE_ON_GPU if on_gpu else _SURE_ON_CPU):
        raise UserError(
            subject,
            received=f"a batch that takes about {describe_size(need)} {place}",
            expected=f"at most the {describe_size(memory)} that are available",
            remedy=remedy,
        )
    logging.warning(
        "%s takes about %s %s, where %s are there; if training is killed: %s",
        subject,
        describe_size(need),
        place,
        describe_size(memory),
        remedy,
    )


def refuse_out_of_memory(config: TrainConfig, error: tf.errors.ResourceExhaustedError) -> UserError:
    """Returns an error about a step that ran out of memory."""
    return UserError(
        f"batch_size {config.batch_size}",
        received=f"a step that runs out of memory ({error.message.splitlines()[0]})",
        expected="a batch that fits into the memory of the device",
        remedy="Set a smaller --batch_size, which needs another --run, or free memory and resume.",
    )


def estimate_memory(config: TrainConfig, info: DatasetInfo) -> int:
    """Returns about how many bytes a training step takes besides the network, over all replicas."""
    width = float(info.geometry.width)
    if not width:  # batches have about as many pixels as batch_size lines of the mean width
        counts = info.find_split(config.train_split).statistics["widths"]
        width = sum(int(width) * count for width, count in counts.items()) / max(1, sum(counts.values()))
    # 16 bits take half at best; on a CPU bfloat16 took three quarters.
    bytes_per_pixel = BYTES_PER_PIXEL[info.geometry.frame_stride] // (1 if config.precision == "float32" else 2)
    size = config.batch_size * info.geometry.height * width * bytes_per_pixel
    if config.second_head:
        frames = width / info.geometry.frame_stride
        size += config.batch_size * frames * info.charset.classes * _BYTES_PER_LOGIT
    return round(size)


def read_available_memory() -> int | None:
    """Returns the bytes of memory that this process can get, swap included; None if they are not known."""
    found = []
    with contextlib.suppress(OSError, KeyError), open("/proc/meminfo", encoding="ascii") as file:
        sizes = dict(re.findall(r"^(\w+): +(\d+) kB", file.read(), re.MULTILINE))
        found.append(1024 * (int(sizes["MemAvailable"]) + int(sizes["SwapFree"])))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            found.append(int(file.read()))  # cgroup v2 says "max" where there is none
    return min(found, default=None)


def _read_gpu_memory(devices: DeviceConfig) -> int | None:
    """Bytes of the first GPU that the training may use; None if the driver does not say."""
    try:
        return int(total_memory(0) * (devices.gpu_memory_fraction or 1))
    except (OSError, UserError):
        return None
