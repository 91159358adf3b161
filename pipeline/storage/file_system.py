"""What a place for files has to offer, and which one a path is in."""

from typing import Protocol

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.paths import WEB, is_web, scheme_of

OBJECT_STORES = ("s3", "gs", "az", "abfs", "abfss")
HDFS = "hdfs"
_NAME_NODE = "Name the name node of the files: hdfs://HOST/PATH."
_WEB_ADDRESS = "Write hdfs://HOST/PATH, and set WEBHDFS_ADDRESS to the name node's web address."
_REMEDIES = {
    "file": "Leave file:// out.",
    "viewfs": _NAME_NODE,
    "har": "Copy the files out of the archive: hadoop fs -cp har://... hdfs://...",
    "webhdfs": _WEB_ADDRESS,
    "swebhdfs": _WEB_ADDRESS,
}


class FileReader(Protocol):
    """A place for files that are named by URLs, which can be read.

    Methods raise UserError with the URL and the cause; MissingFile where there is no such file.
    """

    def read_bytes(self, url: str) -> bytes:
        """Returns the bytes of a file."""

    def read_range(self, url: str, start: int, length: int) -> bytes:
        """Returns up to `length` bytes from `start`, fewer at the end of the file."""

    def download(self, url: str, path: str) -> None:
        """Writes the bytes of a file to a local path."""

    def size(self, url: str) -> int:
        """Returns the size of a file in bytes."""

    def version(self, url: str) -> str | None:
        """Returns what changes with the bytes of a file, such as its ETag; None if there is no such thing."""

    def exists(self, url: str) -> bool:
        """Returns whether a file or folder exists."""

    def is_folder(self, url: str) -> bool:
        """Returns whether a folder exists."""


class FileSystem(FileReader, Protocol):
    """A place for files that can also be listed, written and removed."""

    def put(self, url: str, source: bytes | str) -> None:
        """Puts bytes, or the local file of a path, under a URL in one step."""

    def make_folder(self, url: str) -> None:
        """Makes a folder, where folders have to be made."""

    def list_names(self, url: str) -> list[str]:
        """Returns the names inside a folder, sorted; none if there is no folder."""

    def list_versions(self, url: str) -> dict[str, tuple[int, str]]:
        """Returns size and version of all files in a folder and the folders in it, by sorted relative name."""

    def remove(self, url: str) -> None:
        """Removes a file, or a folder with its contents, if it exists."""

    def remove_files(self, urls: list[str]) -> None:
        """Removes files of one bucket, if they exist."""

    def check_writable(self, url: str) -> None:
        """Raises UserError if no file can be written under a URL; leaves nothing behind."""

    def put_if(self, url: str, data: bytes, *, version: str | None) -> str:
        """Puts a file only if there is none, or only in place of a version of it.

        Args:
          url: The file.
          data: Its bytes.
          version: The version to replace, as `read_version` gives it; None if there must be no file.

        Returns:
          The new version.

        Raises:
          FileExistsError: there is a file, or another version of it.
          NoConditionalPuts: the store has none.
        """

    def renew(self, url: str, data: bytes, *, version: str) -> str:
        """Gives a file of ours another version, by writing it anew or by its time.

        Args:
          url: The file.
          data: Its new bytes.
          version: Its version.

        Returns:
          The new version.

        Raises:
          FileExistsError: it is not there any more, or in another version.
          NoConditionalPuts: the store has none.
        """

    def read_version(self, url: str) -> tuple[bytes, str]:
        """Returns the bytes of a file and their version."""


def find_reader(url: str) -> FileReader:
    """Returns the place of a URL to read from; raises UserError for a scheme that is not known."""
    if is_web(url):
        from densenet_ocr.pipeline.storage.http_files import HttpFiles

        return HttpFiles()
    return find_system(url)


def find_system(url: str, verb: str = "write") -> FileSystem:
    """Returns the file system of a URL.

    Args:
      url: The URL.
      verb: What is to be done with files there, which nobody can on a web server.

    Raises:
      UserError: it is the URL of a web server, or its scheme is not known.
    """
    scheme = scheme_of(url)
    if scheme in OBJECT_STORES:
        from densenet_ocr.pipeline.storage.objects.object_store import ObjectStore

        return ObjectStore()
    if scheme == HDFS:
        from densenet_ocr.pipeline.storage.hdfs.hdfs_files import HdfsFiles

        return HdfsFiles()
    if is_web(url):
        raise UserError(
            f"URL {url}",
            received=f"a web server, of which nobody can {verb} files",
            expected="a folder of this machine or of a bucket",
            remedy="http:// and https:// are for single files to read.",
        )
    known = (*OBJECT_STORES, HDFS, *WEB)
    raise UserError(
        "path",
        received=f"a URL that begins with {url.split('://', 1)[0]}://",
        expected="a local path or a URL with " + ", ".join(f"{name}://" for name in known),
        remedy=_REMEDIES.get(scheme, "Copy the files to a bucket or a local folder, or mount them."),
    )
