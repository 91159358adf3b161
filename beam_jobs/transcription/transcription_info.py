"""The description of a transcription, transcription.json: there once all shards are, so that all rows are."""

import dataclasses
import json
from typing import Any

from densenet_ocr.beam_jobs.transcription.transcripts import COLUMNS
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import ShardInfo, SplitInfo
from densenet_ocr.pipeline.errors import UserError

FILE_NAME = "transcription.json"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class TranscriptionInfo:
    """The shards of transcripts and what they were made of; `files` are the export's, by their SHA-256.

    Of the split, `written` counts lines that were read; rows read = lines read + rows refused.
    """

    split: SplitInfo
    files: dict[str, str]
    model: dict[str, Any]
    provenance: dict[str, Any]

    def save(self, folder: str) -> None:
        """Writes transcription.json into a folder, replacing an older one in one go."""
        split = self.split
        content = {
            "schema_version": VERSION,
            "columns": COLUMNS,
            "model": {**self.model, "files (by SHA-256)": self.files},
            "read": split.read,
            "transcribed": split.written,
            "refused": split.refused,
            "shards": list(map(self._describe_shard, range(len(split.shards)))),
            "rejects_crc32c": split.rejects_crc32c,
            "sources": split.sources,
            "provenance": self.provenance,
        }
        data = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        # A path that is not UTF-8 becomes an escape, which is JSON still.
        storage.write_atomically(storage.join(folder, FILE_NAME), data.encode("utf-8", "backslashreplace"))

    def _describe_shard(self, number: int) -> dict[str, Any]:
        shard, most = self.split.shards[number], self.split.sources["lines_per_shard"]
        rows = min(most, self.split.read - number * most)
        return {
            "name": shard.name,
            "rows": rows,
            "transcribed": shard.records,
            "bytes": shard.bytes,
            "crc32c": shard.crc32c,
        }


def load_transcription_info(folder: str) -> TranscriptionInfo | None:
    """A folder's transcription.json, None where there is none; raises UserError for one that is damaged."""
    path = storage.join(folder, FILE_NAME)
    if not storage.exists(path):
        return None
    try:
        return _from_json(json.loads(storage.read_bytes(path)))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"transcription {path}",
            received=f"{type(error).__name__}: {error}",
            expected=f"a description of schema version {VERSION}",
            remedy="Restore it from a copy, or transcribe again with --overwrite.",
        ) from None


def _from_json(content: dict[str, Any]) -> TranscriptionInfo:
    if content["schema_version"] != VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    shards = [
        ShardInfo(shard["name"], shard["transcribed"], shard["bytes"], shard["crc32c"])
        for shard in content["shards"]
    ]
    split = SplitInfo(
        shards=tuple(shards),
        read=content["read"],
        refused=content["refused"],
        statistics={},
        sources=content["sources"],
        rejects_crc32c=content["rejects_crc32c"],
    )
    model = dict(content["model"])
    return TranscriptionInfo(split, model.pop("files (by SHA-256)"), model, content["provenance"])
