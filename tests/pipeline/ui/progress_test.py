"""Progress lines on terminals and elsewhere."""

import io
import sys
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.ui import progress
from densenet_ocr.pipeline.ui.progress import Progress


class Stream(io.StringIO):
    """Standard error that is a terminal, or is none."""

    def __init__(self, terminal: bool):
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class ProgressTest(parameterized.TestCase, tf.test.TestCase):
    def start(self, total: int, *, terminal: bool = False, done: int = 0) -> Progress:
        """A progress at 1000 seconds of a clock that `self.clock` moves."""
        self.stderr = Stream(terminal)
        self.clock = mock.Mock()
        self.clock.monotonic.return_value = 1000.0
        self.enter_context(mock.patch.object(sys, "stderr", self.stderr))
        self.enter_context(mock.patch.object(progress, "time", self.clock))
        return Progress("convert train", total, "lines", done=done)

    def wait(self, seconds: float):
        self.clock.monotonic.return_value += seconds

    def test_a_plain_line_has_state_rate_and_time_left(self):
        shown = self.start(12_000)
        self.wait(20)
        shown.show(4000, lambda: "loss 3.2")
        self.assertEqual(
            self.stderr.getvalue(), "convert train: 4,000 of 12,000 lines, 200/s, 0:20, 0:40 left, loss 3.2\n"
        )

    def test_earlier_work_counts_for_the_state_and_not_for_the_rate(self):
        shown = self.start(12_000, done=8000)
        self.wait(20)
        shown.show(9000)
        self.wait(10)
        shown.close(12_000)
        self.assertEqual(
            self.stderr.getvalue(),
            "convert train: 9,000 of 12,000 lines, 50/s, 0:20, 1:00 left\n"
            "convert train: 12,000 of 12,000 lines, 133/s, 0:30\n",
        )

    def test_a_run_with_nothing_left_to_do_has_no_rate(self):
        shown = self.start(100, done=100)
        self.wait(10)
        shown.show(100)
        self.assertEqual(self.stderr.getvalue(), "convert train: 100 of 100 lines, 0.0/s, 0:10\n")

    def test_plain_lines_are_ten_seconds_apart(self):
        shown = self.start(100)
        for done in range(1, 31):
            self.wait(1)
            shown.show(done)
        lines = self.stderr.getvalue().splitlines()
        self.assertEqual([line.split()[2] for line in lines], ["10", "20", "30"])

    def test_a_terminal_shows_one_line_that_is_updated(self):
        shown = self.start(10, terminal=True)
        for done in (1, 2):
            self.wait(1)
            shown.show(done)
        self.wait(8)
        shown.close(10)
        self.assertEqual(
            self.stderr.getvalue(),
            "\r\x1b[Kconvert train: 1 of 10 lines, 1.0/s, 0:01, 0:09 left"
            "\r\x1b[Kconvert train: 2 of 10 lines, 1.0/s, 0:02, 0:08 left"
            "\r\x1b[Kconvert train: 10 of 10 lines, 1.0/s, 0:10\n",
        )

    def test_a_note_is_computed_only_when_it_is_shown(self):
        shown, note = self.start(10), mock.Mock(return_value="")
        shown.show(1, note)
        note.assert_not_called()
        self.wait(10)
        shown.show(2, note)
        note.assert_called_once_with()

    def test_the_last_state_is_always_shown(self):
        shown = self.start(10)
        self.wait(1)
        shown.close(10, "2 refused")
        self.assertEqual(self.stderr.getvalue(), "convert train: 10 of 10 lines, 10/s, 0:01, 2 refused\n")

    def test_a_total_of_zero_can_be_closed(self):
        self.start(0).close(0)
        self.assertEqual(self.stderr.getvalue(), "convert train: 0 of 0 lines, 0.0/s, 0:00\n")

    @parameterized.parameters((59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (90061, "25:01:01"))
    def test_formats_times_as_clocks_do(self, seconds, shown):
        work = self.start(1)
        self.wait(seconds)
        work.close(1)
        self.assertEndsWith(self.stderr.getvalue(), f", {shown}\n")


if __name__ == "__main__":
    tf.test.main()
