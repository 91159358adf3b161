"""Flink on this machine: a job manager, task managers with a Beam worker pool beside each, a job server."""

import contextlib
import json
import os
import pathlib
import sys
import urllib.request
from collections.abc import Iterator

from tests.engines import downloads, hosts
from tests.engines.processes import Server, answers, find_port, open_java

_JAVA = [
    "java",
    *open_java("java.lang", "java.lang.reflect", "java.net", "java.io", "java.nio", "java.text", "java.time"),
    *open_java("java.util", "java.util.concurrent", "java.util.concurrent.atomic"),
    *open_java("java.util.concurrent.locks"),
]  # fmt: skip

# What Flink's start scripts, which its package on PyPI lacks, compute of one number: 1 GB per task manager.
_TASK_MANAGER = {
    "taskmanager.cpu.cores": "1",
    "taskmanager.numberOfTaskSlots": "1",
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.heap.size": "256m",
    "taskmanager.memory.task.off-heap.size": "0",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.network.min": "64m",
    "taskmanager.memory.network.max": "64m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "64m",
    "taskmanager.memory.jvm-overhead.max": "64m",
}


class TaskManager:
    """A task manager, and the worker pool beside it that starts its Python processes."""

    def __init__(self, host: hosts.Host, manager: str, settings: dict[str, str], folder: pathlib.Path) -> None:
        self._host, self._settings, self._folder = host, settings, folder
        self._classes = f"{downloads.fetch_flink()}/lib/*"
        self._manager = manager
        self.start()

    def start(self) -> None:
        """Starts both."""
        pool = ["apache_beam.runners.worker.worker_pool_main", f"--service_port={self._host.pool_port}"]
        # The pool starts "python", which has to be the one with the package.
        path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        command = self._host.wrap([sys.executable, "-m", *pool])
        self._pool = Server(command, self._folder / "pool.log", {"PATH": path})
        self._server = Server(
            self._host.wrap([*_JAVA, "-Xmx384m", "-XX:MaxDirectMemorySize=192m", "-cp", self._classes,
                             "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                             "--configDir", str(self._folder),
                             *_define(self._settings | _TASK_MANAGER),
                             f"-Dtaskmanager.host={self._host.address}"]),
            self._folder / "task_manager.log",
        )  # fmt: skip

    def kill(self) -> None:
        """Ends both at once, as a machine that loses power."""
        self._server.kill()
        self._pool.kill()

    def stop(self) -> None:
        """Ends both."""
        self._server.stop()
        self._pool.stop()


class Cluster:
    """A Flink cluster.

    Attributes:
      rest: Address of its job manager, for --flink_master.
      task_managers: Its task managers.
      hosts: What they run on.
    """

    def __init__(self, address: str, task_hosts: list[hosts.Host], folder: pathlib.Path) -> None:
        self.hosts, self.task_managers = task_hosts, []
        rest = find_port()
        self.rest = f"{address}:{rest}"
        settings = {
            "jobmanager.rpc.address": address,
            "jobmanager.rpc.port": str(find_port()),
            "rest.address": address,
            "rest.port": str(rest),
            "rest.bind-address": address,
            "jobmanager.memory.process.size": "1g",
            # A lost task manager is noticed by its broken connections, at the latest after this time.
            "heartbeat.timeout": "10000",
            "heartbeat.interval": "2000",
            # A job in batches restarts where this is set, and fails with its first task otherwise.
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "3",
            "restart-strategy.fixed-delay.delay": "1 s",
        }
        job_manager = self._make_folder(folder / "job_manager")
        classes = f"{downloads.fetch_flink()}/lib/*"
        self._job_manager = Server(
            [*_JAVA, "-Xmx512m", "-cp", classes,
             "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
             "--configDir", str(job_manager), *_define(settings)],
            job_manager / "job_manager.log",
        )  # fmt: skip
        for number, host in enumerate(task_hosts):
            task_folder = self._make_folder(folder / f"task_manager_{number}")
            self.task_managers.append(TaskManager(host, self.rest, settings, task_folder))
        self.wait_for_slots()

    def count_slots(self) -> int:
        """Returns the slots of all task managers that the job manager knows."""
        with contextlib.suppress(OSError):
            return json.load(urllib.request.urlopen(f"http://{self.rest}/overview"))["slots-total"]
        return 0

    def wait_for_slots(self) -> None:
        """Waits until all task managers are there."""
        self._job_manager.wait_for(lambda: self.count_slots() == len(self.task_managers))

    def stop(self) -> None:
        """Ends all processes."""
        for server in (*self.task_managers, self._job_manager):
            server.stop()

    def _make_folder(self, folder: pathlib.Path) -> pathlib.Path:
        folder.mkdir(parents=True)
        (folder / "flink-conf.yaml").touch()
        return folder


@contextlib.contextmanager
def run_cluster(folder: pathlib.Path, hidden: pathlib.Path, task_managers: int = 2) -> Iterator[Cluster]:
    """Runs a cluster within the block.

    Args:
      folder: For logs.
      hidden: A folder that task managers and worker pools do not see, where namespaces are permitted.
      task_managers: How many, each with a slot.
    """
    with hosts.make_hosts(task_managers, hidden) as (address, task_hosts):
        cluster = Cluster(address, task_hosts, folder)
        try:
            yield cluster
        finally:
            cluster.stop()


@contextlib.contextmanager
def run_job_server(folder: pathlib.Path, master: str) -> Iterator[str]:
    """Runs Beam's job server for a Flink within the block, and yields its endpoint.

    Args:
      folder: For its log and the files that jobs stage.
      master: Address of a job manager, or "[local]" for a Flink inside the job server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = find_port()
    options = [f"--job-port={port}", f"--artifact-port={find_port()}", f"--expansion-port={find_port()}",
               f"--artifacts-dir={folder}", f"--flink-master={master}"]  # fmt: skip
    jar = str(downloads.fetch_flink_job_server())
    server = Server([*_JAVA, "-Xmx1g", "-jar", jar, *options], folder / "job_server.log")
    try:
        server.wait_for(lambda: answers("127.0.0.1", port))
        yield f"localhost:{port}"
    finally:
        server.stop()


def _define(settings: dict[str, str]) -> list[str]:
    return [f"-D{name}={value}" for name, value in settings.items()]
