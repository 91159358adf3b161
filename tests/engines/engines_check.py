"""The three jobs on real engines write the bytes that the local runner writes."""

import contextlib
import unittest
from collections.abc import Iterator

from tests.engines import flink, spark
from tests.engines.jobs import LINES, REPEATS, Sample, describe_difference
from tests.engines.kills import convert_with_kill

sample = Sample()

_PORTABLE = "--runner=PortableRunner"


class Engine:
    """An engine for all tests of a class, and the tests."""

    jobs = ("convert", "synthesize", "transcribe")
    arguments: list[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = sample.folder / cls.__name__
        cls.arguments = cls.enterClassContext(cls.run_engine())

    @classmethod
    @contextlib.contextmanager
    def run_engine(cls) -> Iterator[list[str]]:
        """Runs the engine within the block and yields Beam's options for it."""
        raise NotImplementedError

    def test_outputs_are_those_of_the_local_runner(self):
        for job in self.jobs:
            with self.subTest(job):
                output = self.folder / job
                result = sample.run(job, output, *self.arguments)
                rows = LINES if job == "synthesize" else LINES * REPEATS + 1
                self.assertEqual(result["read"], rows)
                self.assertEqual(describe_difference(output, sample.run_locally(job)), "")


class EmbeddedRunnerCheck(Engine, unittest.TestCase):
    @classmethod
    @contextlib.contextmanager
    def run_engine(cls) -> Iterator[list[str]]:
        yield [_PORTABLE, "--job_endpoint=embed", "--environment_type=LOOPBACK"]


class LocalFlinkCheck(Engine, unittest.TestCase):
    jobs = ("convert",)

    @classmethod
    @contextlib.contextmanager
    def run_engine(cls) -> Iterator[list[str]]:
        with flink.run_job_server(cls.folder / "server", "[local]") as endpoint:
            yield [_PORTABLE, f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK", "--parallelism=2"]


class FlinkClusterCheck(Engine, unittest.TestCase):
    """A job manager, and two task managers with a worker pool each, in networks of their own."""

    cluster: flink.Cluster

    @classmethod
    @contextlib.contextmanager
    def run_engine(cls) -> Iterator[list[str]]:
        cls.hidden = cls.folder / "hidden"
        cls.hidden.mkdir(parents=True)
        with (
            flink.run_cluster(cls.folder / "cluster", cls.hidden) as cls.cluster,
            flink.run_job_server(cls.hidden / "server", cls.cluster.rest) as endpoint,
        ):
            pool = f"localhost:{cls.cluster.hosts[0].pool_port}"
            environment = ["--environment_type=EXTERNAL", f"--environment_config={pool}"]
            yield [_PORTABLE, f"--job_endpoint={endpoint}", *environment, "--parallelism=2"]

    def test_a_folder_that_workers_do_not_see_is_refused(self):
        if self.cluster.hosts[0].address == "127.0.0.1":
            self.skipTest("no permission for namespaces: the workers see all folders")
        output = self.hidden / "data"
        with self.assertRaisesRegex(RuntimeError, f"error: folder {self.hidden}: received none on a worker"):
            sample.run("convert", output, *self.arguments)
        self.assertFalse(output.exists())

    def test_a_task_manager_that_dies_costs_no_line(self):
        output = self.folder / "killed"
        result, _ = convert_with_kill(sample, self.cluster, output, self.arguments, shards=3)
        self.assertEqual(result["read"], LINES * REPEATS + 1)
        self.assertEqual(describe_difference(output, sample.run_locally("convert")), "")


class LocalSparkCheck(Engine, unittest.TestCase):
    jobs = ("convert",)

    @classmethod
    @contextlib.contextmanager
    def run_engine(cls) -> Iterator[list[str]]:
        with spark.run_job_server(cls.folder / "server", "local[2]") as endpoint:
            yield [_PORTABLE, f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK"]


class SparkClusterCheck(Engine, unittest.TestCase):
    """A standalone master and two workers, with one worker pool beside them."""

    jobs = ("convert",)

    @classmethod
    @contextlib.contextmanager
    def run_engine(cls) -> Iterator[list[str]]:
        with (
            spark.run_cluster(cls.folder / "cluster") as master,
            spark.run_job_server(cls.folder / "server", master) as endpoint,
            spark.run_worker_pool(cls.folder / "pool") as pool,
        ):
            environment = ["--environment_type=EXTERNAL", f"--environment_config={pool}"]
            yield [_PORTABLE, f"--job_endpoint={endpoint}", *environment]
