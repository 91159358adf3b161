"""Scores a run, or an export of one, on every line of a split: exact match with its 95 % interval, and CER.

    ocr-evaluate --model=run --data=data --split=test

The last line on standard output is {"split", "lines", "exact_match", "exact_match_95": [lo, hi], "cer",
"seconds"}. --report writes a page that shows where the model fails and the worst lines; --picture
draws the first lines of the split with truth and reading.

    ocr-evaluate --model=run --data=data --split=test --lm=news.lm --report=report
    ocr-evaluate --model=run --data=data --split=validation --lm=news.lm --tune

The flags of decoding are those of ocr-predict (docs/decoding.md). With one of them the result has `greedy`, the
exact match and the CER of greedy decoding, too. With --tune the command prints a grid of weights and writes the
best ones, and a temperature of confidences, to decoding.json in --model. Its last line is {"task", "split",
"lines", "lm_weight", "length_bonus", "temperature", "exact_match", "cer", "calibration_error": [before, after],
"seconds"}.
"""

import dataclasses

from densenet_ocr.model.reading.config import EvaluateConfig, TuneConfig, WeightsConfig
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.errors import check_left_out, check_setting
from densenet_ocr.pipeline.exports.shipped import is_shipped
from densenet_ocr.pipeline.ui import command, flags


def main() -> None:
    """Evaluates as the flags say and prints the result."""
    config, weights = flags.read(EvaluateConfig), flags.read(WeightsConfig)
    decoding, tuning = flags.read(DecodingConfig), flags.read(TuneConfig)
    if tuning.tune:
        _check_tuning(config, weights, decoding)
        # The temperature is that of a beam search.
        decoding = dataclasses.replace(decoding, beam_width=decoding.width)
    from densenet_ocr.model.network.devices import (
        set_up_devices,  # loads TensorFlow, which --help does not need
    )
    from densenet_ocr.model.reading.evaluation import evaluate
    from densenet_ocr.model.reading.loading import load_for_data
    from densenet_ocr.model.reading.tuning import tune
    from densenet_ocr.pipeline.decoding.decoder import open_decoder

    set_up_devices()
    model = load_for_data(weights, config.data)
    decoder = open_decoder(decoding, model.info.charset, weights.model, compares=True)
    if not tuning.tune:
        command.print_result(evaluate(model, config, decoder))
        return
    assert decoder and weights.model
    result = tune(model, decoder, config, folder=weights.model, lines=tuning.tune_lines)
    command.print_result(result)


def _check_tuning(config: EvaluateConfig, weights: WeightsConfig, decoding: DecodingConfig) -> None:
    """Raises UserError for flags that --tune has no use for."""
    for name in ("report", "picture"):
        check_left_out(name, getattr(config, name), getattr(config, name) is None, "none with --tune")
    fits_weights = decoding.lm and not decoding.lexicon
    for name in ("lm_weight", "length_bonus"):
        given = getattr(decoding, name)
        check_left_out(name, given, given is None or not fits_weights, "none with --tune, which finds it")
    own = weights.model and not is_shipped(weights.model)
    check_setting("model", weights.model, own, "with --tune a run or an export of your own, for decoding.json")


def run() -> None:
    """Entry point of ocr-evaluate."""
    command.run(main, configs=[WeightsConfig, EvaluateConfig, DecodingConfig, TuneConfig])


if __name__ == "__main__":
    run()
