"""Requests to name nodes that stand by, start, refuse or break; tests/engines/hdfs_check.py has real ones."""

import http.server
import json
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.storage.hdfs import client
from tests.messages import user_error
from tests.servers.threads import serve


def remote_error(kind: str, message: str = "said by the test") -> tuple[int, bytes]:
    """An answer of a name node that is an error."""
    return 403, json.dumps({"RemoteException": {"exception": kind, "message": message}}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    """A name node that gives the answers in `answers` one after another, the last one for ever."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, bytes]]
    headers_sent: dict[str, str]

    def do_GET(self):
        answers = type(self).answers
        status, data = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response_only(status)
        for name, value in {**self.headers_sent, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        pass


class ClientTest(parameterized.TestCase, tf.test.TestCase):
    def serve(self, *answers: tuple[int, bytes], **headers: str) -> str:
        names = {"answers": list(answers), "headers_sent": headers}
        return self.enter_context(serve(type("Node", (Handler,), names)))

    def use(self, *addresses: str, seconds: float = client.RETRY_SECONDS) -> None:
        self.enter_context(mock.patch.dict(os.environ, {"WEBHDFS_ADDRESS": ",".join(addresses)}))
        self.enter_context(mock.patch.object(client, "RETRY_SECONDS", seconds))

    def test_the_active_one_of_several_name_nodes_answers(self):
        standby = self.serve(remote_error("StandbyException"))
        self.use("http://127.0.0.1:1", standby, self.serve((200, b"data")))
        self.assertEqual(storage.read_bytes("hdfs://service/a"), b"data")

    @parameterized.parameters("SafeModeException", "RetriableException", "StandbyException")
    def test_what_passes_is_asked_again(self, kind):
        self.use(self.serve(remote_error(kind), remote_error(kind), (200, b"data")))
        self.assertEqual(storage.read_bytes("hdfs://service/a"), b"data")

    @parameterized.parameters(
        ("SafeModeException", "a name node in safe mode, also after retries", "-safemode leave"),
        ("StandbyException", "a name node that stands by, also after retries", "all name nodes"),
        ("AccessControlException", "no permission (said by the test)", "HADOOP_USER_NAME"),
        ("DSQuotaExceededException", "no space below the quota", "raise the quota"),
        ("OddException", "(OddException: said by the test)", "the logs of HDFS"),
    )
    def test_an_error_reads_as_what_it_is(self, kind, received, remedy):
        self.use(self.serve(remote_error(kind)), seconds=1)
        with user_error("file hdfs://service/a", received, remedy):
            storage.read_bytes("hdfs://service/a")

    def test_kerberos_is_refused_by_name(self):
        self.use(self.serve((401, b""), **{"WWW-Authenticate": "Negotiate"}))
        with user_error("a name node that asks for Kerberos", "Kerberos is not supported"):
            storage.read_bytes("hdfs://service/a")

    def test_a_port_that_is_not_the_web_port_is_named(self):
        self.use(self.serve((404, b"It looks like you are making an HTTP request to a Hadoop IPC port.")))
        with user_error("no WebHDFS at http://127.0.0.1", "dfs.namenode.http-address"):
            storage.read_bytes("hdfs://service/a")

    def test_a_name_node_that_is_not_there_is_named(self):
        self.use("http://127.0.0.1:1", seconds=1)
        with user_error("a connection that was refused by http://127.0.0.1:1, also after retries"):
            storage.read_bytes("hdfs://service/a")


if __name__ == "__main__":
    tf.test.main()
