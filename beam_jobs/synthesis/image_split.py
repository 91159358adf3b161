"""A split of image files: its parts become one list, beside it the charset, and images.json tells of both."""

import itertools
import re
import statistics
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from densenet_ocr.beam_jobs.engine import shards
from densenet_ocr.beam_jobs.engine.dataset_split import DatasetSplit
from densenet_ocr.beam_jobs.engine.job import Job
from densenet_ocr.beam_jobs.synthesis.image_files import ImageJob, write_images
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.charset import read_charset
from densenet_ocr.pipeline.dataset_info import SplitInfo
from densenet_ocr.pipeline.errors import UserError

CHARSET = "charset.txt"

# Disks give files whole blocks.
_BLOCK_BYTES = 4096


class ImageSplit(DatasetSplit):
    """Makes SPLIT/00012/00012345.jpg and so on, and SPLIT.txt, the list that convert reads them by."""

    def _make_job(self, digest: str, plan_path: str, rows: int) -> ImageJob:
        source = self._make_source(plan_path=plan_path, rows=rows)
        return ImageJob(folder=self.folder, split=self.split, source=source, digest=digest)

    def _make_shards(self, job: Job, numbers: Sequence[int], *, workers: int, options: PipelineOptions) -> None:
        verb = self._words.verb
        shards.write_shards(job, numbers, workers=workers, options=options, verb=verb, write=write_images)

    @property
    def _stored_as(self) -> str:
        return "JPEG files"

    def _row_bytes(self, job: Job) -> float:
        some = itertools.islice(job.source.draw_shard(0), 100)
        return statistics.fmean(-(-len(image) // _BLOCK_BYTES) * _BLOCK_BYTES for image, _ in some)

    def _publish(self, split: SplitInfo) -> None:
        self._write_list(split)
        super()._publish(split)

    def _repair(self, job: Job, whole: SplitInfo, *, workers: int, options: PipelineOptions) -> None:
        super()._repair(job, whole, workers=workers, options=options)
        self._write_list(whole)

    def _write_list(self, split: SplitInfo) -> None:
        """Joins the parts, which are whole, and writes the charset."""
        with storage.atomic_file(self._list_path) as file:
            for shard in split.shards:
                file.write(storage.read_bytes(storage.join(self.folder, shard.name)))
        if not self._has_charset():
            self._info.charset.write(self._charset_path)

    def _find_made(self) -> list[str]:
        made = [*super()._find_made(), *self._find_image_folders()]
        made += [f"{self.split}.txt"] if storage.exists(self._list_path) else []
        other = storage.exists(self._charset_path) and not self._has_charset()
        return made + [CHARSET] * other

    def _find_image_folders(self) -> list[str]:
        names = storage.list_names(storage.join(self.folder, self.split))
        return [storage.join(self.split, name) for name in names if re.fullmatch(r"\d{5,}", name)]

    def _remove_description(self) -> None:
        super()._remove_description()
        storage.remove(self._list_path)
        # Images alone: somebody may keep more in a folder of the split's name.
        for folder in [storage.join(self.folder, name) for name in self._find_image_folders()]:
            for name in storage.list_names(folder):
                if re.fullmatch(r"\d{8,}\.jpg", name):
                    storage.remove(storage.join(folder, name))
            if not storage.list_names(folder):
                storage.remove(folder)

    def _has_charset(self) -> bool:
        """Whether the folder's charset is this one, in its own words perhaps."""
        try:
            return storage.exists(self._charset_path) and read_charset(self._charset_path) == self._info.charset
        except UserError:  # it is none
            return False

    @property
    def _list_path(self) -> str:
        return storage.join(self.folder, f"{self.split}.txt")

    @property
    def _charset_path(self) -> str:
        return storage.join(self.folder, CHARSET)
