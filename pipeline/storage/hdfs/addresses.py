"""Where the name nodes of an hdfs:// URL answer HTTP: the port in the URL is that of Hadoop's RPC."""

import getpass
import os
import re
import urllib.parse

from densenet_ocr.pipeline.errors import UserError

SETTING = "WEBHDFS_ADDRESS"
_PORT = 9870  # dfs.namenode.http-address of Hadoop 3


def split_url(url: str) -> tuple[str, str]:
    """Returns the name node of a URL, "" if it has none, and the absolute path of the file in HDFS."""
    authority, _, path = url.split("://", 1)[1].partition("/")
    return authority, f"/{path}".rstrip("/") or "/"


def find_addresses(url: str) -> list[str]:
    """Returns the addresses of the name nodes of a URL, of which one is active.

    They are those in WEBHDFS_ADDRESS, between commas; without it port 9870 of the URL's host.

    Raises:
      UserError: there is none, or one is no address.
    """
    given = [part.strip().rstrip("/") for part in os.environ.get(SETTING, "").split(",") if part.strip()]
    for address in given:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise UserError(
                f"settings for {url}",
                received=f"{SETTING} with {address!r}",
                expected=f"http://HOST:{_PORT}, or several of them between commas",
                remedy=f"Correct {SETTING}: it names the web address of the name node, not hdfs://.",
            )
    host = re.sub(r":\d+$", "", split_url(url)[0])  # an IPv6 address keeps its brackets
    if not given and not host:
        raise UserError(
            f"file {url}",
            received="no name node",
            expected="hdfs://HOST[:PORT]/PATH",
            remedy=f"Name the host, or set {SETTING}=http://HOST:{_PORT}.",
        )
    return given or [f"http://{host}:{_PORT}"]


def find_user() -> str:
    """Returns who HDFS takes this process for: HADOOP_USER_NAME, else the user of this machine."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()
