"""What happens to a training in the middle, and the weights that it leaves."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from unittest import mock

import h5py
import numpy as np

from densenet_ocr.model.training import trainer
from densenet_ocr.model.training.step import make_step


class Lost(BaseException):
    """Stands for a signal that ends the process."""


@contextlib.contextmanager
def after_step(step: int, happens: Callable[[], object]) -> Iterator[None]:
    """Within the block, something happens after a step of this process's trainings, from 1; 0 for never."""

    def make_disturbed_step(*args):
        undisturbed, steps = make_step(*args), itertools.count(1)

        def disturbed(batch):
            loss = undisturbed(batch)
            if next(steps) == step:
                happens()
            return loss

        return disturbed

    with mock.patch.object(trainer, "make_step", make_disturbed_step):
        yield


def read_weights(path: str) -> dict[str, np.ndarray]:
    """Returns the arrays of a weights file."""
    arrays: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if hasattr(item, "shape") else None)
    return arrays
