"""A network from where it lies: the folder of a run, or of an export."""

from model.network import KerasNetwork, Network
from model.run_folder import load_model


def load_network(path: str, checkpoint: str | None = None) -> Network:
    """The network of a run's best weights, or of those that `checkpoint` names; raises UserError."""
    return KerasNetwork(*load_model(path, checkpoint), name=path)
