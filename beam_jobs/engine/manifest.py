"""The manifest of an output folder: the file that lists the complete splits.

A split is in the manifest only while all of its shards exist. dataset.json is the manifest of a data set.
"""

import abc
import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from densenet_ocr.beam_jobs.engine.split_state import JobTerms, find_outputs, remove_temporary_manifest
from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.dataset_info import (
    FILE_NAME,
    IMAGES_NAME,
    DatasetInfo,
    SplitInfo,
    load_dataset_info,
)
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import FRAME_STRIDE
from densenet_ocr.pipeline.imaging.contrast import NEVER
from densenet_ocr.pipeline.packages import list_versions

CHARSET_NAME = "charset.txt"

# The part of a split's sources that follows from the others; it is published, but not compared.
FOUND = "found"


class PublishedSplit(NamedTuple):
    """A split in a manifest, and the identity of the run that wrote it."""

    split: SplitInfo
    identity: dict[str, Any]


class DerivedFiles(Protocol):
    """Files of a split that are made of its shards, such as a list of images."""

    def find(self) -> list[str]:
        """Returns the names of such files, and of others in their place."""

    def write(self, split: SplitInfo) -> None:
        """Makes them of the shards of a split."""

    def remove(self) -> None:
        """Removes them."""


@dataclasses.dataclass(frozen=True)
class CharsetCopy:
    """The file charset.txt beside the shards, for people and other programs; see DerivedFiles.

    Attributes:
      folder: Folder of the data set.
      charset: Its characters.
    """

    folder: str
    charset: Charset

    def find(self) -> list[str]:
        """See DerivedFiles."""
        return [CHARSET_NAME] if storage.exists(self._path) and not self._is_written() else []

    def write(self, split: SplitInfo) -> None:
        """See DerivedFiles."""
        if not self._is_written():
            self.charset.write(self._path)

    def remove(self) -> None:
        """See DerivedFiles; the charset stays, because other splits have it too."""

    def _is_written(self) -> bool:
        """Whether the file has these characters, whatever its row 0 shows."""
        try:
            return storage.exists(self._path) and read_charset(self._path) == self.charset
        except UserError:  # it is not a charset
            return False

    @property
    def _path(self) -> str:
        return storage.join(self.folder, CHARSET_NAME)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest(abc.ABC):
    """The place of one split in the manifest of its folder.

    Attributes:
      folder: Output folder.
      split: Name of the split.
      sources: What the split is made of, for its description.
      terms: Names of the job in messages.
      file_name: Name of the manifest's file.
      derived: Files beside the shards that are made of them.
      started: Start of the run, in seconds since 1970, for the provenance.
    """

    folder: str
    split: str
    sources: dict[str, Any]
    terms: JobTerms
    file_name: str
    derived: Sequence[DerivedFiles] = ()
    started: float = dataclasses.field(default_factory=time.time)

    @property
    def path(self) -> str:
        """The manifest's file."""
        return storage.join(self.folder, self.file_name)

    @property
    @abc.abstractmethod
    def identity(self) -> dict[str, Any]:
        """All that the split's bytes depend on, by the names of flags where there are such."""

    @abc.abstractmethod
    def load(self) -> PublishedSplit | None:
        """Returns the published split; None where there is none."""

    @abc.abstractmethod
    def withdraw(self) -> None:
        """Removes the split from the manifest, before its files are removed."""

    @abc.abstractmethod
    def publish(self, split: SplitInfo) -> None:
        """Adds the split, whose shards all exist."""

    def find_outputs(self) -> list[str]:
        """Returns the names of files in the folder that a run of this split would replace."""
        return find_outputs(self.folder, self.split) + [name for files in self.derived for name in files.find()]

    def restore(self, split: SplitInfo) -> None:
        """Writes again what is derived from the shards of a published split."""
        for files in self.derived:
            files.write(split)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetManifest(Manifest):
    """One split in dataset.json, or in images.json. Its sources are all that records depend on besides `info`.

    Attributes:
      info: The data set without splits, as this split would start it.
    """

    info: DatasetInfo
    file_name: str = FILE_NAME

    def check(self) -> None:
        """Makes the folder; raises UserError where the split cannot be added to what the folder has."""
        storage.make_folder(self.folder)
        # Records and images would have the same names of shards and rejects.
        other = IMAGES_NAME if self.file_name == FILE_NAME else FILE_NAME
        if storage.exists(storage.join(self.folder, other)):
            raise UserError(
                f"output {self.folder}",
                received=f"a folder with {other}",
                expected=f"a folder without it, for a new {self.file_name}",
                remedy="Records and images need folders of their own: choose another --output.",
            )
        self._load_others()

    @property
    def identity(self) -> dict[str, Any]:
        """See Manifest."""
        return _identify(self.info, self.sources)

    def load(self) -> PublishedSplit | None:
        """See Manifest."""
        if not storage.exists(self.path):
            return None
        info = load_dataset_info(self.folder, self.file_name)
        split = info.splits.get(self.split)
        return PublishedSplit(split, _identify(info, split.sources)) if split else None

    def withdraw(self) -> None:
        """See Manifest."""
        with storage.locked(self.folder, wait=True):
            remove_temporary_manifest(self.folder, self.file_name)
            if storage.exists(self.path):
                self._load_others().save(self.folder, self.file_name)
        for files in self.derived:
            files.remove()

    def publish(self, split: SplitInfo) -> None:
        """See Manifest; keeps the splits that other runs have published meanwhile."""
        self.restore(split)
        with storage.locked(self.folder, wait=True):
            info = self._load_others().with_split(self.split, split, describe_run(self.started))
            info.save(self.folder, self.file_name)

    def _load_others(self) -> DatasetInfo:
        """Returns the folder's data set without this split; raises UserError where its other splits differ."""
        if not storage.exists(self.path):
            return self.info
        others = load_dataset_info(self.folder, self.file_name).without_split(self.split)
        for name, old, new in (
            ("charset (by SHA-256)", others.charset.sha256, self.info.charset.sha256),
            ("image size", str(others.geometry), str(self.info.geometry)),
            ("frame stride", others.geometry.frame_stride, self.info.geometry.frame_stride),
            ("image encoding", others.image_encoding, self.info.image_encoding),
            ("fit", others.fit, self.info.fit),
            ("invert", others.invert, self.info.invert),
        ):
            if others.splits and old != new:
                raise UserError(
                    f"data set {self.folder}: {name}",
                    received=new,
                    expected=f"{old}, as split {', '.join(others.splits)} has it",
                    remedy=f"All splits of a data set share it: {self.terms.verb} with the same value, "
                    "or to another --output.",
                )
        return others if others.splits else self.info


def _identify(info: DatasetInfo, sources: dict[str, Any]) -> dict[str, Any]:
    stride = info.geometry.frame_stride
    return {
        **{name: value for name, value in sources.items() if name != FOUND},
        "charset (by SHA-256)": info.charset.sha256,
        "image_height": info.geometry.height,
        "image_width": info.geometry.width,
        **({"frame_stride": stride} if stride != FRAME_STRIDE else {}),
        "image_encoding": info.image_encoding,
        "fit": info.fit,
        **({"invert": info.invert} if info.invert != NEVER else {}),
        "schema_version": schema.VERSION,
    }


def describe_run(start: float, *more_packages: str) -> dict[str, Any]:
    """Returns the command, versions and times of this run.

    Args:
      start: When it started, in seconds since 1970.
      *more_packages: Packages that it uses besides those of every run.
    """
    packages = ("densenet-ocr", "apache-beam", "numpy", "pillow", *more_packages)
    return {
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
        "seconds": round(time.time() - start, 2),
        **list_versions(*packages),
    }
