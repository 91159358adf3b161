"""Compares how real lines look with made ones: figures, a picture, and whether the two can be told apart.

    python -m beam_jobs.convert --list=real/list.txt --image_root=real/images --charset=char_std_5990.txt \\
        --output=build/real --split=test --image_encoding=uint8
    python -m beam_jobs.synthesize --text=news.txt --charset=char_std_5990.txt --lines=4096 --output=build/made
    python -m benchmarks.looks --real=build/real --made=build/made --picture=build/looks.png

Standard output has a table of quartiles and ends with one JSON object: `balanced_accuracy`, the share of lines,
mean of both kinds, that a logistic regression on the five figures of TOLD_APART_BY puts with their kind, in
repeated cross-validation (0.5: it cannot tell them apart), and `of_all_figures`, the same on every figure that
is measured. The presets of beam_jobs.synthesis.rendering.style were fitted by these figures.
"""

import dataclasses

import numpy as np
from absl import flags
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from densenet_ocr.beam_jobs.inspection.charts import NOTE_SIZE, Chart
from densenet_ocr.beam_jobs.inspection.line_sample import sample_lines
from densenet_ocr.beam_jobs.synthesis.measures import Measures, measure
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.ui import command
from densenet_ocr.pipeline.ui.picture import (
    BAR,
    MARGIN,
    Typeface,
    frame,
    new_sheet,
    paste_line,
    save_png,
    stack,
)

_REAL = flags.DEFINE_string("real", None, "Data set of real lines.", required=True)
_REAL_SPLIT = flags.DEFINE_string("real_split", "test", "Its split.")
_MADE = flags.DEFINE_string("made", None, "Data set of made lines.", required=True)
_MADE_SPLIT = flags.DEFINE_string("made_split", "train", "Its split.")
_LINES = flags.DEFINE_integer("lines", 1_000, "Lines of each at most.", lower_bound=20)
_SEED = flags.DEFINE_integer("seed", 0, "Which lines.", lower_bound=0)
_PICTURE = flags.DEFINE_string("picture", "", "PNG file for the distributions and some lines of both.")

TOLD_APART_BY = ("mean_grey", "contrast", "sharpness", "ink_height", "left_margin")
FOLDS, REPEATS = 5, 10
QUARTILES = (0, 25, 50, 75, 100)

_MADE_COLOUR = (214, 120, 40)
_CHART, _BINS, _ACROSS, _SHOWN = (280, 170), 14, 4, 16


def main() -> None:
    """Measures, prints the table and the result, draws the picture."""
    real = _sample(_REAL.value, _REAL_SPLIT.value)
    made = _sample(_MADE.value, _MADE_SPLIT.value)
    figures = [_measure_all(lines) for lines in (real, made)]
    print(f"| figure | {len(real)} real | {len(made)} made |\n| --- | --- | --- |")
    for name in figures[0]:
        print(f"| {name} | {' | '.join(_tell_quartiles(values[name]) for values in figures)} |")
    if _PICTURE.value:
        save_png(draw_comparison(*figures, real, made), _PICTURE.value)
    command.print_result(
        {
            "real": len(real),
            "made": len(made),
            "balanced_accuracy": tell_apart(*figures, TOLD_APART_BY),
            "of_all_figures": tell_apart(*figures, tuple(figures[0])),
        }
    )


def tell_apart(real: dict[str, np.ndarray], made: dict[str, np.ndarray], names: tuple[str, ...]) -> float:
    """Balanced accuracy of a logistic regression on these figures, mean over repeated cross-validation."""
    both = [np.stack([values[name] for name in names], axis=1) for values in (real, made)]
    kind = np.repeat([0, 1], [len(both[0]), len(both[1])])
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
    scores = cross_val_score(model, np.concatenate(both), kind, cv=folds, scoring="balanced_accuracy")
    return round(float(scores.mean()), 3)


def draw_comparison(real, made, real_lines: list[np.ndarray], made_lines: list[np.ndarray]):
    """A chart a figure, real and made beside each other, over some lines of both."""
    charts = [_draw_chart(name, real[name], made[name]) for name in real]
    rows = [charts[k : k + _ACROSS] for k in range(0, len(charts), _ACROSS)]
    parts = [_in_a_row(row) for row in rows]
    for title, lines in (("real", real_lines), ("made", made_lines)):
        parts.append(_draw_lines(title, lines[:_SHOWN]))
    return frame(stack(parts, gap=2 * MARGIN))


def _sample(folder: str, split: str) -> list[np.ndarray]:
    info = load_dataset_info(folder)
    lines = sample_lines(folder=folder, info=info, split=split, count=_LINES.value, seed=_SEED.value)
    return [line.levels for line in lines]


def _measure_all(lines: list[np.ndarray]) -> dict[str, np.ndarray]:
    measured = np.array([dataclasses.astuple(measure(levels)) for levels in lines])
    return {field.name: measured[:, k] for k, field in enumerate(dataclasses.fields(Measures))}


def _tell_quartiles(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in np.percentile(values, QUARTILES))


def _draw_chart(name: str, real: np.ndarray, made: np.ndarray):
    low, high = np.percentile(np.concatenate([real, made]), [1, 99])
    edges = np.linspace(low, max(high, low + 1e-6), _BINS + 1)
    shares = [np.histogram(np.clip(values, low, high), edges)[0] / len(values) for values in (real, made)]
    chart = Chart(_CHART, name.replace("_", " "), "blue: real, orange: made", {}, Typeface(NOTE_SIZE))
    most = max(share.max() for share in shares)
    for k in range(_BINS):
        for share, colour, start in zip(shares, (BAR, _MADE_COLOUR), (0.05, 0.5), strict=True):
            chart.bar((k + start) / _BINS, (k + start + 0.45) / _BINS, share[k] / most, colour)
    for place in (0, 0.5, 1):
        chart.label(place, f"{low + place * (high - low):.3g}")
    return chart.close()


def _in_a_row(charts: list):
    width, height = charts[0].size
    sheet = new_sheet(_ACROSS * (width + 2 * MARGIN) - 2 * MARGIN, height)
    for k, chart in enumerate(charts):
        sheet.paste(chart, (k * (width + 2 * MARGIN), 0))
    return sheet


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
