"""The trial of a runner before a job starts."""

import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.engine.runner import runner_trial
from densenet_ocr.beam_jobs.engine.runner.beam_runner import parse_options
from densenet_ocr.beam_jobs.engine.runner.runner_trial import CheckWorker, try_runner
from densenet_ocr.pipeline.errors import UserError

EMBEDDED = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]


class TryRunnerTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.create_tempdir().full_path)

    def try_it(self, arguments, inputs=()):
        output = os.path.join(self.folder, "new", "data")
        try_runner(parse_options(arguments), seconds=600, inputs={"list": inputs}, output=output)

    def test_a_runner_that_works_passes_and_nothing_is_left(self):
        path = os.path.join(self.folder, "train.txt")
        open(path, "w").close()
        self.try_it(EMBEDDED, ["", path])
        self.assertEqual(os.listdir(self.folder), ["train.txt"])

    def test_a_path_that_the_worker_lacks_is_named(self):
        with self.assertRaisesRegex(UserError, "^path /no/train.txt: received none on a worker"):
            self.try_it(EMBEDDED, ["/no/train.txt"])
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_local_runner_is_not_tried(self):
        self.try_it([], ["/no/train.txt"])

    def test_a_runner_that_does_not_end_in_time_is_refused(self):
        result = mock.Mock(**{"wait_until_finish.return_value": "RUNNING"})
        with (
            mock.patch.object(runner_trial.beam.Pipeline, "run", return_value=result),
            self.assertRaisesRegex(
                UserError, r"^runner PortableRunner: received no end of it in 600 seconds \(state RUNNING\)"
            ),
        ):
            self.try_it(EMBEDDED)
        result.wait_until_finish.assert_called_once_with(duration=600_000)
        result.cancel.assert_called_once_with()

    def test_ctrl_c_cancels_the_job_on_the_runner(self):
        result = mock.Mock(**{"wait_until_finish.side_effect": KeyboardInterrupt})
        with (
            mock.patch.object(runner_trial.beam.Pipeline, "run", return_value=result),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.try_it(EMBEDDED)
        result.cancel.assert_called_once_with()

    def test_a_worker_with_another_version_of_a_package_is_refused(self):
        with self.assertRaisesRegex(UserError, "^package pillow of the workers: received .*, expected 0.1,"):
            list(CheckWorker({"pillow": "0.1"}, {}).process(0))


if __name__ == "__main__":
    tf.test.main()
