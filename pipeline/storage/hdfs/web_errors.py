"""Errors of HDFS in the user's terms: what went wrong with which URL, and what to do."""

import json
from typing import Any, NamedTuple

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import MissingFile, NoPermission
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


class _Kind(NamedTuple):
    """A kind of error: what to say of it."""

    received: str
    expected: str
    remedy: str
    error: type[UserError] = UserError


_NETWORK = "Check the URL, {setting} and the network."
_KINDS = {
    "FileNotFoundException": _Kind(
        "no such file",
        "a file that exists",
        "Check the URL; names of files are case-sensitive.",
        MissingFile,
    ),
    "ParentNotDirectoryException": _Kind(
        "a path through a file", "a path of folders", "Check the URL.", MissingFile
    ),
    "AccessControlException": _Kind(
        "no permission",
        "a user who may do this",
        "Give {user} the right, or set HADOOP_USER_NAME to another user.",
        NoPermission,
    ),
    "SafeModeException": _Kind(
        "a name node in safe mode",
        "a name node that can be written to",
        "Wait until it has heard of its data nodes, or end safe mode: hdfs dfsadmin -safemode leave.",
    ),
    "StandbyException": _Kind(
        "a name node that stands by",
        "the active name node",
        "Set {setting} to the addresses of all name nodes, between commas.",
    ),
    "QuotaExceededException": _Kind("no space below the quota", "space", "Free space, or raise the quota."),
    "InvalidPathException": _Kind(
        "a name that no file can have here",
        "names without ':', empty parts, '.' and '..'",
        "Rename the file.",
    ),
    "folder": _Kind("a folder", "a file", "Name a file in it."),
    "nodes": _Kind(
        "no data node with space",
        "a data node that answers",
        "Check the data nodes: hdfs dfsadmin -report.",
    ),
    "kerberos": _Kind(
        "a name node that asks for Kerberos",
        "a cluster with simple authentication: Kerberos is not supported",
        "Copy the files to another place, or mount HDFS by its NFS gateway.",
    ),
    "status 404": _Kind(
        "no WebHDFS at {node}",
        "the web address of a name node",
        "Set {setting} to it (dfs.namenode.http-address): the port of hdfs:// URLs is that of RPC.",
    ),
    "NameResolutionError": _Kind("no such host", "a host that exists", _NETWORK),
    "NewConnectionError": _Kind("a connection that was refused by {node}", "a node that answers", _NETWORK),
    "TimeoutError": _Kind("no answer in time of {node}", "a node that answers", _NETWORK),
    "SSLError": _Kind("a certificate of {node} that is not valid", "a valid certificate", _NETWORK),
    "ProtocolError": _Kind("a connection to {node} that broke", "a whole answer", _NETWORK),
}
_OTHER = _Kind("an error of {node}", "an answer", "Check the URL, and the logs of HDFS.")
# Hadoop's kinds that say the same.
_SAME = {
    "NSQuotaExceededException": "QuotaExceededException",
    "DSQuotaExceededException": "QuotaExceededException",
    "FSLimitException": "InvalidPathException",
    "IllegalArgumentException": "InvalidPathException",
    "SecurityException": "AccessControlException",
}
# What a name node says while it starts, stands by or looks for a data node.
_PASSING = ("SafeModeException", "StandbyException", "RetriableException", "nodes")


def read_answer(status: int, data: bytes, headers: Any, node: str) -> RemoteError:
    """Returns the error that an answer of status 400 or more carries."""
    if status == 401:
        negotiates = "negotiate" in headers.get("WWW-Authenticate", "").lower()
        return RemoteError("kerberos" if negotiates else "AccessControlException", "status 401", node, False)
    found = _parse(data)
    message = str(found.get("message", "")).partition("\n")[0]
    kind = str(found.get("exception") or f"status {status}")
    kind = _tell_apart(_SAME.get(kind, kind), message)
    return RemoteError(kind, message, node, kind in _PASSING or status in (429, 502, 503, 504))


def explain(url: str, error: RemoteError) -> UserError:
    """Returns what to tell the user about an error."""
    kind = _KINDS.get(error.kind, _OTHER)
    words = {"node": error.node, "setting": SETTING, "user": find_user()}
    cause = error.message if error.kind in _KINDS else str(error)
    return kind.error(
        f"file {url}",
        received=f"{kind.received.format(**words)}{', also after retries' if error.passes else ''}"
        + (f" ({cause[:300]})" if cause else ""),
        expected=kind.expected,
        remedy=kind.remedy.format(**words),
    )


def refuse_folder(url: str) -> UserError:
    """Returns what to tell the user about a folder in place of a file."""
    return explain(url, RemoteError("folder", "", "", passes=False))


def _tell_apart(kind: str, message: str) -> str:
    """Names what Hadoop puts under one exception."""
    if "Path is not a file" in message or "already exists as a directory" in message:
        return "folder"
    if "must both be directories" in message or "is a directory" in message:
        return "folder"
    if "could only be written to" in message or "Failed to find datanode" in message:
        return "nodes"
    if "safe mode" in message:
        return "SafeModeException"
    return kind


def _parse(data: bytes) -> dict[str, Any]:
    try:
        return json.loads(data)["RemoteException"]
    except (ValueError, KeyError, TypeError):
        return {}
