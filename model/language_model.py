"""Makes a language model of text: a character n-gram model for --lm of the commands that read lines.

    ocr-language-model --text='news/*.txt' --charset=charset.txt --output=news.lm
    ocr-language-model --text=list:train.txt --charset=charset.txt --order=4 --output=labels.lm

Each row of a file is a text. Use text like that of your lines, normalised like their labels: --normalize,
--width_forms and --character_map work as in ocr-synthesize. A character that the charset lacks ends the context
of the characters after it.

The estimate is interpolated modified Kneser-Ney. The file takes at most --max_megabytes: rare n-grams are left
out until it does. Its perplexity is measured on the rows that --held_out keeps back.

The last line on standard output is {"output", "order", "read", "used", "held_out", "refused": {reason: rows},
"characters", "unknown", "ngrams": [by order], "prune": [by order], "bytes", "perplexity", "seconds"}; read =
used + held_out + refused.
"""

from densenet_ocr.pipeline.language_model.config import LanguageModelConfig
from densenet_ocr.pipeline.ui import command, flags


def main() -> None:
    """Makes the model as the flags say and prints the result."""
    config = flags.read(LanguageModelConfig)
    from densenet_ocr.pipeline.language_model.building import build

    command.print_result(build(config))


def run() -> None:
    """Entry point of ocr-language-model."""
    command.run(main, configs=[LanguageModelConfig])


if __name__ == "__main__":
    run()
