"""A network's weights as one file of float16 values, half the size of float32.

The file has the arrays of Keras's get_weights one after another, layer by layer from image to logits, row-major
and little-endian. Shapes and places follow from the network.
"""

import keras
import numpy as np

from densenet_ocr.pipeline.errors import UserError

DTYPE = np.dtype("<f2")


def pack_weights(model: keras.Model) -> bytes:
    """Returns the file of a network's weights, each rounded to the nearest float16.

    Raises:
      UserError: a weight is no number, or larger than float16 can hold.
    """
    arrays = model.get_weights()
    largest = max(float(np.max(np.abs(array), initial=0.0)) for array in arrays)
    if not largest <= np.finfo(DTYPE).max:
        raise UserError(
            "weights",
            received=f"a value of {largest:.3g}",
            expected=f"{np.finfo(DTYPE).max:.0f} at most, the largest float16",
            remedy="Export with --precision=float32.",
        )
    return b"".join(array.astype(DTYPE).tobytes() for array in arrays)


def unpack_weights(data: bytes, model: keras.Model, name: str) -> None:
    """Sets a network's weights to those of a file.

    Args:
      data: The file.
      model: A network of build_densenet of the same size.
      name: What messages call the file.

    Raises:
      UserError: the file has weights of another network.
    """
    shapes = [array.shape for array in model.get_weights()]
    sizes = [int(np.prod(shape)) for shape in shapes]
    if len(data) != sum(sizes) * DTYPE.itemsize:
        raise UserError(
            f"weights {name}",
            received=f"{len(data):,} bytes",
            expected=f"{sum(sizes) * DTYPE.itemsize:,}, two for each weight of the network",
            remedy="Export the model again, or copy the folder again.",
        )
    flat = np.frombuffer(data, DTYPE).astype(np.float32)
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)])
