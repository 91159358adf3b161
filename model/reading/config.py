"""Configuration of what reads lines; its fields are flags. Loads no TensorFlow: --help is quick."""

import dataclasses

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui.flags import option, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsConfig:
    """A model: a run, an export, or weights of the original notebook."""

    model: str | None = option(None, help="Folder of a run or of an export.")
    checkpoint: str | None = option(None, help="Weights file of the run; by default the best epoch's.")
    weights: str | None = option(None, help="Weights file of the original notebook, in place of --model.")

    def __post_init__(self) -> None:
        validate(self)
        given = [f"--{name}" for name in ("model", "weights") if getattr(self, name)]
        if len(given) != 1 or (self.weights and self.checkpoint):
            given += ["--checkpoint"] * bool(self.checkpoint)
            raise UserError(
                "model",
                received=" and ".join(given) or "neither --model nor --weights",
                expected="--model, a run (with --checkpoint, certain weights of it) or an export; or --weights",
                remedy="Give --model=RUN_OR_EXPORT, or --weights=FILE.h5 for weights of the original notebook.",
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(WeightsConfig):
    """A model, with what weights of the original notebook do not contain: charset and image height."""

    charset: str | None = option(None, help="With --weights: their charset file.")
    image_height: int | None = option(
        None, help="With --weights: height of their lines in pixels; by default 32.", at_least=7
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("charset", "image_height"):
            if self.model and getattr(self, name):
                raise UserError(
                    name,
                    received=getattr(self, name),
                    expected="none beside --model, which has its own",
                    remedy="Leave it out, or give --weights=FILE.h5 in place of --model.",
                )
        if self.weights and not self.charset:
            raise UserError(
                "charset",
                received="none beside --weights",
                expected="the charset file that the weights were trained with, which they do not contain",
                remedy="Set --charset, and --image_height if it is not 32.",
            )
