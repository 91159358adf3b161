"""A network from where it lies: a run, an export, or a file of the original notebook's weights."""

from densenet_ocr.model.exports.networks import load_export
from densenet_ocr.model.keras2.weights import load_keras2_model
from densenet_ocr.model.reading.inference_model import InferenceModel, KerasInferenceModel
from densenet_ocr.model.training.run_folder import RunFolder
from densenet_ocr.model.training.weights import find_weights, load_model
from densenet_ocr.pipeline.charset import Charset, read_charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import is_export
from densenet_ocr.pipeline.images import Geometry


def load_network(path: str, checkpoint: str | None = None) -> InferenceModel:
    """The network of an export, or of a run's best weights or those `checkpoint` names; raises UserError."""
    if is_export(path):
        if checkpoint:
            raise UserError(
                "checkpoint",
                received=repr(checkpoint),
                expected=f"none: {path} is an export, which has the weights that it was made of",
                remedy="Leave --checkpoint out, or name the run.",
            )
        return load_export(path)
    model, info = load_model(path, checkpoint)
    run, name = RunFolder(path), f"{path} ({checkpoint})" if checkpoint else path
    weights, settings = find_weights(run, checkpoint), run.read_settings()
    return KerasInferenceModel(model, info, name=name, weights=weights, train_split=settings["train_split"])


def load_keras2(weights: str, *, charset: Charset, height: int) -> InferenceModel:
    """The network with weights that Keras 2 wrote (see model.keras2.weights); raises UserError."""
    model, info = load_keras2_model(weights, charset=charset, height=height)
    return KerasInferenceModel(model, info, name=weights, weights=weights)


def choose_network(
    *, model: str | None, checkpoint: str | None, weights: str | None, charset: str | None, height: int | None
) -> InferenceModel:
    """What flags name: a model, or else weights with the charset file and the height that go with them."""
    check_choice(model=model, checkpoint=checkpoint, weights=weights)
    if model:
        _check_alone(charset, height)
        return load_network(model, checkpoint)
    if not charset:
        raise UserError(
            "charset",
            received="none beside --weights",
            expected="the charset file that the weights were trained with, which does not lie in theirs",
            remedy="Set --charset, and --image_height where it is not 32.",
        )
    return load_keras2(weights, charset=read_charset(charset), height=height or Geometry().height)


def _check_alone(charset: str | None, height: int | None) -> None:
    if charset or height:
        raise UserError(
            "charset" if charset else "image_height",
            received=charset or height,
            expected="none beside --model, which has its own",
            remedy="Leave it out, or give --weights=FILE.h5 in place of --model.",
        )


def check_choice(*, model: str | None, checkpoint: str | None, weights: str | None) -> None:
    """Raises UserError unless one of model and weights is given, and a checkpoint only with a model."""
    given = [f"--{name}" for name, value in (("model", model), ("weights", weights)) if value]
    if len(given) != 1 or (weights and checkpoint):
        received = " and ".join(given + ["--checkpoint"] * bool(checkpoint)) or "neither --model nor --weights"
        raise UserError(
            "model",
            received=received,
            expected="--model, a run (--checkpoint chooses weights in it) or an export, or else --weights",
            remedy="Give --model=RUN_OR_EXPORT, or --weights=FILE.h5 for a file of the original notebook's.",
        )
