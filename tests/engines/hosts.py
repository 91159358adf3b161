"""Hosts for the workers of a cluster: network namespaces where the machine permits them, else this machine.

A namespace has a loopback and a port space of its own, so a worker pool on "localhost:50000" is reached from
its own task manager only, as on a cluster. A folder may be hidden from a host, as a disk that it does not
share.
"""

import contextlib
import pathlib
import subprocess
import uuid
from collections.abc import Iterator, Sequence

from tests.engines.processes import find_port

_NETWORK = "198.18.{}"  # addresses for tests of networks, RFC 2544


class Host:
    """This machine: processes see everything that it has."""

    address = "127.0.0.1"

    def __init__(self) -> None:
        self.pool_port = find_port()

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Returns the command that runs `command` on the host."""
        return list(command)


class Namespace(Host):
    """A host with a network of its own, from which a folder is hidden."""

    def __init__(self, name: str, address: str, hidden: pathlib.Path) -> None:
        self.name, self.address, self._hidden = name, address, hidden
        self.pool_port = 50000  # the same on each host

    def wrap(self, command: Sequence[str]) -> list[str]:
        """See Host."""
        hide = 'mount -t tmpfs tmpfs "$1" && shift && exec "$@"'
        return ["ip", "netns", "exec", self.name, "sh", "-c", hide, "sh", str(self._hidden), *command]


def can_make_namespaces() -> bool:
    """Returns whether this process may make network namespaces and mount in them."""
    name = _make_name()
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        return False
    try:
        probe = ["ip", "netns", "exec", name, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return not subprocess.run(probe, capture_output=True).returncode
    finally:
        _ip("netns", "delete", name)


@contextlib.contextmanager
def make_hosts(count: int, hidden: pathlib.Path) -> Iterator[tuple[str, list[Host]]]:
    """Yields the address of this machine as the hosts see it, and `count` hosts.

    Without permission for namespaces, the one host that it yields is this machine, with nothing hidden.
    """
    if not can_make_namespaces():
        yield Host.address, [Host()] * count
        return
    with contextlib.ExitStack() as stack:
        bridge, network = _make_name(), _NETWORK.format(uuid.uuid4().int % 250)
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("address", "add", f"{network}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        hosts: list[Host] = []
        for number in range(count):
            host = Namespace(_make_name(), f"{network}.{number + 2}", hidden)
            stack.enter_context(_connected(host, bridge))
            hosts.append(host)
        yield f"{network}.1", hosts


@contextlib.contextmanager
def _connected(host: Namespace, bridge: str) -> Iterator[None]:
    """Within the block, the namespace of a host exists and is connected to a bridge."""
    outside = _make_name()
    _ip("netns", "add", host.name)
    try:
        _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        _ip("link", "set", outside, "master", bridge, "up")
        _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
        _ip("-n", host.name, "link", "set", "eth0", "up")
        _ip("-n", host.name, "link", "set", "lo", "up")
        yield
    finally:
        _ip("netns", "delete", host.name)


def _make_name() -> str:
    return f"ocr-{uuid.uuid4().hex[:8]}"  # names of interfaces have 15 characters at most


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
