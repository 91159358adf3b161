"""Layer settings of a Keras 2 model, as `model.save` stores them in model_config.

Networks with other strides, pools or constants can have weights of the same shapes and give other logits.
"""

import re
from typing import Any

from densenet_ocr.model.keras2.file import refuse_network
from densenet_ocr.model.network import densenet
from densenet_ocr.pipeline.errors import UserError

# Allowed values by layer class and setting; the network has no other classes.
_ALLOWED: dict[str, dict[str, list[Any]]] = {
    "Conv2D": {
        "padding": ["same"],
        "dilation_rate": [[1, 1]],
        "data_format": ["channels_last"],
        "activation": ["linear"],
    },
    "BatchNormalization": {
        "epsilon": [densenet.EPSILON],
        "axis": [-1, 3, [3]],
        "scale": [True],
        "center": [True],
    },
    "AveragePooling2D": {
        "pool_size": [[2, 2]],
        "strides": [[2, 2]],
        "padding": ["valid"],
        "data_format": ["channels_last"],
    },
    "Concatenate": {"axis": [-1, 3]},
    "Activation": {"activation": ["relu", "softmax", "linear"]},
    "Permute": {"dims": [[2, 1, 3]]},
    "Dense": {"activation": ["softmax", "linear"]},
    "Flatten": {"data_format": ["channels_last"]},
    **{kind: {} for kind in ("InputLayer", "Dropout", "ReLU", "Softmax", "TimeDistributed", "Lambda")},
}


def check_settings(path: str, layers: list[dict[str, Any]] | None) -> None:
    """Raises UserError for layers of model_config that differ from the notebook's; accepts None."""
    try:
        by_name = {layer["config"]["name"]: layer for layer in layers or []}
        for layer in by_name.values():
            _check_layer(path, layer)
            if layer["class_name"] == "Concatenate":
                _check_order(path, layer, by_name)
    except (LookupError, TypeError, AttributeError) as error:
        raise _refuse(
            path, f"a model_config that cannot be read ({error!r})", "layers as Keras 2 lists"
        ) from None


def _check_layer(path: str, layer: dict[str, Any]) -> None:
    kind, config = re.sub(r"V\d$", "", layer["class_name"]), layer["config"]  # BatchNormalizationV1
    if kind not in _ALLOWED:
        raise _refuse(path, f"a layer {config['name']} of the kind {kind}", f"{', '.join(_ALLOWED)} alone")
    allowed = dict(_ALLOWED[kind])
    if kind == "Conv2D":
        allowed["strides"] = [[2, 2] if config["kernel_size"] == [5, 5] else [1, 1]]
    for name, values in allowed.items():
        # A missing setting is one that older versions of Keras 2 do not have.
        if config.get(name, values[0]) not in values:
            received = f"a layer {config['name']} with {name} {config[name]}"
            raise _refuse(path, received, " or ".join(map(str, values)))
    if kind == "TimeDistributed":
        _check_layer(path, config["layer"])


def _check_order(path: str, layer: dict[str, Any], by_name: dict[str, dict[str, Any]]) -> None:
    """Raises UserError unless a concatenation appends the new channels to the old ones."""
    *_, last = layer["inbound_nodes"][0]
    if by_name[last[0]]["config"].get("filters") != densenet.GROWTH:
        received = f"a layer {layer['config']['name']} whose last input is {last[0]}"
        raise _refuse(path, received, f"the {densenet.GROWTH} new channels after the old ones")


def _refuse(path: str, received: str, expected: str) -> UserError:
    return refuse_network(path, received=received, expected=f"{expected}, as in the notebook's network")
