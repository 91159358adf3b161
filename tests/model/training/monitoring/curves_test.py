"""The curves of a run show its history, however many epochs it has and whatever their numbers are."""

import math
import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from matplotlib.figure import Figure

from densenet_ocr.model.training.monitoring.curves import draw_curves, format_share
from densenet_ocr.model.training.run.history import find_best, read_history

NAN = math.nan


def make_rows(losses, **columns) -> list[dict[str, float]]:
    """Rows of a history with training losses and further columns."""
    names = {"loss": losses, "learning_rate": [1e-3] * len(losses), **columns}
    return [
        {"epoch": float(k), **{name: values[k] for name, values in names.items()}} for k in range(len(losses))
    ]


def draw(rows) -> tuple[Figure, np.ndarray]:
    """The figure that is drawn, and its picture [H, W, 3]."""
    figures = []
    with mock.patch("densenet_ocr.model.training.monitoring.curves.Figure", side_effect=Figure) as make:
        make.side_effect = lambda *args, **settings: figures.append(Figure(*args, **settings)) or figures[-1]
        picture = np.asarray(draw_curves(rows))
    return figures[0], picture


def lines_of(figure: Figure) -> dict[str, np.ndarray]:
    """The values of each curve by its label."""
    return {
        line.get_label(): np.asarray(line.get_ydata(), float)
        for axes in figure.axes
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


class CurvesTest(parameterized.TestCase, tf.test.TestCase):
    def test_every_curve_has_its_values_and_the_figure_of_the_best_epoch(self):
        rows = make_rows(
            [4.0, 3.0, 2.0],
            val_loss=[4.0, 3.5, 3.75],
            val_exact_match=[0.1, 0.98456, 0.99],
            val_loss_rounds_to_0=[0.0, 0.25, 0.5],
            val_cer=[1.2, 0.01, 0.02],
        )
        figure, picture = draw(rows)
        lines = lines_of(figure)
        self.assertAllEqual(lines["training 3"], [4, 3, 2])
        self.assertAllEqual(lines["validation 3.5"], [4, 3.5, 3.75])
        self.assertAllEqual(lines["exact match 98.46%"], [0.1, 0.98456, 0.99])
        self.assertAllEqual(lines["loss rounds to 0 (the notebook's accuracy) 25%"], [0, 0.25, 0.5])
        self.assertAllEqual(lines["CER 1%"], [1, 0.01, 0.02])  # more than 1 is drawn as 1
        self.assertIn("training to epoch 3; best validation loss after epoch 2", figure.get_suptitle())
        self.assertGreater(len(np.unique(picture.reshape(-1, 3), axis=0)), 20)

    def test_without_validation_there_are_losses_and_rates_and_no_best_epoch(self):
        figure, _ = draw(make_rows([8.0, 6.0, 4.0], val_loss=[NAN] * 3, val_cer=[NAN] * 3))
        self.assertEqual(list(lines_of(figure)), ["training 4", "at the end of the epoch 0.001"])
        self.assertEqual([axes.get_title("left") for axes in figure.axes], ["loss", "learning rate"])
        self.assertIn("no validation loss", figure.get_suptitle())

    def test_what_is_not_a_number_is_a_gap(self):
        figure, _ = draw(make_rows([8.0, 7.0, NAN, math.inf, 6.0, 5.0]))
        self.assertAllEqual(np.isnan(lines_of(figure)["training 5"]), [False, False, True, True, False, False])
        draw_curves(make_rows([NAN, NAN], val_loss=[NAN, 1.0]))

    @parameterized.parameters(1, 3, 5000)
    def test_any_number_of_epochs_is_drawn(self, count):
        figure, picture = draw(make_rows(list(20 * np.exp(-np.arange(count) / 300))))
        self.assertLen(figure.axes[0].lines[0].get_xdata(), count)
        self.assertEqual(figure.axes[0].lines[0].get_xdata()[0], 1)
        self.assertEqual(picture.shape[1], 960)

    def test_losses_that_span_decades_are_on_a_log_scale(self):
        for losses, scale in (([100.0, 10.0, 1.0, 0.1], "log"), ([4.0, 1.0], "linear")):
            figure, _ = draw(make_rows(losses))
            self.assertEqual(figure.axes[0].get_yscale(), scale)

    @parameterized.parameters(
        (0.0, "0%"), (0.00004, "0.004%"), (0.011594, "1.16%"), (0.9845678, "98.46%"), (1, "100%")
    )
    def test_shares_are_in_per_cent(self, share, text):
        self.assertEqual(format_share(share), text)

    @parameterized.parameters(
        ([3.0, 2.0, 2.0, 2.5], 1), ([NAN, 2.0, math.inf], 1), ([NAN], None), ([math.inf], None)
    )
    def test_the_best_epoch_is_the_first_of_the_lowest_validation_loss(self, losses, best):
        self.assertEqual(find_best(make_rows(losses, val_loss=losses)), best)
        self.assertIsNone(find_best(make_rows(losses)))


class HistoryTest(tf.test.TestCase):
    def test_what_is_not_a_number_is_nan(self):
        path = os.path.join(self.create_tempdir().full_path, "history.csv")
        with open(path, "w") as file:
            file.write("epoch,loss,val_loss,val_cer\n0,2.5,NA,\n1,nan,1e-3\n")
        first, second = read_history(path)
        self.assertEqual((first["epoch"], first["loss"], second["val_loss"]), (0.0, 2.5, 0.001))
        for value in (first["val_loss"], first["val_cer"], second["loss"], second["val_cer"]):
            self.assertTrue(math.isnan(value))


if __name__ == "__main__":
    tf.test.main()
