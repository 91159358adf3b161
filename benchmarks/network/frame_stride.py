"""Compares frames of 4 pixels with frames of 8 on Latin lines of natural width, drawn for it.

    python -m benchmarks.network.frame_stride --work=build/latin --charset=latin.txt \\
        --train_text='texts/train-*.txt' --test_text='texts/test-*.txt' --fonts='fonts/seen/*' \\
        --unseen_fonts='fonts/unseen/*'

Both models train on the same number of lines of the same texts in the same faces, with the same seed and number
of steps. Training lines lie on a canvas of one width, which trains faster than lines of any width. Each test
set has lines of natural width. It is drawn once, for 4 pixels, and read by both, so that lines that 8 pixels
cannot hold count as wrong.

Standard output ends with one JSON object, whose values by stride are lists [stride 8, stride 4]:

- `refused`: share of lines of natural width, drawn as those of `seen`, whose label needs more frames than the
  line has.
- `exact_match`, `cer`: by test set: `seen` and `unseen` faces, `repeats` (those of both with two equal
  characters in a row), `words` of 2 to 10 characters and `long` lines of 30 to 60, in unseen faces.
- `milliseconds`: median time of a line of the `unseen` set, network and greedy decoding, ONNX, one thread, both
  in turn.
"""

import itertools
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
from absl import flags

from benchmarks.pairs import median
from densenet_ocr.model.reading.evaluation import read_batches, read_split
from densenet_ocr.model.reading.loading import load_network
from densenet_ocr.model.report.alignment import align, count_edits
from densenet_ocr.model.report.slices import Tally, has_repeat
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.exports.engines import load_export
from densenet_ocr.pipeline.geometry import FRAME_STRIDES
from densenet_ocr.pipeline.inference_model import InferenceModel
from densenet_ocr.pipeline.ui import command

_WORK = flags.DEFINE_string("work", None, "Folder for data sets and runs (kept, and resumed).", required=True)
_CHARSET = flags.DEFINE_string("charset", None, "Charset file.", required=True)
_TRAIN = flags.DEFINE_multi_string("train_text", None, "Text of training lines.", required=True)
_TEST = flags.DEFINE_multi_string("test_text", None, "Text of test lines.", required=True)
_FONTS = flags.DEFINE_multi_string("fonts", None, "Faces of training lines.", required=True)
_UNSEEN = flags.DEFINE_multi_string("unseen_fonts", None, "Faces of other test lines.", required=True)
_LENGTH = flags.DEFINE_string("length", "3-14", "Characters of a line.")
_WIDTH = flags.DEFINE_integer("train_width", 160, "Width of training lines in pixels.", lower_bound=64)
_LINES = flags.DEFINE_integer("lines", 32_000, "Training lines.", lower_bound=64)
_TEST_LINES = flags.DEFINE_integer("test_lines", 2_000, "Lines of each test set.", lower_bound=1)
_STEPS = flags.DEFINE_integer("steps", 1_000, "Training steps of 32 lines.", lower_bound=1)
_TIMED = flags.DEFINE_integer("timed", 200, "Lines that are timed.", lower_bound=10)

_WARM_UP = 5

# Test sets: style, characters of a line; all but `seen` have faces that the models have not seen.
_SETS = {
    "seen": ("caffe_ocr", None),
    "unseen": ("caffe_ocr", None),
    "words": ("caffe_ocr", "2-10"),
    "long": ("plain", "30-60"),
}


def main() -> None:
    """Draws, trains, reads, and prints the result."""
    _draw_tests()
    runs = [_train(stride) for stride in FRAME_STRIDES]
    models = [load_network(run) for run in runs]
    tallies = [_read_sets(model) for model in models]
    command.print_result(
        {
            "refused": [_find_refused(stride) for stride in FRAME_STRIDES],
            "steps": _STEPS.value,
            **{
                score: {name: [getattr(tally[name], score) for tally in tallies] for name in tallies[0]}
                for score in ("lines", "exact_match", "cer")
            },
            "milliseconds": _measure_time(runs),
        }
    )


def _draw_tests() -> None:
    """Draws the test sets, and the lines of `seen` again for frames of 8 pixels."""
    for name, (style, length) in _SETS.items():
        _draw_test(name, 4, style=style, length=length or _LENGTH.value)
    _draw_test("seen", 8, style=_SETS["seen"][0], length=_LENGTH.value)


def _draw_test(name: str, stride: int, **drawing: str) -> None:
    fonts = _FONTS.value if name == "seen" else _UNSEEN.value
    lines = _TEST_LINES.value
    _synthesize(_tests(stride), name, stride, texts=_TEST.value, fonts=fonts, lines=lines, width=0, **drawing)


def _synthesize(folder: str, split: str, stride: int, **drawing: Any) -> None:
    """Draws a split; one that exists is kept."""
    _run(
        "beam_jobs.synthesize",
        *(f"--text={text}" for text in drawing["texts"]),
        *(f"--fonts={font}" for font in drawing["fonts"]),
        f"--charset={_CHARSET.value}",
        f"--split={split}",
        f"--lines={drawing['lines']}",
        f"--length={drawing['length']}",
        f"--style={drawing['style']}",
        f"--frame_stride={stride}",
        f"--output={folder}",
        f"--image_width={drawing['width']}",
        "--image_encoding=uint8",
        "--max_reject_fraction=0.9",
    )


def _train(stride: int) -> str:
    """Trains a model, or finds it trained; returns its run."""
    data, run = (os.path.join(_WORK.value, f"{name}-{stride}") for name in ("data", "run"))
    _synthesize(
        data,
        "train",
        stride,
        texts=_TRAIN.value,
        fonts=_FONTS.value,
        lines=_LINES.value,
        width=_WIDTH.value,
        style="caffe_ocr",
        length=_LENGTH.value,
    )
    _run(
        "model.train",
        f"--data={data}",
        f"--run={run}",
        "--preset=recommended",
        "--batch_size=32",
        "--epochs=1",
        f"--epoch_steps={_STEPS.value}",
        "--validation_split=none",
    )
    return run


def _run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdout=subprocess.DEVNULL)


def _tests(stride: int) -> str:
    return os.path.join(_WORK.value, f"tests-{stride}")


def _find_refused(stride: int) -> float:
    split = load_dataset_info(_tests(stride)).splits["seen"]
    return round(split.refused.get("label_too_long", 0) / split.read, 4)


def _read_sets(model: InferenceModel) -> dict[str, Tally]:
    """Reads all test sets, which are drawn for 4 pixels."""
    folder = _tests(4)
    info, tallies = load_dataset_info(folder), {name: Tally() for name in (*_SETS, "repeats")}
    for name in _SETS:
        for result in read_split(model, folder=folder, info=info, split=name, batch_size=32):
            scored = count_edits(align(result.truth, result.reading.text)), len(result.truth)
            tallies[name].add(*scored)
            if name in ("seen", "unseen") and has_repeat(result.truth):
                tallies["repeats"].add(*scored)
    return tallies


def _measure_time(runs: list[str]) -> dict[str, Any]:
    """Measures a line's time by exports of both models, in turn."""
    engines = [load_export(_export(run), threads=1) for run in runs]
    info, seconds = load_dataset_info(_tests(4)), []
    batches = read_batches(folder=_tests(4), info=info, split="unseen", batch_size=32, most=_TIMED.value)
    for _, levels, _ in itertools.chain.from_iterable(batches):
        seconds.append([_time(engine, levels) for engine in engines])
    measured = np.array(seconds[_WARM_UP:])
    return {
        "by_stride": [round(1000 * float(value), 2) for value in np.median(measured, axis=0)],
        "ratio": median(measured[:, 1] / measured[:, 0], 2),
    }


def _export(run: str) -> str:
    folder = f"{run}-onnx"
    if not storage.exists(os.path.join(folder, "export.json")):
        _run("model.export", f"--model={run}", f"--output={folder}", "--format=onnx")
    return folder


def _time(engine: InferenceModel, levels: np.ndarray) -> float:
    start = time.perf_counter()
    engine.find_best_path(levels[None], np.array([levels.shape[1]], np.int32))
    return time.perf_counter() - start


if __name__ == "__main__":
    command.run(main)
