"""The manifest of image files: images.json, and beside it the list and the charset that ocr-convert reads."""

import dataclasses
import re
from typing import Any

from densenet_ocr.beam_jobs.engine.manifest import DatasetManifest, PublishedSplit
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import read_charset
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.errors import UserError

CHARSET = "charset.txt"


@dataclasses.dataclass(frozen=True)
class ImageManifest:
    """One split of images in images.json, with SPLIT.txt, its list; see engine.manifest.Manifest.

    Attributes:
      dataset: The split's place in images.json.
    """

    dataset: DatasetManifest

    @property
    def file_name(self) -> str:
        """See Manifest."""
        return self.dataset.file_name

    @property
    def sources(self) -> dict[str, Any]:
        """See Manifest."""
        return self.dataset.sources

    @property
    def identity(self) -> dict[str, Any]:
        """See Manifest."""
        return self.dataset.identity

    def load(self) -> PublishedSplit | None:
        """See Manifest."""
        return self.dataset.load()

    def find_outputs(self) -> list[str]:
        """See Manifest."""
        found = [*self.dataset.find_outputs(), *self._find_image_folders()]
        if storage.exists(self._list_path):
            found.append(f"{self.dataset.split}.txt")
        if storage.exists(self._charset_path) and not self._has_charset():
            found.append(CHARSET)
        return found

    def withdraw(self) -> None:
        """See Manifest; removes the list and the images, too."""
        self.dataset.withdraw()
        storage.remove(self._list_path)
        # Images only: a folder of the split's name may have other files.
        for folder in [self._join(name) for name in self._find_image_folders()]:
            for name in storage.list_names(folder):
                if re.fullmatch(r"\d{8,}\.jpg", name):
                    storage.remove(storage.join(folder, name))
            if not storage.list_names(folder):
                storage.remove(folder)

    def publish(self, split: SplitInfo) -> None:
        """See Manifest."""
        self.restore(split)
        self.dataset.publish(split)

    def restore(self, split: SplitInfo) -> None:
        """See Manifest: joins the parts of the list, and writes the charset."""
        with storage.atomic_file(self._list_path) as file:
            for shard in split.shards:
                file.write(storage.read_bytes(self._join(shard.name)))
        if not self._has_charset():
            self.dataset.info.charset.write(self._charset_path)

    def _find_image_folders(self) -> list[str]:
        split = self.dataset.split
        names = storage.list_names(self._join(split))
        return [storage.join(split, name) for name in names if re.fullmatch(r"\d{5,}", name)]

    def _has_charset(self) -> bool:
        """Whether the folder's charset has these characters, whatever its row 0 shows."""
        try:
            exists = storage.exists(self._charset_path)
            return exists and read_charset(self._charset_path) == self.dataset.info.charset
        except UserError:  # it is not a charset
            return False

    def _join(self, name: str) -> str:
        return storage.join(self.dataset.folder, name)

    @property
    def _list_path(self) -> str:
        return self._join(f"{self.dataset.split}.txt")

    @property
    def _charset_path(self) -> str:
        return self._join(CHARSET)
