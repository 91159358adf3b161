"""Local paths and URLs as texts."""

import os
import re
import uuid

from densenet_ocr.pipeline.errors import UserError

# Part of the names of files that are not whole yet.
TEMPORARY = ".tmp-"

# The schemes of web servers.
WEB = ("http", "https")

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def is_url(path: str) -> bool:
    """Returns whether a path is a URL, such as s3://bucket/data."""
    return bool(_URL.match(path))


def is_web(path: str) -> bool:
    """Returns whether a path is the URL of a web server, whose files can be read, but not listed."""
    return scheme_of(path) in WEB


def scheme_of(path: str) -> str:
    """Returns the scheme of a URL in lower case, such as "s3"; "" for a local path."""
    match = _URL.match(path)
    return match[1].lower() if match else ""


def local_path(path: str) -> str:
    """Returns a local path unchanged; raises UserError for a URL, where only local files will do."""
    if is_url(path):
        raise UserError(
            "path",
            received=repr(path),
            expected="a local path",
            remedy="Copy the files to this machine, or mount the bucket.",
        )
    return path


def join(folder: str, name: str) -> str:
    """Returns the path of `name` inside `folder`; the query of an http URL stays at its end."""
    if not is_url(folder) or is_url(name):
        return name if is_url(name) else os.path.join(folder, name)
    base, mark, query = folder.partition("?") if is_web(folder) else (folder, "", "")
    return f"{base.rstrip('/')}/{name.lstrip('/')}{mark}{query}" if name else folder


def parent(path: str) -> str:
    """Returns the folder that a path is in: `os.path.dirname`, which for URLs ends at the bucket."""
    if not is_url(path):
        return os.path.dirname(path)
    start, rest = path.split("://", 1)
    bucket, slash, key = rest.rstrip("/").partition("/")
    return f"{start}://{bucket}{slash if '/' in key else ''}{key.rpartition('/')[0]}"


def absolute(path: str) -> str:
    """Returns the absolute form of a local path, and a URL without a slash at its end."""
    return path.rstrip("/") if is_url(path) else os.path.abspath(path)


def normalise(path: str) -> str:
    """Returns a path without double slashes and dots, as `os.path.normpath`; a URL stays in its bucket."""
    if not is_url(path):
        return os.path.normpath(path)
    start, rest = path.split("://", 1)
    bucket, _, key = rest.partition("/")
    return f"{start}://{bucket}{os.path.normpath(f'/{key}')}".rstrip("/")


def temporary_path(path: str) -> str:
    """Returns the path of a temporary file beside a file, which no other process has."""
    return f"{path}{TEMPORARY}{uuid.uuid4().hex[:8]}"


def is_plain_name(name: object) -> bool:
    """Returns whether a name from a description is that of a file beside it: a path could lead anywhere."""
    return isinstance(name, str) and name not in ("", os.curdir, os.pardir) and not {"/", "\0"} & set(name)


def describe_size(count: int) -> str:
    """Formats a number of bytes in powers of ten, such as 1.5 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
