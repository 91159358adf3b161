"""The graph and Pillow over a zoo of files: the same levels, or an error of the graph."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.graph.images import decode
from tests.pipeline.zoo.zoo import make_zoo

# TensorFlow does not look into optional parts of a PNG; this file's pixels are sound.
REFUSED_BY_PILLOW_ALONE = {"PNG/an odd pHYs"}


def decode_by_pillow(data: bytes) -> np.ndarray | None:
    try:
        return images.decode(data)
    except Refused:
        return None


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def decode_in_graph(data):
    return decode(data)


def try_in_graph(data: bytes) -> np.ndarray | None:
    try:
        return decode_in_graph(data).numpy()
    except (tf.errors.OpError, UnicodeDecodeError):  # TensorFlow quotes damaged bytes in some messages
        return None


def compare(data: bytes) -> str:
    expected, found = decode_by_pillow(data), try_in_graph(data)
    if expected is None:
        return "both refuse" if found is None else "Pillow refuses"
    if found is None:
        return "the graph refuses"
    return "equal" if np.array_equal(expected, found) else "differ"


@pytest.mark.filterwarnings("ignore:::PIL")  # Pillow warns of broken or unusual files
class ZooTest(tf.test.TestCase):
    def test_the_graph_decodes_as_pillow_or_fails(self):
        outcomes = {name: compare(data) for name, data in make_zoo().items()}
        table = collections.Counter((name.partition("/")[0], outcome) for name, outcome in outcomes.items())
        for (kind, outcome), count in sorted(table.items()):
            print(f"{kind:9} {outcome:18} {count}")
        self.assertEqual([name for name, outcome in outcomes.items() if outcome == "differ"], [])
        lenient = {name for name, outcome in outcomes.items() if outcome == "Pillow refuses"}
        self.assertLessEqual(lenient, REFUSED_BY_PILLOW_ALONE)
        equal = sum(outcome == "equal" for outcome in outcomes.values())
        self.assertGreater(equal, 250)


if __name__ == "__main__":
    tf.test.main()
