"""Compares our network with the notebook's, both with the weights of one file that Keras 2 (tf-keras) wrote.

    python -m benchmarks.reading.keras2_weights

For each size of charset and each height: the notebook's network gets weights at random, batch norm's statistics
too; its training model's weights are saved and read by model.keras2.weights; both read noise, 280 wide.
Standard output ends with one JSON object: the largest difference of logits, and of our log-softmax from the
logarithm of the notebook's softmax, each over all charsets and heights.
"""

import itertools
import os
import tempfile

import numpy as np
import tf_keras
from absl import flags

from benchmarks.training import notebook
from densenet_ocr.model.keras2.weights import load_keras2_model
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.ui import command

_CLASSES = flags.DEFINE_list("classes", ["11", "1001", "5990"], "Sizes of the last layer.")
_HEIGHTS = flags.DEFINE_list("heights", ["32", "48"], "Heights of the lines.")

FIRST = 0x4E00  # the first of the characters of any charset here


def main() -> None:
    """Measures each pair of sizes, prints a table and the result."""
    largest = np.zeros(2)
    print("classes  height  |logits| up to  logits differ by  log-softmax by", flush=True)
    for classes, height in itertools.product(map(int, _CLASSES.value), map(int, _HEIGHTS.value)):
        size, *differences = compare(classes, height)
        print(f"{classes:7}  {height:6}  {size:14.2f}  {differences[0]:16.2g}  {differences[1]:14.2g}")
        largest = np.maximum(largest, differences)
    command.print_result(dict(zip(("logits", "log_softmax"), map(float, largest), strict=True)))


def compare(classes: int, height: int) -> tuple[float, float, float]:
    """The largest of the notebook's logits, and the largest differences of logits and of log-softmax."""
    tf_keras.utils.set_random_seed(0)
    network, charset = notebook.build_network(classes, height), draw_charset(classes)
    draw_weights(network, seed=classes + height)
    with tempfile.TemporaryDirectory() as folder:
        notebook.add_ctc(network).save_weights(path := os.path.join(folder, "old.h5"))
        ours, _ = load_keras2_model(path, charset=charset, height=height)
    lines = draw_lines(height)
    logits, probabilities = ours(lines, training=False).numpy(), network(lines, training=False).numpy()
    expected = find_logits(network, lines)
    log_softmax = logits - np.logaddexp.reduce(logits.astype(np.float64), axis=-1, keepdims=True)
    return (
        np.abs(expected).max(),
        np.abs(logits - expected).max(),
        np.abs(log_softmax - np.log(probabilities)).max(),
    )


def draw_charset(classes: int) -> Charset:
    """A charset of so many classes, the blank's included."""
    return Charset("".join(map(chr, range(FIRST, FIRST + classes - 1))))


def draw_weights(network: tf_keras.Model, *, seed: int) -> None:
    """Gives a network of initial weights biases and statistics as a training might leave them."""
    random = np.random.default_rng(seed)
    for variable in network.variables:
        if "gamma" in variable.name or "moving_variance" in variable.name:
            variable.assign(random.uniform(0.5, 2, variable.shape))
        elif len(variable.shape) == 1:
            variable.assign(random.normal(0, 0.3, variable.shape))


def draw_lines(height: int, width: int = notebook.WIDTH) -> np.ndarray:
    """Two lines of noise, float32 [2, height, width, 1], normalised."""
    return np.random.default_rng(1).uniform(-0.5, 0.5, (2, height, width, 1)).astype(np.float32)


def find_logits(network: tf_keras.Model, lines: np.ndarray) -> np.ndarray:
    """What the notebook's network takes its softmax of; the network gives these from here on."""
    network.layers[-1].activation = tf_keras.activations.linear
    return network(lines, training=False).numpy()


if __name__ == "__main__":
    command.run(main)
