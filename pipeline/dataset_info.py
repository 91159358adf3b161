"""Metadata of a data set, stored as dataset.json; readers refuse a folder without it.

It lists only complete splits, and for each of them rows read = records written + rows refused.
"""

import dataclasses
import json
from typing import Any

from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError, damage_explained, value_errors
from densenet_ocr.pipeline.geometry import MAX_PIXELS, Geometry
from densenet_ocr.pipeline.imaging.contrast import NEVER, check_invert
from densenet_ocr.pipeline.imaging.fitting import check_fit

FILE_NAME = "dataset.json"
IMAGES_NAME = "images.json"  # the same for image files that are not converted yet


@dataclasses.dataclass(frozen=True)
class ShardInfo:
    """One TFRecord file: its name, number of records, size in bytes and CRC-32C (eight hexadecimal digits).

    Raises:
      ValueError: the name is a path, or the numbers cannot be; readers compare the size with the file's.
    """

    name: str
    records: int
    bytes: int
    crc32c: str

    def __post_init__(self) -> None:
        if not storage.is_plain_name(self.name):
            raise ValueError(f"a shard named {self.name!r}, which is no file name")
        if not (_is_count(self.records) and _is_count(self.bytes) and self.records <= self.bytes):
            raise ValueError(f"a shard of {self.records!r} records in {self.bytes!r} bytes")


@dataclasses.dataclass(frozen=True)
class SplitInfo:
    """One complete split.

    Attributes:
      shards: Its TFRecord files in order.
      read: Rows read.
      refused: Number of refused rows by reason, see errors.REASONS.
      statistics: Histograms, such as `widths`: number of lines by width in pixels (keys are strings).
      sources: Files and settings that it was made from, with hashes.
      rejects_crc32c: CRC-32C of SPLIT.rejects.tsv; empty in older data sets.

    Raises:
      ValueError: rows read are not records written + rows refused, or a number is no count.
    """

    shards: tuple[ShardInfo, ...]
    read: int
    refused: dict[str, int]
    statistics: dict[str, Any]
    sources: dict[str, Any]
    rejects_crc32c: str = ""

    def __post_init__(self) -> None:
        histograms = {"refused": self.refused, **self.statistics}
        wrong = [name for name, counts in histograms.items() if not all(map(_is_count, counts.values()))]
        if wrong:
            raise ValueError(f"{wrong[0]}: a number that is no count")
        if self.read != self.written + sum(self.refused.values()):
            raise ValueError(
                f"{self.read} rows read, but {self.written} written and {sum(self.refused.values())} refused"
            )

    @property
    def written(self) -> int:
        """Number of records in all shards."""
        return sum(shard.records for shard in self.shards)


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """A data set: complete splits that share charset, geometry, image encoding and fit.

    Attributes:
      charset: Characters of the classes.
      geometry: Size of the lines.
      image_encoding: A key of schema.PIXEL_BYTES.
      splits: Complete splits by name.
      provenance: Commands, versions and times by the name of the split; the only part that may differ between
        two equal conversions.
      fit: How images were fitted to the geometry, one of fitting.FITS.
      invert: Which images were inverted before, one of contrast.INVERT.

    Raises:
      UserError: the encoding, the fit or the inversion is unknown.
    """

    charset: Charset
    geometry: Geometry
    image_encoding: str
    splits: dict[str, SplitInfo] = dataclasses.field(default_factory=dict)
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    fit: str = "exact"
    invert: str = NEVER

    def __post_init__(self) -> None:
        schema.check_encoding(self.image_encoding)
        check_fit(self.fit)
        check_invert(self.invert)

    def find_split(self, name: str) -> SplitInfo:
        """Returns a split by its name; raises UserError if it is missing or incomplete."""
        if name not in self.splits:
            raise UserError(
                "split",
                received=repr(name),
                expected=f"one of the data set's complete splits: {', '.join(self.splits) or 'it has none'}",
                remedy="Convert it first, or name another split.",
            )
        return self.splits[name]

    def with_split(self, name: str, split: SplitInfo, provenance: dict[str, Any]) -> "DatasetInfo":
        """Returns a copy with a split added or replaced."""
        return dataclasses.replace(
            self,
            splits=dict(sorted({**self.splits, name: split}.items())),
            provenance=dict(sorted({**self.provenance, name: provenance}.items())),
        )

    def without_split(self, name: str) -> "DatasetInfo":
        """Returns a copy without a split."""
        return dataclasses.replace(
            self,
            splits={k: v for k, v in self.splits.items() if k != name},
            provenance={k: v for k, v in self.provenance.items() if k != name},
        )

    def to_json(self) -> str:
        """Returns the text of dataset.json."""
        content = {
            "schema_version": schema.VERSION,
            "image_height": self.geometry.height,
            "image_width": self.geometry.width,
            "image_encoding": self.image_encoding,
            "fit": self.fit,
            **({"invert": self.invert} if self.invert != NEVER else {}),  # older data sets do not say it
            "frame_stride": self.geometry.frame_stride,
            "charset": self.charset.characters,
            "charset_sha256": self.charset.sha256,
            "splits": {
                name: {"written": s.written, **dataclasses.asdict(s)} for name, s in self.splits.items()
            },
            "provenance": self.provenance,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def save(self, folder: str, name: str = FILE_NAME) -> None:
        """Writes dataset.json, or a file of another name, into a folder in one atomic step."""
        # A path that is not UTF-8 becomes an escape, which is still JSON.
        data = self.to_json().encode("utf-8", "backslashreplace")
        storage.write_atomically(storage.join(folder, name), data)


def load_dataset_info(folder: str, name: str = FILE_NAME) -> DatasetInfo:
    """Reads the metadata of a data set.

        info = load_dataset_info("data")
        info.charset.classes, info.geometry, info.splits["train"].written

    Args:
      folder: The data set, the --output of `ocr-convert`.
      name: File name, if not dataset.json.

    Returns:
      The data set's charset, geometry, image encoding, fit and complete splits.

    Raises:
      UserError: the file is missing, damaged, or of another schema version.
    """
    path = storage.join(folder, name)
    if not storage.exists(path):
        raise _refuse_missing(folder, name)
    with damage_explained(
        f"data set {path}",
        expected=f"metadata of schema version {schema.VERSION}",
        remedy="Restore it from a copy, or delete it and convert every split again with --overwrite.",
    ):
        return _from_json(storage.read_json(path))


def _refuse_missing(folder: str, name: str) -> UserError:
    received, options = f"no {name}", "--output on this folder"
    if name == FILE_NAME and storage.exists(storage.join(folder, IMAGES_NAME)):
        received = "image files and lists of them"
        options = f"one of its lists, --image_root={folder} and another --output"
    return UserError(
        f"data set {folder}",
        received=received,
        expected="the output of a finished conversion",
        remedy=f"Run ocr-convert with {options}.",
    )


def _from_json(content: dict[str, Any]) -> DatasetInfo:
    if not isinstance(content, dict):
        raise ValueError(f"{type(content).__name__} in place of an object")
    if content["schema_version"] != schema.VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    with value_errors():
        info = DatasetInfo(
            charset=Charset(content["charset"]),
            geometry=Geometry(content["image_height"], content["image_width"], content["frame_stride"]),
            image_encoding=content["image_encoding"],
            fit=content.get("fit", "exact"),  # older data sets have no other
            invert=content.get("invert", NEVER),
            splits={name: _split_from_json(split) for name, split in content["splits"].items()},
            provenance=content["provenance"],
        )
    _check_names_and_widths(info)
    if info.charset.sha256 != content["charset_sha256"]:
        raise ValueError("the charset does not match its hash")
    return info


def _check_names_and_widths(info: DatasetInfo) -> None:
    """Raises ValueError for a split whose files would lie elsewhere, or whose lines no memory holds."""
    for name, split in info.splits.items():
        if not storage.is_plain_name(name):
            raise ValueError(f"a split named {name!r}")
        widest = max(map(int, split.statistics.get("widths", ())), default=0)
        if widest * info.geometry.height > MAX_PIXELS:
            raise ValueError(f"a line {widest} pixels wide in split {name}")


def _split_from_json(content: dict[str, Any]) -> SplitInfo:
    content = {"rejects_crc32c": "", **content}
    fields = {field.name: content[field.name] for field in dataclasses.fields(SplitInfo)}
    split = SplitInfo(**{**fields, "shards": tuple(ShardInfo(**shard) for shard in fields["shards"])})
    _check_sums(split, content.get("written", split.written))
    return split


def _check_sums(split: SplitInfo, written: int) -> None:
    """Raises ValueError for statistics, or a number of lines, that do not fit the shards' records."""
    if written != split.written:
        raise ValueError(f"{written} lines written, but {split.written} records in the shards")
    histograms = [split.statistics[name] for name in ("label_lengths", "widths") if name in split.statistics]
    if any(sum(counts.values()) != written for counts in histograms):
        raise ValueError(f"statistics of another number of lines than {written}")


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
