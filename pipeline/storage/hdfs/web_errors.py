"""Errors of HDFS in the user's terms: what went wrong with which URL, and what to do."""

import contextlib
import json
from typing import Any

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import Kind, MissingFile, NoPermission
from densenet_ocr.pipeline.storage.hdfs.addresses import SETTING, find_user


class RemoteError(Exception):
    """An answer that is an error, or none.

    Attributes:
      kind: The name of Hadoop's exception, of urllib3's exception, or "status N".
      message: Its first line.
      node: Where the request went, such as http://host:9870.
      passes: Whether it may pass: then the request is made again.
    """

    def __init__(self, kind: str, message: str, node: str, passes: bool):
        super().__init__(f"{kind}: {message}")
        self.kind, self.message, self.node, self.passes = kind, message, node, passes


_NETWORK = "Check the URL, {setting} and the network."
_KINDS = {
    "FileNotFoundException": Kind(
        "no such file",
        "a file that exists",
        "Check the URL; names of files are case-sensitive.",
        MissingFile,
    ),
    "ParentNotDirectoryException": Kind(
        "a path through a file", "a path of folders", "Check the URL.", MissingFile
    ),
    "AccessControlException": Kind(
        "no permission",
        "a user who may do this",
        "Give {user} the right, or set HADOOP_USER_NAME to another user.",
        NoPermission,
    ),
    "SafeModeException": Kind(
        "a name node in safe mode",
        "a name node that can be written to",
        "Wait until it has heard of its data nodes, or end safe mode: hdfs dfsadmin -safemode leave.",
    ),
    "StandbyException": Kind(
        "a name node that stands by",
        "the active name node",
        "Set {setting} to the addresses of all name nodes, between commas.",
    ),
    "QuotaExceededException": Kind("no space below the quota", "space", "Free space, or raise the quota."),
    "InvalidPathException": Kind(
        "a name that no file can have here",
        "names without ':', empty parts, '.' and '..'",
        "Rename the file.",
    ),
    "folder": Kind("a folder", "a file", "Name a file in it."),
    "nodes": Kind(
        "no data node with space",
        "a data node that answers",
        "Check the data nodes: hdfs dfsadmin -report.",
    ),
    "kerberos": Kind(
        "a name node that asks for Kerberos",
        "a cluster with simple authentication: Kerberos is not supported",
        "Copy the files to another place, or mount HDFS by its NFS gateway.",
    ),
    "status 404": Kind(
        "no WebHDFS at {node}",
        "the web address of a name node",
        "Set {setting} to it (dfs.namenode.http-address): the port of hdfs:// URLs is that of RPC.",
    ),
    "NameResolutionError": Kind("no such host", "a host that exists", _NETWORK),
    "NewConnectionError": Kind("a connection that was refused by {node}", "a node that answers", _NETWORK),
    "TimeoutError": Kind("no answer in time of {node}", "a node that answers", _NETWORK),
    "SSLError": Kind("a certificate of {node} that is not valid", "a valid certificate", _NETWORK),
    "ProtocolError": Kind("a connection to {node} that broke", "a whole answer", _NETWORK),
}
_OTHER = Kind("an error of {node}", "an answer", "Check the URL, and the logs of HDFS.")
# Hadoop's kinds that say the same.
_SAME = {
    "NSQuotaExceededException": "QuotaExceededException",
    "DSQuotaExceededException": "QuotaExceededException",
    "FSLimitException": "InvalidPathException",
    "IllegalArgumentException": "InvalidPathException",
    "SecurityException": "AccessControlException",
}
# What Hadoop puts under one exception, by a part of its message.
_PARTS = {
    "Path is not a file": "folder",
    "already exists as a directory": "folder",
    "must both be directories": "folder",
    "is a directory": "folder",
    "could only be written to": "nodes",
    "Failed to find datanode": "nodes",
    "safe mode": "SafeModeException",
}
# What a name node says while it starts, stands by or looks for a data node.
_PASSING = ("SafeModeException", "StandbyException", "RetriableException", "nodes")


def read_answer(status: int, data: bytes, headers: Any, node: str) -> RemoteError:
    """Returns the error that an answer of status 400 or more carries."""
    if status == 401:
        negotiates = "negotiate" in headers.get("WWW-Authenticate", "").lower()
        return RemoteError("kerberos" if negotiates else "AccessControlException", "status 401", node, False)
    found: dict[str, Any] = {}
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = json.loads(data)["RemoteException"]
    message = str(found.get("message", "")).partition("\n")[0]
    kind = str(found.get("exception") or f"status {status}")
    kind = next((apart for part, apart in _PARTS.items() if part in message), _SAME.get(kind, kind))
    return RemoteError(kind, message, node, kind in _PASSING or status in (429, 502, 503, 504))


def explain(url: str, error: RemoteError) -> UserError:
    """Returns what to tell the user about an error."""
    cause = error.message if error.kind in _KINDS else str(error)
    return _KINDS.get(error.kind, _OTHER).explain(
        url, cause[:300], repeated=error.passes, node=error.node, setting=SETTING, user=find_user()
    )


def refuse_folder(url: str) -> UserError:
    """Returns what to tell the user about a folder in place of a file."""
    return explain(url, RemoteError("folder", "", "", passes=False))
