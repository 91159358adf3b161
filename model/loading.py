"""A network from where it lies: the folder of a run, or of an export."""

from model.network import KerasNetwork, Network
from model.run_folder import RunFolder, load_model


def load_network(path: str, checkpoint: str | None = None) -> Network:
    """The network of a run's best weights, or of those that `checkpoint` names; raises UserError."""
    model, info = load_model(path, checkpoint)
    return KerasNetwork(model, info, name=path, train_split=RunFolder(path).read_settings()["train_split"])
