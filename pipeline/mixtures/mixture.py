"""A mixture: data sets of one geometry and image encoding, and the charset that has the characters of all."""

import dataclasses
import functools

from absl import logging

from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.mixtures.sources import Data, count_shares, list_sources


@dataclasses.dataclass(frozen=True)
class Part:
    """A data set of a mixture.

    Attributes:
      folder: The data set, a local folder or a URL.
      info: Its metadata.
      share: Its share of the lines, a whole number; see sources.count_shares.
      name: Its name in metrics; empty where there is only one data set.
    """

    folder: str
    info: DatasetInfo
    share: int = 1
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Mixture:
    """The data sets of a training, at least one.

    Raises:
      UserError: they differ in geometry or image encoding.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        for part in self.parts[1:]:
            _check_equal(self.parts[0], part)

    @property
    def shares(self) -> tuple[int, ...]:
        """The shares of the parts."""
        return tuple(part.share for part in self.parts)

    @functools.cached_property
    def info(self) -> DatasetInfo:
        """The metadata of a single data set, or of all joined.

        Joined, the charset has the first data set's characters, with their classes, then those that only the
        others have. Splits are those of the first data set and, by `join_names`, of the others. Fit and
        inversion are those of the first data set.
        """
        info = self.parts[0].info
        for part in self.parts[1:]:
            splits = {join_names(part.name, name): split for name, split in part.info.splits.items()}
            provenance = {join_names(part.name, name): made for name, made in part.info.provenance.items()}
            info = dataclasses.replace(
                info,
                charset=info.charset.union(part.info.charset),
                splits={**info.splits, **splits},
                provenance={**info.provenance, **provenance},
            )
        return info

    def check_split(self, split: str) -> None:
        """Raises UserError for the first data set that lacks a split."""
        if len(self.parts) == 1:
            self.info.find_split(split)
        for part in self.parts:
            if split not in part.info.splits:
                raise UserError(
                    f"data set {part.folder}",
                    received=f"no split {split!r}",
                    expected=f"split {split!r} in each data set of the mixture; it has "
                    f"{', '.join(part.info.splits) or 'none'}",
                    remedy="Convert it first, or leave this --data out.",
                )


def load_mixture(data: Data, *, frame_stride: int | None = None) -> Mixture:
    """Reads the metadata of a single data set or of those of a mixture; logs what a mixture consists of.

    Args:
      data: The data sets.
      frame_stride: Pixels of a frame of the model; by default that of the data.

    Raises:
      UserError: a data set cannot be read, they do not go together, or their labels may need more frames.
    """
    sources = list_sources(data)
    shares = count_shares(sources)
    parts = tuple(
        Part(source.folder, _load_info(source.folder, frame_stride), share, source.name)
        for source, share in zip(sources, shares, strict=True)
    )
    mixture = Mixture(parts)
    for part in parts if len(parts) > 1 else ():
        logging.info("data %s: %s, %d of %d lines", part.name, part.folder, part.share, sum(shares))
    return mixture


def _load_info(folder: str, frame_stride: int | None) -> DatasetInfo:
    """Reads the metadata of a data set, with another frame stride if one is given."""
    info = load_dataset_info(folder)
    geometry = info.geometry
    if frame_stride is None or frame_stride == geometry.frame_stride:
        return info
    if frame_stride > geometry.frame_stride:
        raise UserError(
            "frame_stride",
            received=frame_stride,
            expected=f"{geometry.frame_stride}, as {folder} was converted: its labels may need more frames",
            remedy=f"Leave --frame_stride out, or convert the data with --frame_stride={frame_stride}.",
        )
    return dataclasses.replace(info, geometry=dataclasses.replace(geometry, frame_stride=frame_stride))


def join_names(source: str, split: str) -> str:
    """Returns the name, in the metadata of a mixture, of a split of a data set other than the first."""
    return f"{source}:{split}"


def _check_equal(first: Part, other: Part) -> None:
    one, two = (
        {
            "--image_height": part.info.geometry.height,
            "--image_width": part.info.geometry.width,
            "--frame_stride": part.info.geometry.frame_stride,
            "--image_encoding": part.info.image_encoding,
        }
        for part in (first, other)
    )
    changed = [flag for flag in one if one[flag] != two[flag]]
    if changed:
        received, expected = (" ".join(f"{flag}={values[flag]}" for flag in changed) for values in (two, one))
        raise UserError(
            f"data set {other.folder}",
            received=received,
            expected=f"{expected}, as {first.folder} has",
            remedy="Convert one of them again with the flags of the other.",
        )
    settings = [(part.info.fit, part.info.invert) for part in (first, other)]
    if settings[0] != settings[1]:
        logging.warning(
            "data %s: converted with --fit=%s --invert=%s; the model reads images with --fit=%s --invert=%s, "
            "as %s was converted",
            other.name,
            *settings[1],
            *settings[0],
            first.name,
        )
