"""Compares our training with the notebook's, in turn, in one run: the same network on the same lines.

    python -m benchmarks.training.speed --work=build/benchmark --batch_size=64 --steps=12 --pairs=5

Ours is the step of model.train, float32, fed by pipeline.dataset from uint8 records
(benchmarks.training.our_training). The yardstick is fit over a Python generator on tf-keras 2.16, as the
notebook has it (benchmarks.training.notebook), fed from the JPEG files that the records were made of. Both
train 5990 classes on lines of 280x32 with ten characters each; ids are random, pictures show digits. Each runs
in a process of its own. Start-up and the first three steps, in which TensorFlow traces and warms up, are left
out; the clock stops when the last loss has been fetched. What buffers hold when it starts, some batches, is
less than a hundredth of the work that it measures.

Before the first pair both read one batch, and must find the same pixels and labels in it, have the right
numbers of parameters and, given the same weights, the same finite CTC loss for each line. The losses of every
training must be finite, too.

Standard output ends with one JSON object: images/s of both, `ratio` (ours / the notebook's; above 1, ours is
the faster one) and `input_wait_share` (the share of our time spent waiting for input), all medians over the
pairs, ratios taken pair by pair. `limit_images_per_second` is what the machine's float32 matrix products
(`matrix_gflop_per_second`, the fastest of fifty) would allow if training were nothing else; `share_of_limit`
is how much of that ours reaches. Run it alone: another process that takes a core moves the ratio of its pair.
"""

import functools
import math
import os
import time
from typing import NamedTuple

from absl import flags

from benchmarks.conversion.plain_conversion import Task
from benchmarks.lines import draw_lines, read_images, run_ours, write_chinese_task
from benchmarks.pairs import measure_pairs, median, run_alone
from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines and their records (kept).", required=True)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files to train on.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Lines a step.", lower_bound=1)
_STEPS = flags.DEFINE_integer("steps", 12, "Steps of a measurement.", lower_bound=1)
_PAIRS = flags.DEFINE_integer("pairs", 5, "Times that each of the two is measured.", lower_bound=1)

CLASSES, LABEL_LENGTH = 5990, 10
WARM_UP_STEPS = 3  # the first traces; by the third a step takes what it takes

# Multiplications and additions that a line of 280x32 takes in the convolutions (0.471e9) and in the last layer
# (0.322e9), once forward and twice backward, where only the first convolution passes nothing on to its input.
TRAINING_GFLOP = 2.37

MATRIX_SIZE, PRODUCTS = 2048, 50


class Speed(NamedTuple):
    """Images/s of a training, and the share of its time spent waiting for input, where that is known."""

    images_per_second: float
    wait_share: float | None = None


def main() -> None:
    """Draws, converts, checks, measures the pairs, prints a table and the result."""
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    task = write_chinese_task(lines, "train", characters=CLASSES - 1, length=LABEL_LENGTH)
    data, size, steps = os.path.join(lines, "train-data"), _BATCH_SIZE.value, _STEPS.value
    run_ours(task, data)  # checks what is there and makes what is missing
    read_images(lines)
    run_alone(check_same_work, task, data, size)
    gflops = run_alone(multiply_matrices)
    ours = functools.partial(run_alone, train_ours, data, size, steps)
    yardstick = functools.partial(run_alone, train_notebook, task, size, steps)
    pairs = measure_pairs(ours, yardstick, _PAIRS.value)
    print_table(pairs)
    command.print_result({"batch_size": size, "steps": steps} | summarise(pairs, gflops))


# Each of the next four functions runs in a process of its own and loads there what it needs, nothing else.
def check_same_work(task: Task, data: str, batch_size: int) -> None:
    """Raises RuntimeError where the two trainings are not the same work."""
    from benchmarks.training import parity

    parity.check(task, data, batch_size)


def train_ours(data: str, batch_size: int, steps: int) -> Speed:
    """Speed of our training, after the steps of the warm-up."""
    from benchmarks.training import our_training

    parts = our_training.build(data, batch_size)
    warm_up, measured = (our_training.run_steps(parts, count) for count in (WARM_UP_STEPS, steps))
    check_finite(warm_up.losses + measured.losses)
    return Speed(steps * batch_size / measured.seconds, measured.waited / measured.seconds)


def train_notebook(task: Task, batch_size: int, steps: int) -> Speed:
    """Speed of the notebook's training, after the steps of the warm-up."""
    from benchmarks.training import notebook

    clock = notebook.train(
        task.list_path, task.image_root, classes=CLASSES, batch_size=batch_size, steps=WARM_UP_STEPS + steps
    )
    check_finite(clock.losses)
    return Speed(steps * batch_size / (clock.ends[-1] - clock.ends[WARM_UP_STEPS - 1]))


def multiply_matrices() -> float:
    """GFLOP/s of the fastest of some float32 matrix products of 2048x2048, on the device that would train."""
    import tensorflow as tf

    from densenet_ocr.model.network.devices import set_up_devices

    set_up_devices(DeviceConfig())
    matrix, seconds = tf.random.uniform([MATRIX_SIZE, MATRIX_SIZE]), []
    for _ in range(PRODUCTS):
        start = time.monotonic()
        float(tf.matmul(matrix, matrix)[0, 0])  # fetched, so that it is there
        seconds.append(time.monotonic() - start)
    return 2 * MATRIX_SIZE**3 / min(seconds) / 1e9


def check_finite(losses: list[float]) -> None:
    """Raises RuntimeError where a step did not train."""
    if not all(map(math.isfinite, losses)):
        raise RuntimeError(f"losses that are no numbers: {losses}")


def print_table(pairs: list[tuple[Speed, Speed]]) -> None:
    """Prints every measurement, a row a pair."""
    print("| pair | ours images/s | waited for input | notebook images/s | ratio |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for number, (ours, notebook) in enumerate(pairs, start=1):
        speed, base = ours.images_per_second, notebook.images_per_second
        print(f"| {number} | {speed:.1f} | {ours.wait_share:.1%} | {base:.1f} | {speed / base:.3f} |")


def summarise(pairs: list[tuple[Speed, Speed]], gflops: float) -> dict[str, float | int]:
    """Medians over the pairs, and how near ours comes to the machine's limit."""
    speed = median((ours.images_per_second for ours, _ in pairs), digits=1)
    ratios = (ours.images_per_second / notebook.images_per_second for ours, notebook in pairs)
    limit = gflops / TRAINING_GFLOP
    return {
        "pairs": len(pairs),
        "ours_images_per_second": speed,
        "notebook_images_per_second": median((notebook.images_per_second for _, notebook in pairs), digits=1),
        "ratio": median(ratios, digits=3),
        "input_wait_share": median((ours.wait_share for ours, _ in pairs), digits=5),
        "matrix_gflop_per_second": round(gflops, 1),
        "limit_images_per_second": round(limit, 1),
        "share_of_limit": round(speed / limit, 3),
    }


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
