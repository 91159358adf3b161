"""Spark on this machine: a standalone master with workers, Beam's job server, and a Beam worker pool."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator

from tests.engines import downloads
from tests.engines.processes import Server, answers, find_port, open_java

_JAVA = [
    "java",
    *open_java("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio"),
    *open_java("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs"),
    *open_java("sun.security.action", "sun.util.calendar"),
]

_HOST = "127.0.0.1"


@contextlib.contextmanager
def run_cluster(folder: pathlib.Path, workers: int = 2) -> Iterator[str]:
    """Runs a standalone master and workers of one core within the block; yields the master's URL."""
    folder.mkdir(parents=True)
    home = str(downloads.fetch_spark())
    port = find_port()
    url = f"spark://{_HOST}:{port}"
    java = [*_JAVA, "-Xmx512m", "-cp", f"{home}/jars/*"]
    # Spark would look for the version of Scala in files that its package on PyPI lacks.
    environment = {"SPARK_HOME": home, "SPARK_LOCAL_IP": _HOST, "SPARK_SCALA_VERSION": "2.12"}
    with contextlib.ExitStack() as stack:

        def start(name: str, *arguments: str) -> Server:
            server = Server([*java, *arguments], folder / f"{name}.log", environment)
            stack.callback(server.stop)
            return server

        master = start("master", "org.apache.spark.deploy.master.Master",
                       "--host", _HOST, "--port", str(port), "--webui-port", str(find_port()))  # fmt: skip
        master.wait_for(lambda: answers(_HOST, port))
        for number in range(workers):
            worker = start(f"worker_{number}", "org.apache.spark.deploy.worker.Worker",
                           "--host", _HOST, "--webui-port", str(find_port()), "--cores", "1", "--memory", "1g",
                           "--work-dir", str(folder / f"work_{number}"), url)  # fmt: skip
            log = worker.log
            worker.wait_for(lambda log=log: "Successfully registered" in log.read_text())
        yield url


@contextlib.contextmanager
def run_job_server(folder: pathlib.Path, master: str) -> Iterator[str]:
    """Runs Beam's job server for a Spark within the block, and yields its endpoint.

    Args:
      folder: For its log and the files that jobs stage.
      master: URL of a master, or local[2] for a Spark inside the job server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, home = find_port(), downloads.fetch_spark()
    jar = downloads.fetch_spark_job_server()
    classes = f"{jar}:{home}/jars/*"
    # In executors Beam's classes come before Spark's, whose Guava is too old for them.
    settings = ["-Dspark.ui.enabled=false", f"-Dspark.executor.extraClassPath={jar}"]
    options = [f"--job-port={port}", f"--artifact-port={find_port()}", f"--expansion-port={find_port()}",
               f"--artifacts-dir={folder}", f"--spark-master-url={master}"]  # fmt: skip
    driver = "org.apache.beam.runners.spark.SparkJobServerDriver"
    environment = {"SPARK_LOCAL_IP": _HOST, "SPARK_HOME": str(home)}
    command = [*_JAVA, "-Xmx1g", *settings, "-cp", classes, driver, *options]
    server = Server(command, folder / "job_server.log", environment)
    try:
        server.wait_for(lambda: answers(_HOST, port))
        yield f"localhost:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def run_worker_pool(folder: pathlib.Path) -> Iterator[str]:
    """Runs a Beam worker pool on this machine within the block, and yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = find_port()
    # The pool starts "python", which has to be the one with the package.
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    module = "apache_beam.runners.worker.worker_pool_main"
    command = [sys.executable, "-m", module, f"--service_port={port}"]
    server = Server(command, folder / "pool.log", {"PATH": path})
    try:
        server.wait_for(lambda: answers(_HOST, port))
        yield f"localhost:{port}"
    finally:
        server.stop()
