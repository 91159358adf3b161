"""A history's picture shows what its numbers say, however many and whatever they are."""

import math
import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.training.curves import (
    CER,
    EXACT_MATCH,
    ROUNDS_TO_0,
    TRAINING,
    VALIDATION,
    draw_curves,
    find_best,
    read_history,
    tell_share,
)
from densenet_ocr.pipeline.ui.picture import Typeface

NAN = math.nan

# Rows of the picture within the first two panels, without their headings.
LOSSES, SCORES = slice(120, 324), slice(394, 598)


def make_rows(losses, **columns) -> list[dict[str, float]]:
    """Rows of a history with training losses and further columns."""
    names = {"loss": losses, "learning_rate": [1e-3] * len(losses), **columns}
    return [
        {"epoch": float(k), **{name: values[k] for name, values in names.items()}} for k in range(len(losses))
    ]


def add_scores(losses) -> list[dict[str, float]]:
    """Rows with validation columns, scores rising and CER falling from epoch to epoch."""
    shares = np.linspace(0.1, 0.9, len(losses)) if len(losses) > 1 else np.array([0.5])
    return make_rows(
        losses,
        val_loss=[1.5 * loss for loss in losses],
        val_exact_match=shares,
        val_loss_rounds_to_0=shares / 2,
        val_cer=1.5 - 1.5 * shares,
    )


def find(sheet, colour, plot: slice = LOSSES) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of a colour within a plot."""
    return np.nonzero((np.asarray(sheet)[plot] == np.array(colour, np.uint8)).all(axis=-1))


def draw_and_listen(rows) -> tuple[object, list[str]]:
    """The picture, and the texts that were written into it."""
    with mock.patch.object(Typeface, "draw", autospec=True, side_effect=Typeface.draw) as draw:
        sheet = draw_curves(rows)
    return sheet, [call.args[3] for call in draw.call_args_list]


class CurvesTest(parameterized.TestCase, tf.test.TestCase):
    def assert_falls(self, sheet, colour, plot: slice = LOSSES, *, sign: int = 1):
        rows, columns = find(sheet, colour, plot)
        order = np.argsort(columns, kind="stable")
        left, right = rows[order[: len(order) // 4]].mean(), rows[order[-len(order) // 4 :]].mean()
        self.assertGreater(sign * (right - left), 20)
        self.assertGreater(np.ptp(columns), 700)

    def test_losses_fall_scores_rise_and_the_error_rate_falls(self):
        sheet = draw_curves(add_scores([8.0, 6.0, 4.0, 3.0]))
        self.assert_falls(sheet, TRAINING)
        self.assert_falls(sheet, VALIDATION)
        self.assert_falls(sheet, CER, SCORES)
        self.assert_falls(sheet, EXACT_MATCH, SCORES, sign=-1)

    def test_the_notebooks_accuracy_is_thinner_than_the_exact_match(self):
        rows = add_scores([8.0, 6.0, 4.0, 3.0] * 20)
        sheet = np.asarray(draw_curves(rows)).astype(int)[SCORES, 100:900]

        def measure(colour):
            return np.sum(np.abs(sheet - np.array(colour)).sum(axis=-1) < 60)

        self.assertBetween(measure(ROUNDS_TO_0), 100, measure(EXACT_MATCH) * 0.7)

    def test_one_epoch_is_a_dot_in_the_middle(self):
        sheet = draw_curves(add_scores([5.0]))
        for colour, plot in ((TRAINING, LOSSES), (VALIDATION, LOSSES), (EXACT_MATCH, SCORES)):
            columns = find(sheet, colour, plot)[1]
            self.assertLess(np.ptp(columns), 8)
            self.assertAllClose(columns.mean(), 502, atol=3)

    def test_without_validation_there_are_losses_and_rates_and_no_best_epoch(self):
        nothing = [NAN] * 3
        sheet, texts = draw_and_listen(make_rows([8.0, 6.0, 4.0], val_loss=nothing, val_cer=nothing))
        self.assertLess(sheet.height, draw_curves(add_scores([8.0, 6.0, 4.0])).height - 200)
        self.assertEmpty(find(sheet, VALIDATION, slice(None))[0])
        self.assertContainsSubset({"loss", "training 4", "learning rate"}, texts)
        self.assertNoCommonElements({"best", "validation lines"}, texts)
        self.assert_falls(sheet, TRAINING)

    def test_what_is_no_number_is_a_gap(self):
        sheet = draw_curves(make_rows([8.0, 7.0, NAN, math.inf, 6.0, 5.0]))
        columns = np.unique(find(sheet, TRAINING)[1])
        self.assertGreater(np.diff(columns).max(), 300)
        draw_curves(make_rows([NAN, NAN], val_loss=[NAN, 1.0]))

    def test_thousands_of_epochs_are_drawn(self):
        sheet, texts = draw_and_listen(add_scores(list(20 * np.exp(-np.arange(5000) / 300))))
        self.assert_falls(sheet, TRAINING)
        self.assertContainsSubset({"500", "5,000"}, texts)

    def test_losses_that_span_decades_are_in_logarithms(self):
        sheet, texts = draw_and_listen(make_rows([100.0, 10.0, 1.0, 0.1]))
        self.assertContainsSubset({"loss, log scale", "0.1", "1", "10", "100"}, texts)
        rows, columns = find(sheet, TRAINING)
        half = rows[np.abs(columns - (columns.min() + columns.max()) / 2) < 3].mean()
        self.assertAllClose(half, (rows.min() + rows.max()) / 2, atol=3)

    def test_figures_of_the_best_epoch_stand_beside_honest_names(self):
        rows = make_rows(
            [4.0, 3.0, 2.0],
            val_loss=[4.0, 3.5, 3.75],
            val_exact_match=[0.1, 0.98456, 0.99],
            val_loss_rounds_to_0=[0.0, 0.25, 0.5],
            val_cer=[1.2, 0.01, 0.02],
        )
        _, texts = draw_and_listen(rows)
        expected = {
            "training to epoch 3",
            "best validation loss after epoch 2, whose figures stand beside the names",
            "best",
            "training 3",
            "validation 3.5",
            "exact match 98.46%",
            "loss rounds to 0 (the notebook's accuracy) 25%",
            "CER 1%",
        }
        self.assertContainsSubset(expected, texts)

    def test_more_than_1_is_drawn_as_1(self):
        rows = find(draw_curves(make_rows([1.0, 1.0], val_cer=[7.0, 3.0])), CER, SCORES)[0]
        self.assertAllClose(rows.mean(), 6, atol=3)

    @parameterized.parameters(
        (0.0, "0%"), (0.00004, "0.004%"), (0.011594, "1.16%"), (0.9845678, "98.46%"), (1, "100%")
    )
    def test_shares_are_told_in_per_cent(self, share, told):
        self.assertEqual(tell_share(share), told)

    @parameterized.parameters(
        ([3.0, 2.0, 2.0, 2.5], 1), ([NAN, 2.0, math.inf], 1), ([NAN], None), ([math.inf], None)
    )
    def test_the_best_epoch_is_the_first_of_the_lowest_validation_loss(self, losses, best):
        self.assertEqual(find_best(make_rows(losses, val_loss=losses)), best)
        self.assertIsNone(find_best(make_rows(losses)))


class HistoryTest(tf.test.TestCase):
    def test_what_is_no_number_is_nan(self):
        path = os.path.join(self.create_tempdir().full_path, "history.csv")
        with open(path, "w") as file:
            file.write("epoch,loss,val_loss,val_cer\n0,2.5,NA,\n1,nan,1e-3\n")
        first, second = read_history(path)
        self.assertEqual((first["epoch"], first["loss"], second["val_loss"]), (0.0, 2.5, 0.001))
        for value in (first["val_loss"], first["val_cer"], second["loss"], second["val_cer"]):
            self.assertTrue(math.isnan(value))


if __name__ == "__main__":
    tf.test.main()
