"""Measures of a line image that describe its style, for real and for synthetic lines."""

import dataclasses

import numpy as np

# Ink is darker than the paper by at least this share of the line's contrast.
_INK_SHARE = 0.35

# Columns of the window in which the paper has one grey.
_PAPER_WINDOW = 64


@dataclasses.dataclass(frozen=True)
class Measures:
    """Measures of one line: grey levels from 0 to 255, lengths in pixels."""

    mean_grey: float  # mean of all grey levels
    paper: float  # mean grey of the paper
    contrast: float  # paper's grey less that of the darkest ink
    sharpness: float  # steepest edges: grey levels per pixel, over the contrast
    ink_height: float  # rows from the top of the ink to its bottom
    length: float  # columns from the left end of the ink to its right end
    left_margin: float  # columns left of the ink
    right_margin: float  # columns right of the ink
    top_margin: float  # rows above the ink
    ink_share: float  # ink pixels over the pixels of the ink's bounding box
    slope: float  # rows that the ink's centre falls over the width of the line
    noise: float  # standard deviation of the paper less its 3x3 mean, in grey levels
    shade: float  # 90th less 10th percentile of the columns' paper grey


def measure(levels: np.ndarray) -> Measures:
    """Returns the measures of a line of dark ink on light paper, uint8 [H, W]."""
    grey = levels.astype(np.float32)
    paper = _find_paper(grey)
    depth = paper - grey  # how much darker than the paper
    contrast = float(np.percentile(depth, 99))
    ink = depth > max(_INK_SHARE * contrast, 4)
    rows, columns = (np.flatnonzero(ink.sum(axis=axis) >= 2) for axis in (1, 0))
    if not len(rows) or not len(columns):
        rows, columns = np.array([0, len(ink) - 1]), np.array([0, ink.shape[1] - 1])
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    steps = np.abs(np.diff(grey, axis=1))
    return Measures(
        mean_grey=float(grey.mean()),
        paper=float(paper.mean()),
        contrast=contrast,
        sharpness=float(np.percentile(steps, 97) / max(contrast, 1)),
        ink_height=float(rows[-1] - rows[0] + 1),
        length=float(columns[-1] - columns[0] + 1),
        left_margin=float(columns[0]),
        right_margin=float(ink.shape[1] - 1 - columns[-1]),
        top_margin=float(rows[0]),
        ink_share=float(box.mean()),
        slope=_find_slope(ink),
        noise=_find_noise(grey, depth, contrast),
        shade=float(np.ptp(np.percentile(paper[0], [10, 90]))),
    )


def _find_paper(grey: np.ndarray) -> np.ndarray:
    """The paper's grey, float32 [1, W]: the 80th percentile around each column."""
    width, half = grey.shape[1], _PAPER_WINDOW // 2
    centres = np.arange(half, max(width - half, half + 1), half // 2)
    levels = [np.percentile(grey[:, max(0, c - half) : c + half], 80) for c in centres]
    return np.interp(np.arange(width), centres, levels)[None].astype(np.float32)


def _find_slope(ink: np.ndarray) -> float:
    """Rows that the ink's centre falls over the width of the line, by a line fitted to the columns' centres."""
    weight = ink.sum(axis=0)
    used = np.flatnonzero(weight)
    if len(used) < 2 or used[0] == used[-1]:
        return 0.0
    middle = (ink * np.arange(len(ink))[:, None]).sum(axis=0)[used] / weight[used]
    return float(np.polyfit(used, middle, 1, w=np.sqrt(weight[used]))[0] * ink.shape[1])


def _find_noise(grey: np.ndarray, depth: np.ndarray, contrast: float) -> float:
    """Standard deviation of paper without ink, less its 3x3 mean."""
    padded = np.pad(grey, 1, mode="edge")
    height, width = grey.shape
    near = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    rest = grey - np.mean(near, axis=0)
    is_paper = np.max(
        [np.pad(depth, 1, mode="edge")[y : y + height, x : x + width] for y in (0, 2) for x in (0, 2)], axis=0
    )
    is_paper = is_paper < 0.12 * contrast
    return float(rest[is_paper].std()) if is_paper.sum() > 50 else 0.0
