"""The processes of a training on several machines, from TF_CONFIG or from Slurm's environment."""

import contextlib
import dataclasses
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping

import tensorflow as tf

from densenet_ocr.pipeline.errors import UserError

_EXAMPLE = '{"cluster": {"worker": ["host0:8888", "host1:8888"]}, "task": {"type": "worker", "index": 0}}'
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\s\[\]/]+):(\d{1,5})")

# First port of a Slurm job; the job's number is added, so that two jobs on a node have other ports. Below
# 32768, from where on Linux gives ports to connections.
_SLURM_PORT, _SLURM_PORTS = 20000, 12000


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of a training; each one is a worker, and worker 0, the chief, writes the run.

    Attributes:
      workers: Address of each worker, host:port.
      index: Number of this process among them.
      source: Where this comes from, for messages.
    """

    workers: tuple[str, ...]
    index: int
    source: str

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run."""
        return self.index == 0

    @property
    def peers(self) -> list[int]:
        """The numbers of the other workers."""
        return [index for index in range(len(self.workers)) if index != self.index]

    def name(self, index: int) -> str:
        """Returns a worker's name for messages."""
        return f"worker {index} ({self.workers[index]})"

    def make_resolver(self) -> tf.distribute.cluster_resolver.ClusterResolver:
        """Returns TensorFlow's description of the cluster."""
        spec = tf.train.ClusterSpec({"worker": list(self.workers)})
        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec,
            task_type="worker",
            task_id=self.index,
            rpc_layer="grpc",
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        )


def find_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """Finds the cluster in TF_CONFIG, else in the variables of a Slurm step.

    Raises:
      UserError: neither is there, or what is there does not describe a cluster.
    """
    if environment.get("TF_CONFIG"):
        return _read_tf_config(environment["TF_CONFIG"])
    if "SLURM_PROCID" in environment:
        return _read_slurm(environment)
    raise UserError(
        "strategy",
        received="'multi_worker', and neither TF_CONFIG nor the variables of Slurm's srun",
        expected=f"the addresses of all workers, such as TF_CONFIG={_EXAMPLE}",
        remedy="Set TF_CONFIG, start the workers by srun, or set another --strategy; docs/training.md "
        "shows how, also on Kubernetes.",
    )


def split_address(address: str) -> tuple[str, int]:
    """Returns the host, that of an IPv6 address without its brackets, and the port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def opened_port(address: str) -> Iterator[socket.socket]:
    """Yields a socket with the port of an address of this machine; raises OSError where it cannot be opened."""
    host, port = split_address(address)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TensorFlow sets it too
        server.bind(("", port))
        yield server


def check_port(cluster: Cluster) -> None:
    """Raises UserError where another process has this worker's port, such as a second worker of its number."""
    address = cluster.workers[cluster.index]
    try:
        with opened_port(address):
            pass
    except OSError as error:
        raise UserError(
            cluster.name(cluster.index),
            received=f"port {split_address(address)[1]}, which cannot be opened here ({error.strerror})",
            expected="a free port",
            remedy="End the process that has it, such as a second worker with the same index, or set "
            "another port on all workers.",
        ) from None


def _read_tf_config(text: str) -> Cluster:
    try:
        content = json.loads(text)
        jobs, task = content["cluster"], content["task"]
        kind, index = task["type"], task["index"]
        addresses = {name: [*hosts] for name, hosts in jobs.items() if not isinstance(hosts, str)}
    except ValueError as error:
        raise _refuse(f"no JSON ({error})") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise _refuse(f"{text}, which lacks a part ({error})") from None
    if others := sorted(map(repr, set(jobs) - {"chief", "worker"})):
        raise _refuse(f"tasks of type {', '.join(others)}")
    if set(jobs) != set(addresses) or kind not in addresses:
        raise _refuse(f"a task of type {kind!r} in a cluster of {', '.join(map(repr, jobs)) or 'nothing'}")
    chiefs = addresses.get("chief", [])
    workers = [*chiefs, *addresses.get("worker", [])]
    if len(chiefs) > 1:
        raise _refuse("more than one chief")
    _check_addresses(workers)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(addresses[kind]):
        raise _refuse(f"task {json.dumps(task)}, where the cluster has {len(addresses[kind])} of this type")
    return Cluster(tuple(workers), index + (len(chiefs) if kind == "worker" else 0), "TF_CONFIG")


def _check_addresses(workers: list) -> None:
    for address in workers:
        match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if not match or not 0 < int(match[2]) < 65536:
            raise _refuse(f"the address {address!r}")
    repeated = sorted({address for address in workers if workers.count(address) > 1})
    if repeated:
        raise _refuse(f"the address {repeated[0]!r} more than once")


def _refuse(received: str) -> UserError:
    return UserError(
        "environment variable TF_CONFIG",
        received=received,
        expected=f"the addresses of all workers and the number of this one, such as {_EXAMPLE}",
        remedy="Set it on each worker: the cluster is the same on all, the index of the task differs. A task "
        "'chief' with index 0 may stand for the first worker.",
    )


def _read_slurm(environment: Mapping[str, str]) -> Cluster:
    """Takes hosts and ports from TensorFlow's resolver, which reads os.environ; GPUs are left to srun."""
    tasks = {"gpus_per_node": 1 << 16, "gpus_per_task": 1, "auto_set_gpu": False}
    port = _SLURM_PORT + int(environment.get("SLURM_JOB_ID", "0")) % _SLURM_PORTS
    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(port_base=port, **tasks)
        workers = resolver.cluster_spec().as_dict()["worker"]
        cluster = Cluster(tuple(workers), resolver.task_id, "Slurm")
    except (RuntimeError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(
            "environment of Slurm",
            received=f"{type(error).__name__}: {error}",
            expected="the variables of a step with one task for each worker",
            remedy="Start the workers by srun, or set TF_CONFIG.",
        ) from None
    # The resolver sorts the hosts by name, Slurm by number: n9, n10.
    host, own = split_address(cluster.workers[cluster.index])[0], environment.get("SLURMD_NODENAME", "")
    if own and own != host:
        raise UserError(
            "environment of Slurm",
            received=f"task {cluster.index} on {own}",
            expected=f"that task on {host}, as TensorFlow sorts the hosts",
            remedy="Set TF_CONFIG on each worker.",
        )
    return cluster
