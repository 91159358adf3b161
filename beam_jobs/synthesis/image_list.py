"""The list of a split of image files, SPLIT.txt, and the charset beside it: what ocr-convert reads."""

import dataclasses
import re

from densenet_ocr.beam_jobs.engine.charset_copy import CharsetCopy
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import SplitInfo


@dataclasses.dataclass(frozen=True)
class ImageList:
    """The list, which is joined of the shards, and the images that it names; see engine.manifest.DerivedFiles.

    Attributes:
      folder: Output folder.
      split: Name of the split.
      charset: Characters of the list's ids.
    """

    folder: str
    split: str
    charset: Charset

    def find(self) -> list[str]:
        """See DerivedFiles."""
        found = self._find_image_folders()
        if storage.exists(self._list_path):
            found.append(f"{self.split}.txt")
        return found + self._charset_copy.find()

    def write(self, split: SplitInfo) -> None:
        """See DerivedFiles."""
        with storage.atomic_file(self._list_path) as file:
            for data in storage.read_many(self._join(shard.name) for shard in split.shards):
                if not isinstance(data, bytes):
                    raise data
                file.write(data)
        self._charset_copy.write(split)

    def remove(self) -> None:
        """See DerivedFiles; the charset stays, because other splits have it too."""
        storage.remove(self._list_path)
        # Images only: a folder of the split's name may have other files.
        for folder in map(self._join, self._find_image_folders()):
            names = [name for name in storage.list_names(folder) if re.fullmatch(r"\d{8,}\.jpg", name)]
            storage.remove_many([storage.join(folder, name) for name in names])
            if not storage.list_names(folder):
                storage.remove(folder)

    def _find_image_folders(self) -> list[str]:
        names = storage.list_names(self._join(self.split))
        return [storage.join(self.split, name) for name in names if re.fullmatch(r"\d{5,}", name)]

    @property
    def _charset_copy(self) -> CharsetCopy:
        return CharsetCopy(self.folder, self.charset)

    def _join(self, name: str) -> str:
        return storage.join(self.folder, name)

    @property
    def _list_path(self) -> str:
        return self._join(f"{self.split}.txt")
