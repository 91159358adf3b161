"""Lines of a data set that an export is calibrated on."""

import numpy as np

from densenet_ocr.pipeline.dataset import read_first_lines
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError


def read_calibration(folder: str, model: DatasetInfo, *, split: str, count: int) -> list[np.ndarray]:
    """The first lines of a split, uint8 [H, W]; raises UserError where the model reads another height."""
    info = load_dataset_info(folder)
    if info.geometry.height != model.geometry.height:
        raise UserError(
            f"image height of {folder}",
            received=info.geometry.height,
            expected=f"{model.geometry.height}, the model's",
            remedy="Give --calibration_data of the model's height.",
        )
    return [record.levels for record in read_first_lines(folder=folder, info=info, split=split, count=count)]
