"""Compares our input alone with the notebook's generator, in turn, in one run.

    python -m benchmarks.training.input_speed --work=build/benchmark --pairs=5

Ours is pipeline.dataset.training_input on uint8 records of --rows rows, shuffled in memory: as model.train
calls it, which normalises in the step, on the device; and normalised, as the yardstick's batches are. The
yardstick is the generator of benchmarks.training.notebook on the JPEG files of the same list; rows repeat the
files, of which it keeps each once, as the notebook does. All files have been read before. Each measurement has
a process of its own and begins after a warm-up, in which our shuffle buffer fills.

Standard output ends with one JSON object: images/s of all three, `ratio` and `ratio_normalised` (ours / the
notebook's; above 1, ours is the faster one), medians over the rounds, ratios taken round by round. Nothing is
done with what is read: a training beside it would take cores away from both. Run it alone.
"""

import functools
import os
from typing import NamedTuple

from absl import flags

from benchmarks.conversion.plain_conversion import Task
from benchmarks.lines import LINES_PER_SHARD, draw_lines, read_images, run_ours, write_task
from benchmarks.pairs import measure_pairs, median, run_alone, time_batches
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for drawn lines and their records (kept).", required=True)
_ROWS = flags.DEFINE_integer("rows", 20_000, "Rows of the list.", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 5_000, "Different JPEG files that the rows name.", lower_bound=1)
_PAIRS = flags.DEFINE_integer("pairs", 5, "Times that each of the two is measured.", lower_bound=1)

# Batches of a warm-up, then of a measurement. Ours is read for 102,400 lines, or it would be over in no time.
OUR_BATCHES = (100, 1600)
NOTEBOOK_BATCHES = (10, 320)


class Speed(NamedTuple):
    """Images/s of our input: as a training takes it, and with images normalised in the input."""

    in_training: float
    normalised: float


def main() -> None:
    """Draws, converts, measures the pairs, prints a table and the result."""
    lines = draw_lines(os.path.join(_WORK.value, f"lines-{_FILES.value}"), _FILES.value)
    name = f"reader-{_ROWS.value}"
    task = write_task(lines, name, rows=_ROWS.value, lines_per_shard=LINES_PER_SHARD, encoding="uint8")
    data, size = os.path.join(lines, f"{name}-data"), TrainConfig.batch_size
    run_ours(task, data)  # checks what is there and makes what is missing
    read_images(lines)
    ours = functools.partial(run_alone, read_ours, data, size)
    yardstick = functools.partial(run_alone, read_as_notebook, task, size)
    pairs = measure_pairs(ours, yardstick, _PAIRS.value)
    print_table(pairs)
    command.print_result({"rows": task.rows, "batch_size": size} | summarise(pairs))


# Each of the next two functions runs in a process of its own and loads there what it needs, nothing else.
def read_ours(data: str, batch_size: int) -> Speed:
    """Images/s of our input, both ways."""
    from densenet_ocr.pipeline.dataset import training_input
    from densenet_ocr.pipeline.dataset_info import load_dataset_info

    training = TrainConfig(batch_size=batch_size)
    dataset = functools.partial(
        training_input,
        folder=data,
        info=load_dataset_info(data),
        split=training.train_split,
        batch_size=batch_size,
        seed=training.seed,
        shuffle_buffer=training.shuffle_buffer,
    )
    rates = (time_batches(dataset(normalised=normalised), *OUR_BATCHES) for normalised in (False, True))
    return Speed(*(rate * batch_size for rate in rates))


def read_as_notebook(task: Task, batch_size: int) -> float:
    """Images/s of the notebook's generator."""
    from benchmarks.training.notebook import generate_batches

    batches = generate_batches(task.list_path, task.image_root, batch_size)
    return time_batches(batches, *NOTEBOOK_BATCHES) * batch_size


def print_table(rounds: list[tuple[Speed, float]]) -> None:
    """Prints every measurement, images/s, a row a round."""
    print("| round | ours in training | ratio | ours normalised | ratio | notebook |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for number, (ours, notebook) in enumerate(rounds, start=1):
        cells = [f"{rate:,.0f} | {rate / notebook:.2f}" for rate in ours]
        print(f"| {number} | {' | '.join(cells)} | {notebook:,.0f} |")


def summarise(rounds: list[tuple[Speed, float]]) -> dict[str, float | int]:
    """Medians over the rounds."""
    return {
        "rounds": len(rounds),
        "ours_images_per_second": median((ours.in_training for ours, _ in rounds)),
        "ours_normalised_images_per_second": median((ours.normalised for ours, _ in rounds)),
        "notebook_images_per_second": median((notebook for _, notebook in rounds)),
        "ratio": median((ours.in_training / notebook for ours, notebook in rounds), digits=2),
        "ratio_normalised": median((ours.normalised / notebook for ours, notebook in rounds), digits=2),
    }


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
