"""Compares real lines with synthetic ones: measures, a picture, and whether a classifier separates the two.

    ocr-convert --list=real/list.txt --image_root=real/images --charset=char_std_5990.txt \\
        --output=build/real --split=test --image_encoding=uint8
    ocr-synthesize --text=news.txt --charset=char_std_5990.txt --lines=4096 --output=build/synthetic
    python -m benchmarks.synthesis.styles --real=build/real --synthetic=build/synthetic \\
        --picture=build/styles.png

Standard output has a table of quartiles and ends with one JSON object. `balanced_accuracy` is that of a
logistic regression on the five measures of SEPARATED_BY, in repeated cross-validation (0.5: it cannot separate
them); `of_all_measures` is the same on every measure. The presets of synthesis.rendering.style were fitted by
these figures.
"""

import dataclasses
import itertools

import numpy as np
import PIL.Image
from absl import flags
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.beam_jobs.synthesis.style_fitting import Measures, measure
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.ui import command
from densenet_ocr.pipeline.ui.picture import MARGIN, Typeface, frame, new_sheet, paste_line, save_png, stack

_REAL = flags.DEFINE_string("real", None, "Data set of real lines.", required=True)
_REAL_SPLIT = flags.DEFINE_string("real_split", "test", "Its split.")
_SYNTHETIC = flags.DEFINE_string("synthetic", None, "Data set of synthetic lines.", required=True)
_SYNTHETIC_SPLIT = flags.DEFINE_string("synthetic_split", "train", "Its split.")
_LINES = flags.DEFINE_integer("lines", 1_000, "Lines of each at most.", lower_bound=20)
_SEED = flags.DEFINE_integer("seed", 0, "Which lines.", lower_bound=0)
_PICTURE = flags.DEFINE_string("picture", "", "PNG file for the distributions and some lines of both.")

SEPARATED_BY = ("mean_grey", "contrast", "sharpness", "ink_height", "left_margin")
FOLDS, REPEATS = 5, 10
QUARTILES = (0, 25, 50, 75, 100)

_BINS, _ACROSS, _SHOWN = 14, 4, 16


def main() -> None:
    """Measures, prints the table and the result, draws the picture."""
    real = _sample(_REAL.value, _REAL_SPLIT.value)
    synthetic = _sample(_SYNTHETIC.value, _SYNTHETIC_SPLIT.value)
    figures = [_measure_all(lines) for lines in (real, synthetic)]
    print(f"| figure | {len(real)} real | {len(synthetic)} synthetic |\n| --- | --- | --- |")
    for name in figures[0]:
        print(f"| {name} | {' | '.join(_format_quartiles(values[name]) for values in figures)} |")
    if _PICTURE.value:
        save_png(draw_comparison(*figures, real, synthetic), _PICTURE.value)
    command.print_result(
        {
            "real": len(real),
            "synthetic": len(synthetic),
            "balanced_accuracy": separate(*figures, SEPARATED_BY),
            "of_all_measures": separate(*figures, tuple(figures[0])),
        }
    )


def separate(real: dict[str, np.ndarray], synthetic: dict[str, np.ndarray], names: tuple[str, ...]) -> float:
    """Balanced accuracy of a logistic regression on these figures, mean over repeated cross-validation."""
    both = [np.stack([values[name] for name in names], axis=1) for values in (real, synthetic)]
    kind = np.repeat([0, 1], [len(both[0]), len(both[1])])
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
    scores = cross_val_score(model, np.concatenate(both), kind, cv=folds, scoring="balanced_accuracy")
    return round(float(scores.mean()), 3)


def draw_comparison(
    real: dict[str, np.ndarray],
    synthetic: dict[str, np.ndarray],
    real_lines: list[np.ndarray],
    synthetic_lines: list[np.ndarray],
) -> PIL.Image.Image:
    """Draws a histogram per measure, real and synthetic beside each other, above some lines of both."""
    rows = -(-len(real) // _ACROSS)
    figure = Figure(figsize=(12, 1.9 * rows), dpi=100, layout="constrained")
    for axes, name in itertools.zip_longest(figure.subplots(rows, _ACROSS).flat, real):
        if not name:
            axes.set_axis_off()
            continue
        both = [real[name], synthetic[name]]
        limits = np.percentile(np.concatenate(both), [1, 99])
        axes.hist([np.clip(v, *limits) for v in both], _BINS, density=True, label=["real", "synthetic"])
        axes.set_title(name.replace("_", " "), loc="left", size=9)
        axes.set_yticks([])
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.axes[0].legend(fontsize=7)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    charts = PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    shown = [("real", real_lines), ("synthetic", synthetic_lines)]
    return frame(stack([charts, *(_draw_lines(title, lines[:_SHOWN]) for title, lines in shown)]))


def _sample(folder: str, split: str) -> list[np.ndarray]:
    info = load_dataset_info(folder)
    lines = sample_lines(folder=folder, info=info, split=split, count=_LINES.value, seed=_SEED.value)
    return [line.levels for line in lines]


def _measure_all(lines: list[np.ndarray]) -> dict[str, np.ndarray]:
    measured = np.array([dataclasses.astuple(measure(levels)) for levels in lines])
    return {field.name: measured[:, k] for k, field in enumerate(dataclasses.fields(Measures))}


def _format_quartiles(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in np.percentile(values, QUARTILES))


def _draw_lines(title: str, lines: list[np.ndarray]):
    height, width = (max(levels.shape[axis] for levels in lines) + 8 for axis in (0, 1))
    rows = -(-len(lines) // _ACROSS)
    sheet = new_sheet(_ACROSS * (width + MARGIN), rows * height + 24)
    Typeface(16).draw(sheet, (0, 14), title, (0, 0, 0))
    for k, levels in enumerate(lines):
        paste_line(sheet, (1 + k % _ACROSS * (width + MARGIN), 24 + k // _ACROSS * height), levels)
    return sheet


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
