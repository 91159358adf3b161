"""The description that travels with a data set, as dataset.json: a reader refuses without it.

A split stands in it only when it is whole, and for every split rows read = records written + rows refused.
"""

import dataclasses
import json
from typing import Any

from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import STRIDE
from densenet_ocr.pipeline.images import Geometry, check_fit

FILE_NAME = "dataset.json"
IMAGES_NAME = "images.json"  # the same of lines that are image files still


@dataclasses.dataclass(frozen=True)
class ShardInfo:
    """One TFRecord file: its name, records, size in bytes and the CRC-32C of the whole file."""

    name: str
    records: int
    bytes: int
    crc32c: str


@dataclasses.dataclass(frozen=True)
class SplitInfo:
    """One split: its shards in order, rows read, refusals by reason, statistics and what it was made of.

    `rejects_crc32c` is the CRC-32C of its rejects file; empty in descriptions older than that.
    """

    shards: tuple[ShardInfo, ...]
    read: int
    refused: dict[str, int]
    statistics: dict[str, Any]
    sources: dict[str, Any]
    rejects_crc32c: str = ""

    def __post_init__(self):
        if self.read != self.written + sum(self.refused.values()):
            raise ValueError(
                f"{self.read} rows read, but {self.written} written and {sum(self.refused.values())} refused"
            )

    @property
    def written(self) -> int:
        """Records in all shards."""
        return sum(shard.records for shard in self.shards)


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """A data set: one charset, geometry, image encoding and fit, and the splits that are whole."""

    charset: Charset
    geometry: Geometry
    image_encoding: str
    splits: dict[str, SplitInfo] = dataclasses.field(default_factory=dict)
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    fit: str = "exact"

    def __post_init__(self):
        schema.check_encoding(self.image_encoding)
        check_fit(self.fit)

    def find_split(self, name: str) -> SplitInfo:
        """The split of this name; raises UserError where it is missing or not yet whole."""
        if name not in self.splits:
            raise UserError(
                "split",
                received=repr(name),
                expected=f"one of the data set's whole splits: {', '.join(self.splits) or 'it has none'}",
                remedy="Convert it first, or name another split.",
            )
        return self.splits[name]

    def with_split(self, name: str, split: SplitInfo, provenance: dict[str, Any]) -> "DatasetInfo":
        """This data set with a split more, or with another split of that name."""
        return dataclasses.replace(
            self,
            splits=dict(sorted({**self.splits, name: split}.items())),
            provenance=dict(sorted({**self.provenance, name: provenance}.items())),
        )

    def without_split(self, name: str) -> "DatasetInfo":
        """This data set without a split."""
        return dataclasses.replace(
            self,
            splits={k: v for k, v in self.splits.items() if k != name},
            provenance={k: v for k, v in self.provenance.items() if k != name},
        )

    def to_json(self) -> str:
        """The text of dataset.json."""
        content = {
            "schema_version": schema.VERSION,
            "image_height": self.geometry.height,
            "image_width": self.geometry.width,
            "image_encoding": self.image_encoding,
            "fit": self.fit,
            "frame_stride": STRIDE,
            "charset": self.charset.characters,
            "charset_sha256": self.charset.sha256,
            "splits": {
                name: {"written": s.written, **dataclasses.asdict(s)} for name, s in self.splits.items()
            },
            "provenance": self.provenance,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def save(self, folder: str, name: str = FILE_NAME) -> None:
        """Writes dataset.json, or a description by another name, into a folder; replaces it in one go."""
        # A path that is not UTF-8 becomes an escape, which is JSON still.
        data = self.to_json().encode("utf-8", "backslashreplace")
        storage.write_atomically(storage.join(folder, name), data)


def load_dataset_info(folder: str, name: str = FILE_NAME) -> DatasetInfo:
    """Reads a folder's dataset.json, or what `save` named otherwise.

    Raises UserError where it is missing, damaged or of another version.
    """
    path = storage.join(folder, name)
    if not storage.exists(path):
        raise _refuse_missing(folder, name)
    try:
        return _from_json(json.loads(storage.read_bytes(path).decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"data set {path}",
            received=f"{type(error).__name__}: {error}",
            expected=f"a description of schema version {schema.VERSION}",
            remedy="Restore it from a copy, or delete it and convert every split again with --overwrite.",
        ) from None


def _refuse_missing(folder: str, name: str) -> UserError:
    received, options = f"no {name}", "--output on this folder"
    if name == FILE_NAME and storage.exists(storage.join(folder, IMAGES_NAME)):
        received = "image files and lists of them"
        options = f"one of its lists, --image_root={folder} and another --output"
    return UserError(
        f"data set {folder}",
        received=received,
        expected="a folder that a conversion has finished",
        remedy=f"Run python -m beam_jobs.convert with {options}.",
    )


def _from_json(content: dict[str, Any]) -> DatasetInfo:
    if not isinstance(content, dict):
        raise ValueError(f"{type(content).__name__} in place of an object")
    if content["schema_version"] != schema.VERSION or content["frame_stride"] != STRIDE:
        raise ValueError(f"schema version {content['schema_version']}, frame stride {content['frame_stride']}")
    info = DatasetInfo(
        charset=Charset(content["charset"]),
        geometry=Geometry(content["image_height"], content["image_width"]),
        image_encoding=content["image_encoding"],
        fit=content.get("fit", "exact"),  # which all were before there was another
        splits={name: _split_from_json(split) for name, split in content["splits"].items()},
        provenance=content["provenance"],
    )
    if info.charset.sha256 != content["charset_sha256"]:
        raise ValueError("the charset does not match its hash")
    return info


def _split_from_json(content: dict[str, Any]) -> SplitInfo:
    content = {"rejects_crc32c": "", **content}
    fields = {field.name: content[field.name] for field in dataclasses.fields(SplitInfo)}
    return SplitInfo(**{**fields, "shards": tuple(ShardInfo(**shard) for shard in fields["shards"])})
