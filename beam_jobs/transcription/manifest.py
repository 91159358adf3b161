"""The manifest of transcripts, transcription.json: it exists once all rows are transcribed.

Its identity has all that texts depend on: the lists, the export, and how its logits are decoded.
"""

import dataclasses
import hashlib
import json
from typing import Any, NamedTuple

from densenet_ocr.beam_jobs.engine.config import list_changed
from densenet_ocr.beam_jobs.engine.manifest import Manifest, PublishedSplit, describe_run
from densenet_ocr.beam_jobs.engine.split_state import JobTerms, remove_temporary_manifest, state_folder
from densenet_ocr.beam_jobs.transcription.transcript_writer import COLUMNS
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo, SplitInfo
from densenet_ocr.pipeline.decoding import tuned_settings
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import open_decoder
from densenet_ocr.pipeline.errors import UserError, check_left_out, damage_explained
from densenet_ocr.pipeline.exports.engines import PACKAGES
from densenet_ocr.pipeline.exports.export_info import load_lines_info, local_export
from densenet_ocr.pipeline.imaging.contrast import NEVER

FILE_NAME = "transcription.json"
VERSION = 1
SPLIT = "transcripts"

_TERMS = JobTerms(
    "transcription",
    verb="transcribe",
    inputs="Images, or the software and machine that read them,",
    subject="transcription {folder}",
    output_flags="--output",
)

# Files of other folders: of a data set or its export, of a training run, of an export.
_FOREIGN_MANIFESTS = ("dataset.json", "config.json", "export.json")


class Export(NamedTuple):
    """The export that reads.

    Attributes:
      info: What its lines are like.
      files: SHA-256 of each of its files by name.
      package: The package that computes it.
    """

    info: DatasetInfo
    files: dict[str, str]
    package: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranscriptionManifest(Manifest):
    """The transcripts in transcription.json. Its sources are all that they depend on besides `export`.

    Attributes:
      export: The export that reads them.
    """

    export: Export
    split: str = SPLIT
    terms: JobTerms = _TERMS
    file_name: str = FILE_NAME

    @property
    def identity(self) -> dict[str, Any]:
        """See Manifest."""
        return _identify(self.export.files, self.sources)

    def load(self) -> PublishedSplit | None:
        """See Manifest; raises UserError for a damaged transcription.json."""
        if not storage.exists(self.path):
            return None
        with damage_explained(
            f"transcription {self.path}",
            expected=f"a description of schema version {VERSION}",
            remedy="Restore it from a copy, or transcribe again with --overwrite.",
        ):
            return _from_json(storage.read_json(self.path))

    def withdraw(self) -> None:
        """See Manifest."""
        remove_temporary_manifest(self.folder, FILE_NAME)
        storage.remove(self.path)

    def publish(self, split: SplitInfo) -> None:
        """See Manifest."""
        info = self.export.info
        content = {
            "schema_version": VERSION,
            "columns": COLUMNS,
            "model": {
                "image_height": info.geometry.height,
                "image_width": info.geometry.width,
                "fit": info.fit,
                **({"invert": info.invert} if info.invert != NEVER else {}),
                "charset_sha256": info.charset.sha256,
                "files (by SHA-256)": self.export.files,
            },
            "read": split.read,
            "transcribed": split.written,
            "refused": split.refused,
            "shards": [_describe_shard(split, number) for number in range(len(split.shards))],
            "rejects_crc32c": split.rejects_crc32c,
            "sources": split.sources,
            "provenance": describe_run(self.started, self.export.package),
        }
        data = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        # A path that is not UTF-8 becomes an escape, which is still JSON.
        storage.write_atomically(self.path, data.encode("utf-8", "backslashreplace"))


def describe_export(folder: str) -> Export:
    """Returns the export in a folder or at a URL, by its files, before anything is loaded.

    Raises:
      UserError: it is no export, or its files differ from those that were written.
    """
    with local_export(folder) as (copy, export):
        info = load_lines_info(copy, export)
        hashes = {name: storage.hash_file(storage.join(copy, name)) for name in export.files}
    return Export(info, hashes, PACKAGES[export.format])


def check_output(folder: str) -> None:
    """Raises UserError for a folder of something else; files that were put beside transcripts may stay."""
    names = storage.list_names(folder)
    has_transcripts = storage.exists(state_folder(folder, SPLIT)) or FILE_NAME in names
    # File managers and network disks leave hidden files.
    own = (f"{SPLIT}-", f"{SPLIT}.", f"{FILE_NAME}.", ".")
    foreign = [
        name for name in names if name in _FOREIGN_MANIFESTS or not (has_transcripts or name.startswith(own))
    ]
    if foreign:
        shown = sorted(foreign, key=lambda name: name not in _FOREIGN_MANIFESTS)[:3]
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise UserError(
            f"output {folder}",
            received=f"a folder with something else in it: {', '.join(shown)}{more}",
            expected="a folder for transcripts only, empty or new",
            remedy="Choose another --output.",
        )


def _identify(files: dict[str, str], sources: dict[str, Any]) -> dict[str, Any]:
    model = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return {**sources, "model (by SHA-256)": model, "schema_version": VERSION}


def _describe_shard(split: SplitInfo, number: int) -> dict[str, Any]:
    shard, most = split.shards[number], split.sources["lines_per_shard"]
    return {
        "name": shard.name,
        "rows": min(most, split.read - number * most),
        "transcribed": shard.records,
        "bytes": shard.bytes,
        "crc32c": shard.crc32c,
    }


def _from_json(content: dict[str, Any]) -> PublishedSplit:
    if content["schema_version"] != VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    split = SplitInfo(
        shards=tuple(
            ShardInfo(shard["name"], shard["transcribed"], shard["bytes"], shard["crc32c"])
            for shard in content["shards"]
        ),
        read=content["read"],
        refused=content["refused"],
        statistics={},
        sources=content["sources"],
        rejects_crc32c=content["rejects_crc32c"],
    )
    return PublishedSplit(split, _identify(content["model"]["files (by SHA-256)"], split.sources))


def check_decoding(decoding: DecodingConfig, charset: Charset, model: str) -> None:
    """Opens the decoder of a model, so that a wrong file is an error before workers start.

    Raises:
      UserError: a file cannot be used, the charset lacks a character, or alternatives are asked for, for which
        transcripts have no column.
    """
    check_left_out("nbest", decoding.nbest, decoding.nbest == 1, "1, because transcripts have one text a row")
    open_decoder(decoding, charset, model)


def list_files(decoding: DecodingConfig) -> dict[str, list[str]]:
    """Returns the files that workers read for decoding, by flag."""
    files = {"lm": decoding.lm, "lexicon": decoding.lexicon}
    return {flag: [path] for flag, path in files.items() if path}


def identify_decoding(decoding: DecodingConfig, model: str) -> dict[str, Any]:
    """Returns what texts depend on besides the model: options, and files by their SHA-256; empty by default.

    Args:
      decoding: How the job decodes.
      model: Folder of the export.
    """
    if decoding.is_plain:
        return {}
    options = list_changed(decoding)
    for flag, (path,) in list_files(decoding).items():
        options[flag] = storage.hash_file(path)
    settings = storage.join(model, tuned_settings.FILE_NAME)
    if not decoding.is_greedy and storage.exists(settings):
        options[tuned_settings.FILE_NAME] = storage.hash_file(settings)
    return {"decoding (files by SHA-256)": options}
