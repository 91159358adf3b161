"""Beam's own options, and which runner a job gets."""

import os

import apache_beam as beam
import tensorflow as tf
from absl.testing import parameterized
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)

from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.runner.beam_runner import (
    LocalRunner,
    choose_runner,
    is_remote,
    parse_options,
)
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.pipeline.errors import UserError


class ParseOptionsTest(parameterized.TestCase, tf.test.TestCase):
    def test_accepts_options_that_beam_knows(self):
        options = parse_options(
            ["--runner=FlinkRunner", "--flink_master=localhost:8081", "--environment_type", "LOOPBACK"]
        )
        self.assertEqual(options.view_as(StandardOptions).runner, "FlinkRunner")
        self.assertEqual(options.view_as(PortableOptions).environment_type, "LOOPBACK")
        self.assertEqual(options.get_all_options()["flink_master"], "localhost:8081")

    @parameterized.parameters("--spark_master_url=x", "--temp_location=/x", "--streaming")
    def test_accepts_options_of_other_runners(self, option):
        self.assertIn(option.partition("=")[0].removeprefix("--"), parse_options([option]).get_all_options())

    @parameterized.parameters(
        (["--runer=FlinkRunner"], "--runer=FlinkRunner"),
        (["--list=train.txt"], "--list=train.txt"),
        (["--verbose"], "--verbose"),
        (["--runne=FlinkRunner"], "--runne=FlinkRunner"),
        (["--runner=FlinkRunner", "--first=1", "--second", "2"], "--first=1 --second 2"),
        (["runner=FlinkRunner"], "runner=FlinkRunner"),
        (["--streaming", "stray"], "stray"),
        (["---"], "---"),
        (["--streaming=perhaps"], "argument --streaming: ignored explicit argument 'perhaps'"),
    )
    def test_refuses_what_beam_does_not_know(self, arguments, received):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"Beam options after --: received {received}, expected options that this version of Beam knows, as "
            "--name=value. "
            "Check their spelling; options of densenet-ocr precede the --.",
        ):
            parse_options(arguments)

    def test_refuses_options_of_the_direct_runner_which_does_not_run(self):
        with self.assertRaisesRegex(UserError, "--workers sets the processes"):
            parse_options(["--direct_num_workers=3"])
        parse_options(["--runner=DirectRunner", "--direct_num_workers=3"])


class IsRemoteTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        [],
        ["--runner=DirectRunner"],
        ["--runner=BundleBasedDirectRunner"],
        ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"],
        ["--runner=PortableRunner", "--job_endpoint=localhost:8099", "--environment_type=LOOPBACK"],
        ["--runner=FlinkRunner", "--flink_master=[local]"],
        ["--runner=SparkRunner", "--spark_master_url=local[2]"],
    )
    def test_workers_of_this_machine_are_local(self, *arguments):
        self.assertFalse(is_remote(parse_options(list(arguments))))

    @parameterized.parameters(
        ["--runner=PortableRunner", "--job_endpoint=localhost:8099"],  # DOCKER
        ["--runner=PortableRunner", "--job_endpoint=embed"],
        ["--runner=PortableRunner", "--job_endpoint=localhost:8099", "--environment_type=EXTERNAL",
         "--environment_config=localhost:50000"],
        ["--runner=FlinkRunner", "--flink_master=host:8081"],
        ["--runner=SparkRunner", "--spark_master_url=spark://host:7077"],
    )  # fmt: skip
    def test_workers_elsewhere_and_in_containers_are_remote(self, *arguments):
        self.assertTrue(is_remote(parse_options(list(arguments))))

    def test_an_environment_that_lacks_an_option_is_refused(self):
        options = parse_options(["--runner=PortableRunner", "--environment_type=EXTERNAL"])
        with self.assertRaisesRegex(UserError, "^Beam options after --: received"):
            is_remote(options)

    def test_the_options_stay_as_they_are(self):
        options = parse_options(["--runner=FlinkRunner", "--flink_master=[local]"])
        is_remote(options)
        self.assertIsNone(options.view_as(PortableOptions).environment_type)


class ChooseRunnerTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters((1, "in_memory"), (3, "multi_processing"))
    def test_the_local_runner_is_the_default(self, workers, mode):
        runner, options = choose_runner(PipelineOptions([]), workers=workers)
        self.assertIsInstance(runner, LocalRunner)
        self.assertEqual(options.view_as(DirectOptions).direct_num_workers, workers)
        self.assertEqual(options.view_as(DirectOptions).direct_running_mode, mode)

    def test_other_options_of_beam_reach_the_local_runner(self):
        runner, options = choose_runner(PipelineOptions(["--job_name=lines"]), workers=1)
        self.assertIsInstance(runner, LocalRunner)
        self.assertEqual(options.get_all_options()["job_name"], "lines")

    def test_a_runner_that_is_named_is_taken(self):
        runner, options = choose_runner(PipelineOptions(["--runner=FlinkRunner"]), workers=4)
        self.assertEqual(type(runner).__name__, "FlinkRunner")
        self.assertEqual(options.view_as(StandardOptions).runner, "FlinkRunner")

    def test_a_runner_that_beam_does_not_know_is_refused(self):
        with self.assertRaisesRegex(UserError, "Beam options after --: received --runner=Nonsense"):
            choose_runner(PipelineOptions(["--runner=Nonsense"]), workers=1)

    def test_the_local_runner_runs_a_pipeline(self):
        path = os.path.join(self.create_tempdir().full_path, "sum")
        runner, options = choose_runner(PipelineOptions([]), workers=1)
        with beam.Pipeline(runner=runner, options=options) as pipeline:
            (
                pipeline
                | beam.Create(range(5))
                | beam.CombineGlobally(sum)
                | beam.io.WriteToText(path, shard_name_template="")
            )
        with open(path) as file:
            self.assertEqual(file.read(), "10\n")

    @parameterized.parameters((3, 10, 3), (8, 2, 2), (1, 1, 1))
    def test_no_more_workers_than_shards(self, workers, shards, count):
        self.assertEqual(Execution.of(workers, [], RemoteConfig()).count_processes(shards), count)

    def test_0_workers_are_one_per_core(self):
        execution = Execution.of(0, [], RemoteConfig())
        self.assertEqual(execution.count_processes(10**6), os.cpu_count())
        self.assertEqual(execution.count_processes(1), 1)


if __name__ == "__main__":
    tf.test.main()
