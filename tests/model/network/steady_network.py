"""A network without what differs by replica, to compare two replicas with one device."""

import keras

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.network.layers import FusedBatchNormalization, SeededDropout


def build_steady_network(classes: int) -> tuple[keras.Model, keras.Optimizer]:
    """Returns a network without batch statistics and dropout, and SGD; is called in the strategy's scope."""
    model = build_densenet(height=32, classes=classes)
    for layer in model.layers:
        layer.trainable = not isinstance(layer, FusedBatchNormalization)
        if isinstance(layer, SeededDropout):
            layer.rate = 0.0
    optimizer = keras.optimizers.SGD(1e-3)
    optimizer.build(model.trainable_variables)
    return model, optimizer
