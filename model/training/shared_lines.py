"""Lines that are in training and in validation: a quick look at the start of a training, or a whole search."""

import itertools
from typing import Any

from absl import logging

from densenet_ocr.model.training.config import NO_VALIDATION, TrainConfig
from densenet_ocr.model.training.validation import choose_validation
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.mixtures.mixture import Mixture, load_mixture
from densenet_ocr.pipeline.mixtures.shared_lines import Comparison, Place, compare_splits
from densenet_ocr.pipeline.mixtures.sources import Data
from densenet_ocr.pipeline.ui.command import print_row
from densenet_ocr.pipeline.ui.tsv import join_cells

# Bytes read of each of the two splits at the start of a training: about a second, or ten from a slow disk.
LOOK_BYTES = 512 << 20

# Lines that a warning names.
FEW = 5

_REMEDY = "ocr-train --find_shared_lines lists all; convert one of the splits again without them"


def warn_of_shared_lines(config: TrainConfig, mixture: Mixture, cache: str | None = None) -> None:
    """Warns where lines of validation are in training; of much data, only the first lines are compared.

    Args:
      config: Configuration, with the split that is validated on.
      mixture: The data sets.
      cache: Local folder for copies of remote shards. Without it, data behind URLs are not read for this.
    """
    training, validation = config.train_split, config.validation_split
    if validation is None:
        return
    if training == validation:
        logging.warning(
            "validation: split %r is trained on, so its scores are not those of unseen lines", training
        )
    elif any(storage.is_url(part.folder) for part in mixture.parts) and not cache:
        logging.info("lines of training and validation are not compared: --data is a URL, without --cache")
    else:
        found = compare_splits(mixture, training, validation, most_bytes=LOOK_BYTES, cache=cache)
        _log(found, training, validation)


def find_shared_lines(data: Data, config: TrainConfig, cache: str | None = None) -> dict[str, Any]:
    """Compares all lines of training and validation; prints those that are in both, one row for each.

    A row has data set, split and key of a line of validation, then those of the first such line of training.

    Args:
      data: Folder of the data set, or the data sets of a mixture.
      config: Configuration with the splits.
      cache: Local folder for copies of remote shards, see training_input.

    Returns:
      {"train_split", "train_lines", "validation_split", "validation_lines", "shared_lines"}.

    Raises:
      UserError: there is nothing to compare, or a shard is missing or damaged.
    """
    mixture, training = load_mixture(data), config.train_split
    mixture.check_split(training)
    validation = choose_validation(config.validation_split, mixture)
    if validation in (None, training):
        raise UserError(
            "validation_split",
            received=validation or NO_VALIDATION,
            expected=f"another split than {training!r}",
            remedy="Set --validation_split.",
        )
    found = compare_splits(mixture, training, validation, cache=cache)
    for places in found.shared:
        print_row(join_cells(itertools.chain(*places)))
    return {
        "train_split": training,
        "train_lines": found.training_lines,
        "validation_split": validation,
        "validation_lines": found.validation_lines,
        "shared_lines": len(found.shared),
    }


def _log(found: Comparison, training: str, validation: str) -> None:
    part = "" if found.is_complete else "the first "
    compared = (
        f"compared {part}{found.training_lines:,} lines of {training!r} with "
        f"{part}{found.validation_lines:,} of {validation!r}"
    )
    if not found.shared:
        logging.info("%s: no shared lines", compared)
        return
    pairs = [f"{_format(one)} = {_format(other)}" for one, other in found.shared[:FEW]]
    more = [f"{len(found.shared) - FEW:,} more"] if len(found.shared) > FEW else []
    logging.warning(
        "%s: %d in both, so scores are too good: %s; %s",
        compared,
        len(found.shared),
        ", ".join(pairs + more),
        _REMEDY,
    )


def _format(place: Place) -> str:
    return f"{place.key} of {place.split!r} in {place.folder}"
