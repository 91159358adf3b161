"""The description of a data set in words; on demand it is verified and drawn."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from densenet_ocr.beam_jobs.inspection.config import DescribeConfig
from densenet_ocr.beam_jobs.inspection.dataset_picture import draw_dataset
from densenet_ocr.beam_jobs.inspection.statistics import format_range, rank, read_counts
from densenet_ocr.beam_jobs.inspection.verification import verify
from densenet_ocr.pipeline import schema, storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, SplitInfo, load_dataset_info
from densenet_ocr.pipeline.errors import REASONS, UserError
from densenet_ocr.pipeline.imaging.contrast import NEVER
from densenet_ocr.pipeline.ui.command import print_while_read
from densenet_ocr.pipeline.ui.picture import save_png

# Most frequent characters, and rarest ones, that are named.
FEW = 8


def describe(config: DescribeConfig) -> dict[str, Any]:
    """Prints the description of a data set; verifies and draws it where the configuration says so.

    Args:
      config: What to describe.

    Returns:
      {"data", "splits": {name: {"read", "written", "refused", "shards", "bytes"}}, "verified": True or None}.

    Raises:
      UserError: there is no such split, or the verification finds a difference.
    """
    folder, info = config.data, load_dataset_info(config.data)
    splits = _choose_splits(folder, info, config.split)
    print_while_read("\n".join(format_dataset(folder=folder, info=info, splits=splits)) + "\n")
    if config.verify:
        verify(folder=folder, info=info, splits=splits, workers=config.workers)
    if config.picture:
        sheet = draw_dataset(
            folder=folder, info=info, splits=splits, lines=config.lines, seed=config.seed, font=config.font
        )
        save_png(sheet, config.picture)
    counted = {name: _count_split(info.splits[name]) for name in splits}
    return {"data": folder, "splits": counted, "verified": config.verify or None}


def format_dataset(*, folder: str, info: DatasetInfo, splits: list[str]) -> Iterator[str]:
    """Yields the lines of the description of a data set and of some of its splits."""
    size = f"{info.geometry} pixels" if info.geometry.width else str(info.geometry)
    inverted = "" if info.invert == NEVER else f", inverted {info.invert}"
    yield f"data set {folder}"
    yield from _align(
        [
            ("lines", f"{size}, stored as {info.image_encoding}, fit {info.fit}{inverted}"),
            ("charset", f"{len(info.charset.characters):,} characters, SHA-256 {info.charset.sha256}"),
            ("schema", f"version {schema.VERSION}"),
            ("splits", ", ".join(f"{name} ({split.written:,})" for name, split in info.splits.items())),
        ]
    )
    for name in splits:
        yield from ("", f"split {name}")
        yield from _align(_format_split(info.charset, info.splits[name], info.provenance.get(name, {})))


def _choose_splits(folder: str, info: DatasetInfo, split: str | None) -> list[str]:
    if split:
        info.find_split(split)
        return [split]
    if not info.splits:
        raise UserError(
            f"data set {folder}",
            received="no complete split",
            expected="at least one",
            remedy="Run ocr-convert again: it resumes.",
        )
    return list(info.splits)


def _count_split(split: SplitInfo) -> dict[str, Any]:
    return {
        "read": split.read,
        "written": split.written,
        "refused": split.refused,
        "shards": len(split.shards),
        "bytes": sum(shard.bytes for shard in split.shards),
    }


def _format_split(charset: Charset, split: SplitInfo, provenance: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields rows of a name and a text; a row without a name belongs to the one before."""
    refused, size = split.read - split.written, sum(shard.bytes for shard in split.shards)
    yield "rows", f"{split.read:,} read = {split.written:,} written + {refused:,} refused"
    yield from _under("refused", _format_refusals(split))
    yield "shards", f"{len(split.shards):,} of {storage.describe_size(size)} together"
    yield "label lengths", format_range(read_counts(split, "label_lengths"))
    yield "widths", format_range(read_counts(split, "widths"))
    yield from _format_characters(charset, read_counts(split, "characters"))
    yield from _under("made of", _align(_format_sources(split), indent=""))
    yield from _format_provenance(provenance)


def _format_refusals(split: SplitInfo) -> list[str]:
    longest = max((len(f"{count:,}") for count in split.refused.values()), default=0)
    named = [(f"{n:>{longest},} {reason}", REASONS.get(reason, "")) for reason, n in split.refused.items()]
    return _align(named, indent="")


def _format_characters(charset: Charset, counts: dict[int, int]) -> Iterator[tuple[str, str]]:
    total, seen = len(charset.characters), len(counts)
    occurrences = f"{sum(counts.values()):,} in all labels"
    yield "characters", f"{seen:,} of the charset's {total:,} occur, {total - seen:,} never; {occurrences}"
    ranked = rank(counts)
    for name, classes in (("most frequent", ranked[:FEW]), ("rarest", ranked[: -FEW - 1 : -1])):
        # Quotes show a space, and distinguish a comma of the charset from the list's.
        yield name, "  ".join(f"{charset.characters[k]!r} {counts[k]:,}" for k in classes) or "none"


def _format_sources(split: SplitInfo) -> Iterator[tuple[str, str]]:
    for name, value in split.sources.items():
        if isinstance(value, dict):
            yield from _under(name, (f"{part} {_show(inner)}" for part, inner in value.items()))
        elif isinstance(value, list) and dict in map(type, value):
            yield from _under(name, map(_show, value))
        else:
            yield name, _show(value)


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_show(inner)}" for name, inner in value.items())
    return ", ".join(map(_show, value)) if isinstance(value, list) else str(value)


def _format_provenance(provenance: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields when, with what and how a split was made, as far as dataset.json has it."""
    if "started" in provenance:
        yield "made", f"{provenance['started']}, in {provenance.get('seconds', '?')} s"
    packages = {"python": provenance.get("python"), **provenance.get("packages", {})}
    if with_versions := [f"{name} {version}" for name, version in packages.items() if version]:
        yield "with", ", ".join(with_versions)
    if "command" in provenance:
        yield "command", shlex.join(map(str, provenance["command"]))


def _under(name: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        yield name, text
        name = ""


def _align(rows: Iterable[tuple[str, str]], *, indent: str = "  ") -> list[str]:
    """Aligns texts in a column behind their names."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{indent}{name:<{width}}  {text}".rstrip() for name, text in rows]
