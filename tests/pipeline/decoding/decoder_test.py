"""A decoder reads logits as its configuration says."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.decoding.best_path import find_best_path, spell
from densenet_ocr.pipeline.decoding.config import DecodingConfig
from densenet_ocr.pipeline.decoding.decoder import NO_ENTRY, Decoder
from densenet_ocr.pipeline.decoding.tuned_settings import TunedSettings
from densenet_ocr.pipeline.errors import UserError

CHARSET = Charset("ab01")
BLANK = CHARSET.blank


def make_line(*frames: dict[int, float]) -> np.ndarray:
    """Logits [T, 5] of probabilities by class; the rest goes to the other classes."""
    rows = np.full([len(frames), CHARSET.classes], 1e-6)
    for row, frame in zip(rows, frames, strict=True):
        for k, probability in frame.items():
            row[k] = probability
    return np.log(rows).astype(np.float32)


# "a0" is likeliest by the best path; the sum over alignments prefers "0".
LINE = make_line({BLANK: 0.45, 0: 0.55}, {BLANK: 0.45, 2: 0.55}, {2: 0.6, BLANK: 0.4}, {2: 0.9, 3: 0.1})


class Prefers:
    """A language model for which each character but one has a probability of 0.01."""

    start = None

    def __init__(self, character: str):
        self._class = CHARSET.class_of[character]

    def score(self, state, k):
        return math.log(0.96 if k == self._class else 0.01), None

    def finish(self, state):
        return math.log(0.01)


class DecoderTest(parameterized.TestCase, tf.test.TestCase):
    def decode(self, line=LINE, settings=TunedSettings(), scorer=None, **options):  # noqa: B008
        decoder = Decoder(DecodingConfig(**options), CHARSET, settings=settings, scorer=scorer)
        # A second, shorter line, whose last frames are anything.
        lines = np.stack([line, np.roll(line, 1, axis=0)])
        decoded = decoder.decode(lines, [len(line), 1])
        self.assertLen(decoded, 2)
        return decoded[0]

    def lexicon(self, *rows):
        return self.create_tempfile("words.txt", "\n".join(rows)).full_path

    def text(self, decoded):
        return CHARSET.decode(decoded.ids)

    def test_greedy_decoding_is_the_best_path(self):
        texts, confidences = spell(find_best_path(LINE[None].copy(), [4]), CHARSET)
        decoded = self.decode()
        self.assertEqual((self.text(decoded), decoded.confidence), (texts[0], confidences[0]))
        self.assertEqual([(c.first, c.last) for c in decoded.characters], [(0, 0), (1, 3)])

    def test_a_beam_gives_the_posterior_of_the_text_and_alternatives(self):
        decoded = self.decode(nbest=3)
        self.assertEqual([CHARSET.decode(ids) for ids, _ in decoded.alternatives[:2]], ["a0", "0"])
        confidences = [confidence for _, confidence in decoded.alternatives]
        self.assertEqual(confidences, sorted(confidences, reverse=True))
        self.assertEqual(decoded.confidence, confidences[0])
        self.assertLess(sum(confidences), 1)
        self.assertEmpty(self.decode(beam_width=10).alternatives)

    def test_characters_of_a_beam_have_their_frames(self):
        placed = self.decode(beam_width=10).characters
        self.assertEqual([(c.first, c.last) for c in placed], [(0, 0), (1, 3)])
        self.assertAllClose([c.confidence for c in placed], [0.55, 0.9], atol=1e-4)

    def test_a_temperature_above_one_lowers_the_confidence_and_keeps_the_text(self):
        warm = self.decode(nbest=3, settings=TunedSettings(temperatures={"beam": 3.0}))
        cold = self.decode(nbest=3)
        self.assertEqual(self.text(warm), self.text(cold))
        self.assertLess(warm.confidence, cold.confidence - 0.1)
        self.assertAllClose(
            math.log(warm.alternatives[0].confidence / warm.alternatives[1].confidence) * 3,
            math.log(cold.alternatives[0].confidence / cold.alternatives[1].confidence),
        )

    def test_a_language_model_counts_by_its_weight(self):
        settings = TunedSettings(lm_weight=1.0, length_bonus=0.0)
        self.assertEqual(self.text(self.decode(scorer=Prefers("1"), beam_width=10, settings=settings)), "1")
        settings = TunedSettings(lm_weight=0.0, length_bonus=0.0)
        self.assertEqual(self.text(self.decode(scorer=Prefers("1"), beam_width=10, settings=settings)), "a0")

    @parameterized.parameters(
        ({"characters": "b1"}, "1"),
        ({"character_kinds": ("digits",)}, "0"),
        ({"forbidden_characters": "0"}, "a1"),
        ({"forbidden_kinds": ("latin",), "beam_width": 5}, "0"),
        ({"forbidden_characters": "0", "beam_width": 5}, "a1"),
    )
    def test_other_characters_than_the_allowed_ones_are_not_read(self, options, expected):
        self.assertEqual(self.text(self.decode(**options)), expected)

    def test_a_lexicon_gives_its_likeliest_entry_and_its_share(self):
        decoded = self.decode(lexicon=self.lexicon("b0", "a1", "11"), nbest=2)
        self.assertEqual(self.text(decoded), "a1")
        (_, first), (_, second) = decoded.alternatives
        self.assertEqual(decoded.confidence, first)
        self.assertGreater(first, 20 * second)
        self.assertEqual(self.text(self.decode(lexicon=self.lexicon(r"a\d", "b"))), "a0")

    def test_the_confidence_of_an_entry_counts_what_the_line_says_without_a_lexicon(self):
        sure = make_line({0: 0.98}, {BLANK: 0.98}, {2: 0.98}, {BLANK: 0.98})
        self.assertGreater(self.decode(sure, lexicon=self.lexicon("a0", "1")).confidence, 0.95)
        self.assertLess(self.decode(sure, lexicon=self.lexicon("bb", "1")).confidence, 0.01)
        # Where all texts fit, entries have what other texts would have.
        self.assertGreater(self.decode(sure, lexicon=self.lexicon(r"\c\c")).confidence, 0.9)

    def test_below_the_least_confidence_no_entry_fits(self):
        path = self.lexicon("b0", "b1b", "0b")
        share = self.decode(lexicon=path).confidence
        decoded = self.decode(lexicon=path, min_confidence=min(1.0, share + 1e-6))
        self.assertEqual((decoded.ids, decoded.reason, decoded.confidence), ([], NO_ENTRY, share))
        self.assertEqual(self.decode(lexicon=path, min_confidence=share).reason, "")

    def test_an_entry_that_cannot_fit_is_no_entry(self):
        decoded = self.decode(lexicon=self.lexicon("bbbbbbbb"))
        self.assertEqual((decoded.ids, decoded.confidence, decoded.reason), ([], 0.0, NO_ENTRY))

    def test_logits_that_are_no_numbers_are_refused(self):
        with self.assertRaisesRegex(UserError, "logits: received values that are not numbers"):
            self.decode(np.full([4, 5], np.nan, np.float32), beam_width=3)


if __name__ == "__main__":
    tf.test.main()
