"""What a command says of a split once it is whole: a line for people, and the object that it prints last."""

from typing import Any

from absl import logging

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import SplitInfo


def tell_split(name: str, split: SplitInfo, seconds: float, *, unit: str = "rows") -> dict[str, Any]:
    """Logs a summary of a split made in `seconds`; returns its result as the last line of output has it.

    That is {"split", "read", "written", "refused": {reason: n}, "shards", "seconds"}.
    """
    refused = ", ".join(f"{count:,} {reason}" for reason, count in split.refused.items())
    logging.info(
        "split %s is whole: %s %s read, %s written, %s refused%s; %d shards, %s, %s",
        name,
        f"{split.read:,}",
        unit,
        f"{split.written:,}",
        f"{split.read - split.written:,}",
        f" ({refused}): see {name}.rejects.tsv" if refused else "",
        len(split.shards),
        storage.describe_size(sum(shard.bytes for shard in split.shards)),
        f"{split.read / seconds:,.0f} {unit}/s",
    )
    return {
        "split": name,
        "read": split.read,
        "written": split.written,
        "refused": split.refused,
        "shards": len(split.shards),
        "seconds": round(seconds, 2),
    }
