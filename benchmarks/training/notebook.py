"""The yardstick of the speeds of training, input and reading: the notebook's own path, on tf-keras 2.16.

Rebuilt from the description of densenet-ocr.ipynb (2018): a Python generator decodes the files of a batch, one
after the other, into an array of float64; the DenseNet ends in a softmax over each frame; a Lambda layer makes
K.ctc_batch_cost the output, which compile takes as the loss; Adam() and fit train it. Left out is
what no step needs: validation, the callbacks that end an epoch, and the progress bar.
"""

import os
import time
from collections.abc import Iterator

import numpy as np
import PIL.Image
import tf_keras
from tf_keras import backend, layers

from densenet_ocr.model.network.devices import set_up_devices
from densenet_ocr.model.training.config import DeviceConfig

HEIGHT, WIDTH, STRIDE = 32, 280, 8
MAX_LABEL_LENGTH = 10
NO_LABEL = 10_000  # what the notebook fills labels up with

# The sizes of the notebook's densenet.py. They stand here again so that an error in model/densenet.py shows.
BLOCKS, LAYERS_PER_BLOCK, GROWTH = 3, 8, 8
STEM_FILTERS, TRANSITION_FILTERS = 64, 128
DROPOUT, WEIGHT_DECAY, EPSILON = 0.2, 1e-4, 1.1e-5


class UniformOrder:
    """The notebook's random_uniform_num: the numbers below `total` in random order, pass after pass."""

    def __init__(self, total: int):
        self._total, self._left = total, np.random.permutation(total)

    def take(self, count: int) -> np.ndarray:
        """The next numbers, int [count]; they may span two passes."""
        while len(self._left) < count:
            self._left = np.concatenate([self._left, np.random.permutation(self._total)])
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def read_list(list_path: str, image_root: str) -> dict[str, list[str]]:
    """The ids of each path of a list, as the notebook's readtrainfile has them: a path's last row counts."""
    with open(list_path, encoding="utf-8") as file:
        rows = [row.split() for row in file]
    return {os.path.join(image_root, name): ids for name, *ids in rows}


def generate_batches(list_path: str, image_root: str, batch_size: int) -> Iterator[tuple[dict, dict]]:
    """The notebook's gen3: endless (inputs, outputs) for fit; the same arrays again and again, as there."""
    labels = read_list(list_path, image_root)
    paths, order = np.array(list(labels)), UniformOrder(len(labels))
    inputs = make_inputs(batch_size)
    while True:
        fill_inputs(inputs, paths[order.take(batch_size)], labels)
        yield inputs, {"ctc": np.zeros([batch_size])}


def make_inputs(batch_size: int) -> dict[str, np.ndarray]:
    """Empty arrays of a batch, all float64: lines [B, 32, 280, 1], labels [B, 10], both lengths [B, 1]."""
    return {
        "the_input": np.zeros([batch_size, HEIGHT, WIDTH, 1]),
        "the_labels": np.ones([batch_size, MAX_LABEL_LENGTH]) * NO_LABEL,
        "input_length": np.zeros([batch_size, 1]),
        "label_length": np.zeros([batch_size, 1]),
    }


def fill_inputs(inputs: dict[str, np.ndarray], paths: np.ndarray, labels: dict[str, list[str]]) -> None:
    """Reads a batch's files into its arrays; id 1 is class 0, for TensorFlow's blank is the last class."""
    for row, path in enumerate(paths):
        levels = PIL.Image.open(path).convert("L")
        inputs["the_input"][row] = np.expand_dims(np.array(levels, "f") / 255.0 - 0.5, axis=2)
        ids = labels[path]
        inputs["the_labels"][row, : len(ids)] = [int(number) - 1 for number in ids]
        inputs["input_length"][row] = WIDTH // STRIDE
        inputs["label_length"][row] = len(ids)


class StepClock(tf_keras.callbacks.Callback):
    """Notes when each step ended, in seconds, and the mean loss of the steps so far, which fit has fetched."""

    def __init__(self):
        super().__init__()
        self.ends, self.losses = [], []

    def on_train_batch_end(self, batch, logs=None):
        """Called by fit after each step."""
        self.ends.append(time.monotonic())
        self.losses.append(float(logs["loss"]))


def train(list_path: str, image_root: str, *, classes: int, batch_size: int, steps: int) -> StepClock:
    """Trains a new network for some steps, fed by its own generator; returns the times and losses."""
    set_up_devices(DeviceConfig())  # threads by OMP_NUM_THREADS, as the notebook's session has them
    model, clock = add_ctc(build_network(classes)), StepClock()
    compile_model(model)
    batches = generate_batches(list_path, image_root, batch_size)
    model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[clock])
    return clock


def build_network(classes: int, height: int = HEIGHT) -> tf_keras.Model:
    """The DenseNet: float32 lines [B, height, W, 1] -> each frame's probabilities [B, W // 8, classes]."""
    inputs = layers.Input((height, None, 1), name="the_input")
    x = _convolve(STEM_FILTERS, 5, strides=2, use_bias=False, kernel_regularizer=_decay())(inputs)
    for block in range(BLOCKS):
        if block:
            x = _convolve(TRANSITION_FILTERS, 1, use_bias=False, kernel_regularizer=_decay())(_activate(x))
            x = layers.AveragePooling2D(2, 2)(layers.Dropout(DROPOUT)(x))
        for _ in range(LAYERS_PER_BLOCK):
            x = layers.Concatenate()([x, _convolve(GROWTH, 3)(_activate(x))])
    x = layers.Permute((2, 1, 3))(_activate(x))  # [B, frames, rows, channels]
    x = layers.TimeDistributed(layers.Flatten())(x)
    return tf_keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def read_texts(network: tf_keras.Model, paths: list[str], characters: str, batch_size: int = 64) -> list[str]:
    """Reads files as the notebook's predict does: batch by batch, then frame by frame in Python."""
    texts = []
    for start in range(0, len(paths), batch_size):
        probabilities = network.predict(read_pixels(paths[start : start + batch_size]), verbose=0)
        texts += [_merge_frames(frames, characters) for frames in probabilities.argmax(axis=2)]
    return texts


def read_pixels(paths: list[str]) -> np.ndarray:
    """The files' lines, float64 [B, 32, 280, 1]."""
    pixels = np.zeros([len(paths), HEIGHT, WIDTH, 1])
    for row, path in enumerate(paths):
        levels = PIL.Image.open(path).convert("L")
        pixels[row] = np.expand_dims(np.array(levels, "f") / 255.0 - 0.5, axis=2)
    return pixels


def _merge_frames(frames: np.ndarray, characters: str) -> str:
    text, before = [], None
    for number in frames:
        if number != before and number < len(characters):
            text.append(characters[number])
        before = number
    return "".join(text)


def add_ctc(network: tf_keras.Model) -> tf_keras.Model:
    """The model of gen3's four inputs whose output is each line's CTC loss [B, 1]."""
    labels = layers.Input([MAX_LABEL_LENGTH], name="the_labels", dtype="float32")
    lengths = [layers.Input([1], name=name, dtype="int64") for name in ("input_length", "label_length")]
    cost = layers.Lambda(_cost, output_shape=(1,), name="ctc")([network.output, labels, *lengths])
    return tf_keras.Model([network.input, labels, *lengths], cost)


def compile_model(model: tf_keras.Model) -> None:
    """As the notebook compiles what `add_ctc` made; its accuracy is the share of losses that round to 0."""
    loss = {"ctc": lambda y_true, y_pred: y_pred}
    model.compile(loss=loss, optimizer=tf_keras.optimizers.Adam(), metrics=["accuracy"])


def count_parameters(model: tf_keras.Model) -> tuple[int, int]:
    """(all parameters, those that do not train)."""
    return model.count_params(), sum(int(np.prod(v.shape)) for v in model.non_trainable_weights)


def _cost(tensors):
    probabilities, labels, input_length, label_length = tensors
    return backend.ctc_batch_cost(labels, probabilities, input_length, label_length)


def _activate(x):
    return layers.Activation("relu")(layers.BatchNormalization(epsilon=EPSILON)(x))


def _convolve(filters: int, size: int, **options) -> layers.Layer:
    return layers.Conv2D(filters, size, padding="same", kernel_initializer="he_normal", **options)


def _decay() -> tf_keras.regularizers.Regularizer:
    return tf_keras.regularizers.l2(WEIGHT_DECAY)
