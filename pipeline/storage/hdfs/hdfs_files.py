"""Files in HDFS as a file system."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import MissingFile
from densenet_ocr.pipeline.storage.hdfs.addresses import split_url
from densenet_ocr.pipeline.storage.hdfs.client import Request, call
from densenet_ocr.pipeline.storage.hdfs.web_errors import RemoteError, explain, refuse_folder
from densenet_ocr.pipeline.storage.many import map_many
from densenet_ocr.pipeline.storage.paths import join, parent, temporary_path
from densenet_ocr.pipeline.storage.requests import save_body, web_errors

_AT_ONCE = 16
# A file by its number, whatever its name is now, for all users.
_BY_NUMBER = "/.reserved/.inodes/{}"


class HdfsFiles:
    """HDFS as a file system; see FileSystem.

    A file is written under a temporary name beside its own and renamed over it, which is one step of HDFS. Its
    version is its number (of the inode), which no other file ever has, and its time.
    """

    def read_bytes(self, url: str) -> bytes:
        """See FileSystem."""
        return call(url, "OPEN").data

    def read_range(self, url: str, start: int, length: int) -> bytes:
        """See FileSystem."""
        request = Request(url, "OPEN", offset=start, length=length)
        try:
            return request.send().data
        except RemoteError as error:
            if "out of the range" in error.message or error.kind == "EOFException":
                return b""
            raise explain(url, error) from None

    def download(self, url: str, path: str) -> None:
        """See FileSystem."""
        try:
            save_body(lambda: call(url, "OPEN", stream=True), path)
        except web_errors().HTTPError as error:
            raise explain(url, RemoteError("ProtocolError", str(error), "a data node", passes=True)) from None

    def size(self, url: str) -> int:
        """See FileSystem."""
        return _find_file(url)["length"]

    def version(self, url: str) -> str | None:
        """See FileSystem."""
        return _name_version(_find_file(url))

    def put(self, url: str, source: bytes | str) -> None:
        """See FileSystem."""
        with _temporary(url, source) as temporary:
            _rename(temporary, url, options="OVERWRITE")

    def make_folder(self, url: str) -> None:
        """See FileSystem."""
        call(url, "MKDIRS")

    def exists(self, url: str) -> bool:
        """See FileSystem."""
        return _find_or_none(url) is not None

    def is_folder(self, url: str) -> bool:
        """See FileSystem."""
        found = _find_or_none(url)
        return found is not None and found["type"] == "DIRECTORY"

    def list_names(self, url: str) -> list[str]:
        """See FileSystem."""
        return sorted(_list(url))

    def list_versions(self, url: str) -> dict[str, tuple[int, str]]:
        """See FileSystem."""
        files: dict[str, tuple[int, str]] = {}
        folders = [""]
        while folders:
            lists = list(map_many(lambda folder: _list(join(url, folder)), folders, _AT_ONCE))
            starts, folders = folders, []
            for start, statuses in zip(starts, lists, strict=True):
                for name, status in statuses.items():
                    if status["type"] == "DIRECTORY":
                        folders.append(f"{start}{name}/")
                    else:
                        files[f"{start}{name}"] = status["length"], _name_version(status)
        return dict(sorted(files.items()))

    def remove(self, url: str) -> None:
        """See FileSystem."""
        with contextlib.suppress(MissingFile):
            call(url, "DELETE", recursive="true")

    def remove_files(self, urls: list[str]) -> None:
        """See FileSystem."""
        for _ in map_many(self.remove, urls, _AT_ONCE):
            pass

    def check_writable(self, url: str) -> None:
        """See FileSystem."""
        if self.is_folder(url):
            raise refuse_folder(url)
        place = parent(url)
        while not self.exists(place) and parent(place) != place:
            place = parent(place)
        with _temporary(url, b"", beside=join(place, "probe")) as temporary:
            call(url, "DELETE", path=temporary)

    def put_if(self, url: str, data: bytes, *, version: str | None) -> str:
        """See FileSystem. A version is replaced in two steps: removed, then put anew."""
        with _temporary(url, data) as temporary:
            status = _find_file(url, path=temporary)
            if version is not None:
                _remove_version(url, version)
            if not _rename(temporary, url, options="NONE"):
                raise FileExistsError(url)
            return _name_version(status)

    def renew(self, url: str, data: bytes, *, version: str) -> str:
        """See FileSystem. The file gets another time, its bytes stay."""
        number, then = version.split()
        now = max(int(time.time() * 1000), int(then) + 1)
        try:
            call(url, "SETTIMES", path=_BY_NUMBER.format(number), modificationtime=now)
        except MissingFile:
            raise FileExistsError(url) from None
        return f"{number} {now}"

    def read_version(self, url: str) -> tuple[bytes, str]:
        """See FileSystem."""
        status = _find_file(url)
        data = call(url, "OPEN", path=_BY_NUMBER.format(status["fileId"])).data
        return data, _name_version(status)


@contextlib.contextmanager
def _temporary(url: str, source: bytes | str, *, beside: str = "") -> Iterator[str]:
    """Within the block, the path of a new file beside that of a URL, which is removed if the block fails."""
    path = temporary_path(split_url(beside or url)[1])
    try:
        call(url, "CREATE", path=path, source=source, overwrite="true")
        yield path
    except BaseException:
        with contextlib.suppress(UserError):
            call(url, "DELETE", path=path, is_patient=False)
        raise


def _rename(path: str, url: str, *, options: str) -> bool:
    """Gives a file the name in a URL; returns whether it did: with options NONE it does not over another."""
    request = Request(url, "RENAME", path=path, destination=split_url(url)[1], renameoptions=options)
    try:
        request.send()
    except RemoteError as error:
        if error.kind == "FileAlreadyExistsException":
            return False
        # An earlier try had its effect, but its answer was lost.
        if error.kind != "FileNotFoundException" or not request.was_repeated:
            raise explain(url, error) from None
    return True


def _remove_version(url: str, version: str) -> None:
    """Removes a version of a file by its number; raises FileExistsError where it is not there any more."""
    status = _find_or_none(url)
    if status is None or _name_version(status) != version:
        raise FileExistsError(url)
    try:
        removed = call(url, "DELETE", path=_BY_NUMBER.format(status["fileId"])).json()["boolean"]
    except MissingFile:
        removed = False
    if not removed:
        raise FileExistsError(url)


def _list(url: str) -> dict[str, dict[str, Any]]:
    """The status of what is in a folder, by name; nothing where there is no folder."""
    try:
        found = call(url, "LISTSTATUS").json()["FileStatuses"]["FileStatus"]
    except MissingFile:
        return {}
    return {status["pathSuffix"]: status for status in found if status["pathSuffix"]}


def _find(url: str, **parameters: Any) -> dict[str, Any]:
    return call(url, "GETFILESTATUS", **parameters).json()["FileStatus"]


def _find_or_none(url: str) -> dict[str, Any] | None:
    try:
        return _find(url)
    except MissingFile:
        return None


def _find_file(url: str, **parameters: Any) -> dict[str, Any]:
    status = _find(url, **parameters)
    if status["type"] == "DIRECTORY":
        raise refuse_folder(url)
    return status


def _name_version(status: dict[str, Any]) -> str:
    return f"{status['fileId']} {status['modificationTime']}"
