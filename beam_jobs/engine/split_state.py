"""The state of an unfinished split, in the folder SPLIT.unfinished beside its shards.

It holds the identity of the run that started the split, its plan and the reports of finished shards, and is
removed when the split is published.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from densenet_ocr.pipeline import storage

PLAN = "plan.npy"


class JobTerms(NamedTuple):
    """How messages name a job.

    Attributes:
      job: The job as a noun: conversion.
      verb: The job as a verb, shown with the progress and in remedies: convert.
      inputs: What may have changed where a shard is written again with other bytes.
      subject: What it writes, with {split} and {folder}.
      output_flags: The flags that say where a split goes.
    """

    job: str
    verb: str
    inputs: str
    subject: str = "split {split!r} of {folder}"
    output_flags: str = "--split or --output"


class StartedRun(NamedTuple):
    """The identity of a run that has started a split, and whether it had --overwrite."""

    identity: dict[str, Any]
    overwrite: bool


class SplitState:
    """The state of one unfinished split."""

    def __init__(self, folder: str, split: str) -> None:
        self.path = state_folder(folder, split)
        self.plan_path = storage.join(self.path, PLAN)
        self._identity_path = storage.join(self.path, "identity.json")
        self._rejected_path = storage.join(self.path, "judged")

    def start(self, identity: dict[str, Any], *, overwrite: bool) -> None:
        """Records that a run has started the split, and what its bytes depend on."""
        content = {"identity": identity, "overwrite": overwrite}
        storage.write_atomically(self._identity_path, json.dumps(content, indent=1).encode())

    def load(self) -> StartedRun | None:
        """Returns the run that started the split; None where none has."""
        if not storage.exists(self._identity_path):
            return None
        try:
            content = storage.read_json(self._identity_path)
            return StartedRun(content["identity"], content["overwrite"])
        except (ValueError, LookupError, TypeError):
            return StartedRun({"identity.json": "damaged"}, overwrite=False)

    def mark_rejected(self) -> None:
        """Records that all shards were written, but too many rows were refused."""
        storage.write_atomically(self._rejected_path, b"")

    @property
    def is_rejected(self) -> bool:
        """Whether an earlier run wrote all shards and failed because too many rows were refused."""
        return storage.exists(self._rejected_path)

    def remove(self) -> None:
        """Removes the state."""
        storage.remove(self.path)


@contextlib.contextmanager
def hold_split(folder: str, split: str, terms: JobTerms) -> Iterator[SplitState]:
    """Locks a split and yields its state.

    Raises:
      UserError: another process holds the split.
    """
    state = SplitState(folder, split)
    with storage.held(
        state.path,
        subject=terms.subject.format(split=split, folder=folder),
        received=f"a second {terms.job}, while another one writes it",
        remedy=f"Wait for the other one, or choose another {terms.output_flags}.",
    ):
        try:
            yield state
        finally:
            if not state.load():
                state.remove()  # nothing was started


def state_folder(folder: str, split: str) -> str:
    """Returns the folder of a split's state."""
    return storage.join(folder, f"{split}.unfinished")


def find_outputs(folder: str, split: str) -> list[str]:
    """Returns the names of a split's shards and rejects in a folder, of any format."""
    outputs = re.compile(_output_pattern(split))
    return [name for name in storage.list_names(folder) if outputs.fullmatch(name)]


def remove_outputs(folder: str, split: str) -> None:
    """Removes a split's shards, rejects, temporary files, and its state except for the plan."""
    remove_temporary(folder, split)
    storage.remove_many([storage.join(folder, name) for name in find_outputs(folder, split)])
    _remove_matching(state_folder(folder, split), rf"(?!{PLAN}$).*")


def remove_temporary(folder: str, split: str) -> None:
    """Removes the temporary files of a killed run, and keeps what it finished."""
    _remove_matching(folder, rf"{_output_pattern(split)}\.tmp-\w+")
    _remove_matching(state_folder(folder, split), r".*\.tmp-\w+")


def remove_temporary_manifest(folder: str, name: str) -> None:
    """Removes temporary files of a manifest, such as dataset.json; the caller holds the folder's lock."""
    _remove_matching(folder, rf"{re.escape(name)}\.tmp-\w+")


def _output_pattern(split: str) -> str:
    return rf"{split}(-\d{{5,}}-of-\d{{5,}}\.(tfrecord|tsv|list)|\.rejects\.tsv)"


def _remove_matching(folder: str, pattern: str) -> None:
    names = [name for name in storage.list_names(folder) if re.fullmatch(pattern, name)]
    storage.remove_many([storage.join(folder, name) for name in names])
