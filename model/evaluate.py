"""Scores a run, or an export of one, on every line of a split: exact match with its 95 % interval, and CER.

    ocr-evaluate --model=run --data=data --split=test

The last line on standard output is {"split", "lines", "exact_match", "exact_match_95": [lo, hi], "cer",
"seconds"}. --report writes a page that shows where the model fails and the lines that it reads worst; --picture
draws the first lines of the split with truth and reading.
"""

import dataclasses

from densenet_ocr.model.reading.config import EvaluateConfig, WeightsConfig
from densenet_ocr.model.training.config import DeviceConfig
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.ui import command, flags


def main() -> None:
    """Evaluates as the flags say and prints the result."""
    config, weights = flags.read(EvaluateConfig), flags.read(WeightsConfig)
    decoding = flags.read(DecodingConfig)
    from densenet_ocr.model.network.devices import (
        set_up_devices,  # loads TensorFlow, which --help does not need
    )
    from densenet_ocr.model.reading.evaluation import evaluate
    from densenet_ocr.model.reading.loading import load_for_data
    from densenet_ocr.pipeline.decoding.decoder import open_decoder

    set_up_devices(DeviceConfig())
    model = load_for_data(weights, config.data)
    decoder = open_decoder(decoding, model.info.charset, weights.model, compares=True)
    command.print_result(evaluate(model, **dataclasses.asdict(config), decoder=decoder))


def run() -> None:
    """Entry point of ocr-evaluate."""
    command.run(main, configs=[WeightsConfig, EvaluateConfig, DecodingConfig])


if __name__ == "__main__":
    run()
