"""Compares networks at equal training time, on lines of 500 Chinese characters.

    OMP_NUM_THREADS=1 python -m benchmarks.network.options --work=build/options \\
        --train_text=train.txt --test_text=test.txt --fonts='fonts/*'

First it times a training step of every network of VARIANTS in turn, by the CPU time of one thread. A network
then trains for as many steps as fit into the time of --steps steps of the notebook's network, with the preset
`recommended`, whose learning rate falls to 0 over just these steps. With its averaged weights it reads 2,000
unseen lines of other text. Lines have five characters in 144x32 pixels, or in 216x48 pixels. At last each
network is exported to ONNX int8, and reads a line in turn with the others.

Results are rows of results.jsonl in the folder --work; what is in it is not measured again. Standard output has
a table and ends with one JSON object. `seed 1` is the notebook's network again: it shows the noise.
"""

import json
import os
from typing import Any

from absl import flags

from benchmarks.network.option_lines import Variant, draw_lines
from benchmarks.pairs import median, run_alone
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for lines, weights and results (kept).", required=True)
_TRAIN_TEXT = flags.DEFINE_string("train_text", None, "Text of the training lines.", required=True)
_TEST_TEXT = flags.DEFINE_string("test_text", None, "Text of the test lines.", required=True)
_FONTS = flags.DEFINE_string("fonts", None, "Glob of font files.", required=True)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Lines a step.", lower_bound=1)
_STEPS = flags.DEFINE_integer("steps", 1_600, "Steps of the notebook's network.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timings of each network.", lower_bound=1)


BASELINE = "notebook"
VARIANTS = {
    BASELINE: Variant(),
    "seed 1": Variant(seed=1),
    "second head": Variant(second_head=0.3),
    "second head, seed 1": Variant(second_head=0.3, seed=1),
    "48 rows": Variant(height=48),
}


def main() -> None:
    """Draws, times, trains, reads, and prints a table and the result."""
    texts = {"train": _TRAIN_TEXT.value, "test": _TEST_TEXT.value}
    heights = {variant.height for variant in VARIANTS.values()}
    data = {height: draw_lines(_WORK.value, texts, _FONTS.value, height) for height in heights}
    steps, lines = _time("step", time_steps, data), _time("line", time_lines, data)
    results = {}
    for name, variant in VARIANTS.items():
        count = round(_STEPS.value * steps[BASELINE] / steps[name])
        trained = _find("train", name) or _add("train", name, _train(name, variant, data, count))
        times = {"step_ms": round(steps[name] * 1e3, 1), "line_ms": round(lines[name] * 1e3, 2)}
        results[name] = {**trained, **times}
    print_table(results)
    command.print_result({"results": results})


def _time(stage: str, measure: Any, data: dict[int, str]) -> dict[str, float]:
    """CPU seconds of each network: the baseline's, times the median of the ratios to it in the same round."""
    if not all(_find(stage, name) for name in VARIANTS):
        rounds = run_alone(measure, list(VARIANTS.values()), data, _BATCH_SIZE.value, _ROUNDS.value)
        base = median((row[0] for row in rounds), digits=6)
        for place, name in enumerate(VARIANTS):
            ratio = median((row[place] / row[0] for row in rounds), digits=4)
            _add(stage, name, {"seconds": base * ratio})
    return {name: _find(stage, name)["seconds"] for name in VARIANTS}


def _train(name: str, variant: Variant, data: dict[int, str], steps: int) -> dict[str, Any]:
    weights = os.path.join(_WORK.value, f"{name.replace(' ', '-').replace(',', '')}.weights.h5")
    return run_alone(train_network, variant, data[variant.height], weights, _BATCH_SIZE.value, steps)


# Each of the next three functions runs in a process of its own and loads there what it needs, nothing else.
def time_steps(
    variants: list[Variant], data: dict[int, str], batch_size: int, rounds: int
) -> list[list[float]]:
    """CPU seconds of a training step, by round and network."""
    from benchmarks.network import option_training

    return option_training.time_steps(variants, data, batch_size=batch_size, rounds=rounds)


def time_lines(
    variants: list[Variant], data: dict[int, str], batch_size: int, rounds: int
) -> list[list[float]]:
    """CPU seconds of the reading of a line, by round and network."""
    from benchmarks.network import option_reading

    return option_reading.time_lines([data[variant.height] for variant in variants], rounds=rounds)


def train_network(variant: Variant, data: str, weights: str, batch_size: int, steps: int) -> dict[str, Any]:
    """Scores of a network after its training."""
    from benchmarks.network import option_training

    return option_training.train(variant, data, weights, batch_size=batch_size, steps=steps)


def print_table(results: dict[str, dict[str, Any]]) -> None:
    """Prints a row for each network."""
    names = ("step_ms", "steps", "exact_match", "cer", "parameters", "line_ms")
    print(f"| network | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
    for name, row in results.items():
        print(f"| {name} | {' | '.join(str(row[key]) for key in names)} |")


def _results_path() -> str:
    return os.path.join(_WORK.value, "results.jsonl")


def _find(stage: str, name: str) -> Any:
    """The result of a stage for a network; None if it is not in the file."""
    if not storage.exists(_results_path()):
        return None
    rows = map(json.loads, storage.read_bytes(_results_path()).decode().splitlines())
    return next((row["result"] for row in rows if (row["stage"], row["name"]) == (stage, name)), None)


def _add(stage: str, name: str, result: dict[str, Any]) -> dict[str, Any]:
    with open(_results_path(), "a", encoding="utf-8") as file:
        file.write(json.dumps({"stage": stage, "name": name, "result": result}) + "\n")
    return result


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
