"""DenseNet-CTC readers of text lines: Beam jobs, tf.data input, Keras training, reading.

The names in `__all__` are the public interface (docs/api.md). Each one is imported when it is first used, so
`import densenet_ocr` loads neither TensorFlow nor Beam.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from densenet_ocr.beam_jobs.conversion.config import ConversionConfig as ConversionConfig
    from densenet_ocr.beam_jobs.conversion.job import convert as convert
    from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig as SynthesisConfig
    from densenet_ocr.beam_jobs.synthesis.job import synthesize as synthesize
    from densenet_ocr.model.network.ctc import ctc_loss as ctc_loss
    from densenet_ocr.model.network.densenet import build_densenet as build_densenet
    from densenet_ocr.model.recognizer import Recognizer as Recognizer
    from densenet_ocr.pipeline.augmentation.config import AugmentConfig as AugmentConfig
    from densenet_ocr.pipeline.charset import Charset as Charset
    from densenet_ocr.pipeline.dataset import evaluation_input as evaluation_input
    from densenet_ocr.pipeline.dataset import training_input as training_input
    from densenet_ocr.pipeline.dataset_info import load_dataset_info as load_dataset_info

_MODULES = {
    "AugmentConfig": "pipeline.augmentation.config",
    "Charset": "pipeline.charset",
    "ConversionConfig": "beam_jobs.conversion.config",
    "Recognizer": "model.recognizer",
    "SynthesisConfig": "beam_jobs.synthesis.config",
    "build_densenet": "model.network.densenet",
    "convert": "beam_jobs.conversion.job",
    "ctc_loss": "model.network.ctc",
    "evaluation_input": "pipeline.dataset",
    "load_dataset_info": "pipeline.dataset_info",
    "synthesize": "beam_jobs.synthesis.job",
    "training_input": "pipeline.dataset",
}
__all__ = list(_MODULES)

# In a checkout pipeline/, model/ and beam_jobs/ lie beside this folder; an installed package has them inside.
_checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if os.path.exists(os.path.join(_checkout, "pyproject.toml")):
    __path__.append(_checkout)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from densenet_ocr.pipeline.packages import explain_missing

    with explain_missing():
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
