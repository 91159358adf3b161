"""Measures the throughput of the training input alone: an upper bound for training."""

import time
from collections.abc import Iterator
from typing import Any

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.mixtures.mixed_input import mixed_input
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.sources import Data
from densenet_ocr.pipeline.tfrecord.shards import reading_errors
from densenet_ocr.pipeline.ui.progress import Progress

# Meanwhile buffers fill and tf.data tunes its parallelism.
WARM_UP_SECONDS = 3.0


def measure_input(
    *,
    data: Data,
    split: str,
    batch_size: int,
    seed: int,
    shuffle_buffer: int,
    augmentation: AugmentConfig,
    seconds: float = 10.0,
    cache: str | None = None,
) -> dict[str, Any]:
    """Reads batches as training does, without a model.

    Args:
      data: Folder of the data set, or the data sets of a mixture.
      split: Name of the split.
      batch_size: Lines of a batch.
      seed: Seed of the shuffle and of the augmentation.
      shuffle_buffer: Records that are shuffled in memory.
      augmentation: Operations, their probability and strength.
      seconds: Duration after a warm-up of WARM_UP_SECONDS.
      cache: Local folder for copies of remote shards, see training_input.

    Returns:
      {"split", "images", "seconds", "images_per_second"}.
    """
    batches = iter(
        mixed_input(
            mixture=load_mixture(data),
            split=split,
            batch_size=batch_size,
            seed=seed,
            shuffle_buffer=shuffle_buffer,
            augmentation=augmentation,
            normalised=False,
            cache=cache,
        )
    )
    with reading_errors():
        _read(batches, WARM_UP_SECONDS, "warm up")
        images, taken = _read(batches, seconds, f"read {split}")
    return {
        "split": split,
        "images": images,
        "seconds": round(taken, 2),
        "images_per_second": round(images / taken),
    }


def _read(batches: Iterator[dict[str, Any]], seconds: float, title: str) -> tuple[int, float]:
    """Reads batches for `seconds`; returns the number of images and the exact time."""
    start, images, progress = time.monotonic(), 0, Progress(title, round(seconds), "seconds")
    while (taken := time.monotonic() - start) < seconds:
        images += int(sum(next(batches)[schema.WEIGHT].numpy()))
        progress.show(int(taken))
    progress.close(round(taken), f"{images:,} images")
    return images, taken
