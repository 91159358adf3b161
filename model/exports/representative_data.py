"""Representative lines of a data set, which show int8 quantisation the ranges of activations."""

import numpy as np

from densenet_ocr.pipeline.dataset import read_first_lines
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError


def read_representative_data(folder: str, model: DatasetInfo, *, split: str, count: int) -> list[np.ndarray]:
    """Reads the first lines of a split.

    Args:
      folder: The data set.
      model: Description of the model's lines.
      split: Name of the split.
      count: Number of lines.

    Returns:
      The lines' grey levels, uint8 [H, W] each.

    Raises:
      UserError: the data set has lines of another height than the model.
    """
    info = load_dataset_info(folder)
    if info.geometry.height != model.geometry.height:
        raise UserError(
            f"image height of {folder}",
            received=info.geometry.height,
            expected=f"{model.geometry.height}, the model's",
            remedy="Give --calibration_data of the model's height.",
        )
    return [record.levels for record in read_first_lines(folder=folder, info=info, split=split, count=count)]
