"""A network from where it lies: the folder of a run, or of an export."""

from model.exports import load_export
from model.network import KerasNetwork, Network
from model.run_folder import load_model
from pipeline.errors import UserError
from pipeline.export_info import is_export


def load_network(path: str, checkpoint: str | None = None) -> Network:
    """The network of an export, or of a run's best weights or those `checkpoint` names; raises UserError."""
    if not is_export(path):
        return KerasNetwork(*load_model(path, checkpoint))
    if checkpoint is not None:
        raise UserError(
            "checkpoint",
            received=repr(checkpoint),
            expected=f"none: {path} is an export, which has the weights that it was made of",
            remedy="Leave --checkpoint out, or name the run.",
        )
    return load_export(path)
