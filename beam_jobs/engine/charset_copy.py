"""The charset beside the shards of a split, in a file for people and other programs."""

import dataclasses

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.charsets.charset_file import read_charset
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.errors import UserError

FILE_NAME = "charset.txt"


@dataclasses.dataclass(frozen=True)
class CharsetCopy:
    """The file charset.txt in a folder that has this charset; see engine.manifest.DerivedFiles."""

    folder: str
    charset: Charset

    def find(self) -> list[str]:
        """See DerivedFiles."""
        return [FILE_NAME] if storage.exists(self._path) and not self._is_written() else []

    def write(self, split: SplitInfo) -> None:
        """See DerivedFiles."""
        if not self._is_written():
            self.charset.write(self._path)

    def remove(self) -> None:
        """See DerivedFiles; the charset stays, because other splits have it too."""

    def _is_written(self) -> bool:
        """Whether the file has these characters, whatever its row 0 shows."""
        try:
            return storage.exists(self._path) and read_charset(self._path) == self.charset
        except UserError:  # it is not a charset
            return False

    @property
    def _path(self) -> str:
        return storage.join(self.folder, FILE_NAME)
