"""Base class of tests that synthesize in this process, with Pillow's face."""

import itertools
import os
from unittest import mock

import numpy as np

from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW
from densenet_ocr.beam_jobs.synthesis.job import synthesize
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.pipeline.charset import Charset
from tests.beam_jobs.conversion.conversion_case import ConversionTest
from tests.beam_jobs.damage import Killed

CHARSET = Charset("0123456789abcdefghijklmnopqrstuvwxyz 陕")
TEXT = "the quick brown fox jumps\nover 13 lazy dogs, while\nfive boxing wizards look on\n"


class SynthesisTest(ConversionTest):
    """The settings make lines of 128 pixels, ten a shard."""

    def setUp(self):
        super().setUp()
        CHARSET.write(os.path.join(self.folder, "charset.txt"))
        with open(os.path.join(self.folder, "text.txt"), "w") as file:
            file.write(TEXT)

    def configure(self, **changes) -> SynthesisConfig:
        given = {
            "charset_path": os.path.join(self.folder, "charset.txt"),
            "output": self.output,
            "text": (os.path.join(self.folder, "text.txt"),),
            "fonts": (PILLOW,),
            "lines": 25,
            "length": "3-6",
            "image_width": 128,
            "image_encoding": "uint8",
            "lines_per_shard": 10,
        }
        return SynthesisConfig(**{**given, **changes})

    def synthesize(self, **changes) -> dict:
        return synthesize(self.configure(**changes), workers=1)

    def interrupt_run(self, after: int, **changes) -> None:
        """Ends a run as a kill does, after some rendered lines."""
        drawn, original = itertools.count(), LineRenderer.render

        def draw(renderer: LineRenderer, text: str, face: int, random: np.random.Generator) -> bytes:
            if next(drawn) >= after:
                raise Killed("by the test")
            return original(renderer, text, face, random)

        with mock.patch.object(LineRenderer, "render", draw), self.assertRaises(Killed):
            self.synthesize(**changes)

    def count_rendered(self, **changes) -> int:
        """Returns the number of lines that a run renders."""
        with mock.patch.object(LineRenderer, "render", autospec=True, side_effect=LineRenderer.render) as draw:
            self.synthesize(**changes)
        return draw.call_count

    def read_bytes(self, name: str, output: str = "") -> bytes:
        with open(os.path.join(output or self.output, name), "rb") as file:
            return file.read()

    def assert_same_lines(self, first: dict, second: dict) -> None:
        """Asserts equal tensors and labels of lines from read_lines."""
        self.assertEqual(sorted(first), sorted(second))
        for key, [(image, label)] in first.items():
            [(other_image, other_label)] = second[key]
            self.assertEqual(label, other_label)
            np.testing.assert_array_equal(image, other_image)
