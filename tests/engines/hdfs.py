"""HDFS on this machine: a name node and a data node, processes of Hadoop's own classes."""

import contextlib
import os
import pathlib
import subprocess
import urllib.request
from collections.abc import Iterator
from unittest import mock

from tests.engines import downloads
from tests.engines.processes import Server, answers, find_port, open_java

_HOST = "127.0.0.1"
_NODES = "org.apache.hadoop.hdfs.server"
_LOGGING = """log4j.rootLogger=INFO,out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n
"""


class Cluster:
    """A name node and a data node.

    Attributes:
      root: hdfs:// URL of the whole.
      web: Web address of the name node.
      data_node: The data node, which may be killed and started.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._name_port, web_port = find_port(), find_port()
        self.root, self.web = f"hdfs://{_HOST}:{self._name_port}", f"http://{_HOST}:{web_port}"
        self._write_settings(web_port)
        classes = f"{folder / 'settings'}:{downloads.fetch_hadoop()}/*"
        self._java = ["java", *open_java("java.lang"), "-Xmx256m", "-cp", classes]

    def _write_settings(self, web_port: int) -> None:
        settings = self._folder / "settings"
        for name in ("hdfs", "datanode", "static"):  # pages, which the jars lack
            (settings / "webapps" / name).mkdir(parents=True)
        (settings / "log4j.properties").write_text(_LOGGING)
        _write_properties(settings / "core-site.xml", {"fs.defaultFS": self.root})
        ports = {name: find_port() for name in ("address", "http.address", "ipc.address")}
        values = {
            "dfs.namenode.name.dir": self._folder / "names",
            "dfs.namenode.http-address": f"{_HOST}:{web_port}",
            "dfs.datanode.data.dir": self._folder / "blocks",
            "dfs.datanode.hostname": _HOST,
            "dfs.replication": 1,
            **{f"dfs.datanode.{name}": f"{_HOST}:{port}" for name, port in ports.items()},
        }
        _write_properties(settings / "hdfs-site.xml", values)

    def call(self, method: str, path: str, operation: str, **parameters: object) -> None:
        """Makes a request as HDFS's superuser."""
        query = urllib.parse.urlencode({"op": operation, "user.name": _superuser(), **parameters})
        address = f"{self.web}/webhdfs/v1{path}?{query}"
        urllib.request.urlopen(urllib.request.Request(address, method=method)).close()

    def set_safe_mode(self, is_on: bool) -> None:
        """Lets the name node enter or leave safe mode."""
        words = ["org.apache.hadoop.hdfs.tools.DFSAdmin", "-safemode", "enter" if is_on else "leave"]
        subprocess.run([*self._java, *words], check=True, capture_output=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Runs both nodes within the block."""
        format_words = [f"{_NODES}.namenode.NameNode", "-format", "-nonInteractive"]
        subprocess.run([*self._java, *format_words], check=True, capture_output=True)
        with contextlib.ExitStack() as stack:
            names = Server([*self._java, f"{_NODES}.namenode.NameNode"], self._folder / "names.log")
            stack.callback(names.stop)
            names.wait_for(lambda: answers(_HOST, self._name_port))
            blocks = Server([*self._java, f"{_NODES}.datanode.DataNode"], self._folder / "blocks.log")
            stack.callback(blocks.stop)
            log = self._folder / "names.log"
            blocks.wait_for(lambda: "processReport" in log.read_text(errors="replace"))
            yield


@contextlib.contextmanager
def run_hdfs(folder: pathlib.Path) -> Iterator[Cluster]:
    """Runs an HDFS within the block, which this process and those that it starts find."""
    cluster = Cluster(folder)
    with cluster.running(), mock.patch.dict(os.environ, {"WEBHDFS_ADDRESS": cluster.web}):
        yield cluster


def _superuser() -> str:
    import getpass

    return getpass.getuser()


def _write_properties(path: pathlib.Path, values: dict[str, object]) -> None:
    rows = [f"<property><name>{name}</name><value>{value}</value></property>" for name, value in values.items()]
    path.write_text("<configuration>\n" + "\n".join(rows) + "\n</configuration>\n")
