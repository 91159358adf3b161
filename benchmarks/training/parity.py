"""Whether our training and the notebook's do the same work: the same network on the same lines."""

import os

import numpy as np

from benchmarks.conversion.plain_conversion import Task
from benchmarks.training import notebook, our_training
from densenet_ocr.model.network.ctc import ctc_loss
from densenet_ocr.model.network.densenet import call_densenet, count_parameters
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.graph.images import normalise

PARAMETERS = (4_896_742, 7_488)  # with 5990 classes: all, and those that do not train

# K.ctc_batch_cost adds 1e-7 to each probability, which at first changes a loss by 2e-5 of it (measured).
TOLERANCE = 0.001


def check(task: Task, data: str, batch_size: int) -> None:
    """Raises RuntimeError where sizes, pixels, labels or losses of the two differ, or a loss is not finite."""
    parts = our_training.build(data, batch_size)
    network = notebook.build_network(parts.model.output_shape[-1])
    counts = count_parameters(parts.model), notebook.count_parameters(network)
    _require(counts == (PARAMETERS, PARAMETERS), f"parameters: expected {PARAMETERS}, ours and theirs {counts}")
    network.set_weights(parts.model.get_weights())
    batch = next(parts.batches)
    inputs = _read_as_notebook(task, batch)
    pixels = inputs["the_input"].astype(np.float32)
    _require(np.array_equal(pixels, normalise(batch[schema.IMAGE])), "they read other pixels")
    _require(np.array_equal(inputs["the_labels"], batch[schema.LABEL]), "they read other labels")
    ours, theirs = _our_losses(parts.model, batch), notebook.add_ctc(network).predict_on_batch(inputs)[:, 0]
    _require(np.isfinite(ours).all() and np.isfinite(theirs).all(), f"losses: ours {ours}, theirs {theirs}")
    worst = np.max(np.abs(ours / theirs - 1))
    _require(worst <= TOLERANCE, f"with the same weights their losses differ by up to {worst:.1%}")


def _read_as_notebook(task: Task, batch: dict) -> dict[str, np.ndarray]:
    keys = [key.decode() for key in batch[schema.KEY].numpy()]
    inputs = notebook.make_inputs(len(keys))
    paths = np.array([os.path.join(task.image_root, key) for key in keys])
    notebook.fill_inputs(inputs, paths, notebook.read_list(task.list_path, task.image_root))
    return inputs


def _our_losses(model, batch: dict) -> np.ndarray:
    losses = ctc_loss(
        logits=call_densenet(model, batch, training=False),
        frames=batch[schema.FRAMES],
        label=batch[schema.LABEL],
        label_length=batch[schema.LABEL_LENGTH],
    )
    return losses.numpy()


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(f"not the same work: {otherwise}")
