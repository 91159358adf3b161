"""How fast a data set's training input is, alone: what a training's step can wait for."""

import time

from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.dataset import training_input
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.ui.progress import Progress

# Until then buffers fill and tf.data finds out how much to do side by side.
WARM_UP_SECONDS = 3.0


def measure_input(
    *,
    folder: str,
    split: str,
    batch_size: int,
    seed: int,
    shuffle_buffer: int,
    augmentation: AugmentConfig,
    seconds: float = 10.0,
) -> dict:
    """Reads batches as a training does, and nothing else, for `seconds` after a warm-up.

    Returns {"split", "images", "seconds", "images_per_second"}.
    """
    batches = iter(
        training_input(
            folder=folder,
            info=load_dataset_info(folder),
            split=split,
            batch_size=batch_size,
            seed=seed,
            shuffle_buffer=shuffle_buffer,
            augmentation=augmentation,
            normalised=False,
        )
    )
    _read(batches, WARM_UP_SECONDS, "warm up")
    images, taken = _read(batches, seconds, f"read {split}")
    return {
        "split": split,
        "images": images,
        "seconds": round(taken, 2),
        "images_per_second": round(images / taken),
    }


def _read(batches, seconds: float, title: str) -> tuple[int, float]:
    """Images read, and the seconds that it took."""
    start, images, progress = time.monotonic(), 0, Progress(title, round(seconds), "seconds")
    while (taken := time.monotonic() - start) < seconds:
        images += int(sum(next(batches)[schema.WEIGHT].numpy()))
        progress.show(int(taken))
    progress.close(round(taken), f"{images:,} images")
    return images, taken
