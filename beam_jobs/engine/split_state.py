"""The state of a split that is being made: whose it is, what it will be made of, how far it came.

It lies in SPLIT.unfinished beside the shards, and goes when the split stands in its folder's description.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from densenet_ocr.beam_jobs.engine.job import PLAN, state_folder
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import FILE_NAME


class Words(NamedTuple):
    """How messages name a kind of work: itself, what to give otherwise, its description, and so on."""

    subject: str  # what is made, with {split} and {folder}
    work: str  # a second ... is refused
    place: str  # flags that say where a split goes
    description: str  # file that tells of whole splits
    verb: str  # what is done, which progress shows, and which a remedy asks for
    suspects: str  # what may have changed where a shard comes out in other bytes


CONVERSION = Words(
    "split {split!r} of {folder}", "conversion", "--split or --output", FILE_NAME, "convert", "Images"
)


class SplitState:
    """The state of one split; its identity is all that its bytes depend on."""

    def __init__(self, folder: str, split: str):
        self.path = state_folder(folder, split)
        self.plan_path = storage.join(self.path, PLAN)
        self._identity_path = storage.join(self.path, "identity.json")
        self._judged_path = storage.join(self.path, "judged")

    def load_identity(self) -> dict[str, Any] | None:
        """The identity of the work that was begun, if one was."""
        return self._load()["identity"] if storage.exists(self._identity_path) else None

    @property
    def overwrites(self) -> bool:
        """Whether the work that was begun was told to overwrite."""
        return storage.exists(self._identity_path) and self._load()["overwrite"]

    def begin(self, identity: dict[str, Any], *, overwrite: bool) -> None:
        """Says what the split will be made of."""
        content = {"identity": identity, "overwrite": overwrite}
        storage.write_atomically(self._identity_path, json.dumps(content, indent=1).encode())

    def _load(self) -> dict[str, Any]:
        try:
            content = json.loads(storage.read_bytes(self._identity_path))
            return {"identity": content["identity"], "overwrite": content["overwrite"]}
        except (ValueError, LookupError, TypeError):
            return {"identity": {"identity.json": "damaged"}, "overwrite": False}

    def judge(self) -> None:
        """Notes that all shards were there, but too many rows refused."""
        storage.write_atomically(self._judged_path, b"")

    @property
    def judged(self) -> bool:
        """Whether an earlier run got to the end and failed there."""
        return storage.exists(self._judged_path)

    def remove(self) -> None:
        """Forgets the state: the split is whole."""
        storage.remove(self.path)


@contextlib.contextmanager
def hold_split(folder: str, split: str, words: Words = CONVERSION) -> Iterator[SplitState]:
    """The state of a split, which nobody else may hold; raises UserError where somebody does."""
    state = SplitState(folder, split)
    with storage.held(
        state.path,
        subject=words.subject.format(split=split, folder=folder),
        received=f"a second {words.work}, while another one writes it",
        remedy=f"Wait for the other one, or choose another {words.place}.",
    ):
        try:
            yield state
        finally:
            if not state.load_identity():
                state.remove()  # nothing was begun
