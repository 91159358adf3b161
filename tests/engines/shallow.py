"""ocr-evaluate and ocr-predict with the small network of tests.model.cluster.worker.

python -m tests.engines.shallow evaluate FLAGS
"""

import importlib
import sys

from tests.samples import shallow_network

if __name__ == "__main__":
    name = sys.argv.pop(1)
    sys.argv[0] = f"ocr-{name}"
    with shallow_network():
        importlib.import_module(f"densenet_ocr.model.{name}").run()
