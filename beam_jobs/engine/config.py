"""Options that the jobs share; loads neither Beam nor TensorFlow, so that --help is quick."""

import dataclasses
import re
from typing import Any

from densenet_ocr.pipeline.errors import check_setting
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.schema import PIXEL_BYTES
from densenet_ocr.pipeline.ui.flags import Validated, option, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalConfig:
    """Options of the local Beam runner; they do not change the output."""

    workers: int = option(0, help="Processes of the local runner; 0 starts one per core.", at_least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoteConfig(Validated):
    """Options of a runner that Beam's own options name; they do not change the output."""

    shared_folders: tuple[str, ...] = option(
        (),
        help="Folder that this machine and all workers mount under the same name; may be repeated. With a "
        "remote runner, local paths have to be in such folders.",
    )
    runner_timeout: float = option(
        600, help="Time limit in seconds for the trial pipeline on a named runner.", above=0
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """Options of a split of line images, whatever job writes it."""

    output: str = option(help="Folder of the data set.")
    split: str = option("train", help="Name of the split to write.")
    image_height: int = option(Geometry.height, help="Height of every line image in pixels.")
    image_width: int = option(
        Geometry.width, help="Width of every line image in pixels; 0 keeps each line's own width."
    )
    frame_stride: int = option(
        Geometry.frame_stride,
        help="Pixels per frame, 8 or 4; a label needs a frame for each character. 4 is for narrow letters, as "
        "in Latin.",
    )
    image_encoding: str = option(
        "float32",
        help="How records store pixels. uint8 takes a quarter of the space and reads back bit-identical.",
        choices=tuple(PIXEL_BYTES),
    )
    lines_per_shard: int = option(4096, help="Lines in one shard.", at_least=1)
    seed: int = option(0, help="Seed of all random numbers; splits of one seed differ.", at_least=0)
    max_reject_fraction: float = option(
        0.01, help="The run fails where a larger share of the lines is refused.", at_least=0, at_most=1
    )
    overwrite: bool = option(
        False,
        help="Replace an existing split of this name. An interrupted run that had --overwrite resumes with it.",
    )

    def __post_init__(self) -> None:
        validate(self)
        is_name = re.fullmatch(r"[A-Za-z0-9_]+", self.split)
        check_setting("split", self.split, is_name, "letters, digits and underscores")
        check_setting("seed", self.seed, self.seed < 2**63, "0 to 9223372036854775807")
        self.geometry  # noqa: B018 - a wrong size is refused before any input is read

    @property
    def geometry(self) -> Geometry:
        """Size of the line images and of a frame."""
        return Geometry(self.image_height, self.image_width, self.frame_stride)


def list_changed(config: Any, *names: str) -> dict[str, Any]:
    """Returns those of some options, by default of all, that have another value than by default."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    return {
        name: getattr(config, name) for name in names or defaults if getattr(config, name) != defaults[name]
    }
