"""Sampling of texts: windows, lengths, corpora and faces by weight."""

import collections
import math
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.text.corpus import Corpus, find_breaks
from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.lengths import parse_lengths
from densenet_ocr.beam_jobs.synthesis.text.plan import plan_dtype
from densenet_ocr.beam_jobs.synthesis.text.sampler import sample_texts
from densenet_ocr.beam_jobs.synthesis.text.windows import WindowCounts, find_windows
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import required_frames

CHARSET = Charset("0123456789abcdef一二三四五六 .")


def make_corpus(text: str, weight: float = 1.0) -> Corpus:
    """A corpus of rows, ~ standing for a character that the charset lacks."""
    codes = np.array([ord(character) for character in text + "\n"], np.uint32)
    ids = [CHARSET.encode(c)[0] if c in CHARSET else -1 for c in text + "\n"]
    return Corpus(
        name="text",
        weight=weight,
        charset=CHARSET,
        ids=np.array(ids, np.int32),
        may_break=find_breaks(codes),
        space=CHARSET.encode(" ")[0],
    )


def make_uniform(weight: float = 1.0) -> Corpus:
    ids = np.arange(22, dtype=np.int32)
    return Corpus(
        name="charset",
        weight=weight,
        charset=CHARSET,
        ids=ids,
        may_break=np.ones(23, bool),
        uniform=True,
    )


def cover(*faces: str) -> np.ndarray:
    """Returns coverage, bool [faces, characters]."""
    return np.array([[character in face for character in CHARSET.characters] for face in faces])


ALL = cover(CHARSET.characters)


def draw(
    corpora: list[Corpus],
    coverage: np.ndarray = ALL,
    *,
    weights=None,
    count: int = 1000,
    lengths: str = "2",
    seed: int = 0,
    max_frames: float = math.inf,
) -> np.ndarray:
    return sample_texts(
        corpora,
        FaceSets(coverage, np.ones(len(coverage)) if weights is None else np.array(weights)),
        count=count,
        lengths=parse_lengths(lengths),
        random=np.random.Generator(np.random.PCG64(seed)),
        max_frames=max_frames,
    )


def texts_of(plan: np.ndarray) -> list[str]:
    return [CHARSET.decode(line["ids"][: line["length"]].tolist()) for line in plan]


class SampleTextsTest(parameterized.TestCase, tf.test.TestCase):
    def assert_near(self, counts: dict, shares: dict, count: int):
        """Asserts that counts are within five standard deviations of their shares."""
        self.assertEqual(set(counts), set(shares))
        for key, share in shares.items():
            self.assertLess(
                abs(counts[key] - share * count), 5 * (count * share * (1 - share)) ** 0.5 + 1e-9, key
            )

    def test_a_plan_has_its_dtype(self):
        plan = draw([make_corpus("一二三")], count=3, lengths="1-3")
        self.assertEqual(plan.dtype, plan_dtype(3))
        self.assertEqual((plan.shape, plan.itemsize), ((3,), 10))
        for line in plan:
            self.assertFalse(line["ids"][line["length"] :].any())

    def test_windows_are_equally_likely_and_lie_in_one_row(self):
        texts = collections.Counter(texts_of(draw([make_corpus("一二三四\n五六\n一~二三")])))
        shares = {"一二": 1 / 5, "二三": 2 / 5, "三四": 1 / 5, "五六": 1 / 5}
        self.assert_near(texts, shares, 1000)

    def test_words_are_whole_and_lines_are_stripped(self):
        texts = set(texts_of(draw([make_corpus("一ab 二3.1四")], lengths="3-4")))
        self.assertEqual(texts, {"一ab", "3.1", "二3.1", "3.1四", "ab 二"})

    def test_lengths_are_sampled_by_weight(self):
        plan = draw([make_corpus("一二三四五六" * 3)], lengths="6=3,2-3=1")
        self.assert_near(collections.Counter(plan["length"].tolist()), {6: 3 / 4, 2: 1 / 8, 3: 1 / 8}, 1000)

    def test_a_length_that_a_corpus_lacks_is_not_sampled(self):
        plan = draw([make_corpus("一二三\nabcd")], lengths="2,4,9")
        self.assertEqual(set(plan["length"].tolist()), {2, 4})

    def test_corpora_are_sampled_by_weight(self):
        corpora = [make_corpus("一二", 3), make_corpus("三四"), make_uniform(4)]
        firsts = collections.Counter(
            text if text in ("一二", "三四") else "" for text in texts_of(draw(corpora))
        )
        self.assertLess(abs(firsts["一二"] - 375), 5 * 16)
        self.assertLess(abs(firsts["三四"] - 125), 5 * 11)
        self.assertLess(abs(firsts[""] - 500), 5 * 16)

    def test_faces_with_all_characters_are_sampled_by_weight(self):
        plan = draw([make_corpus("一二\n三四")], cover("一二三四", "一二三", "一二"), weights=[1, 5, 3])
        faces = collections.defaultdict(collections.Counter)
        for text, face in zip(texts_of(plan), plan["face"].tolist(), strict=True):
            faces[text][face] += 1
        self.assertEqual(faces["三四"], {0: faces["三四"].total()})
        self.assert_near(faces["一二"], {0: 1 / 9, 1: 5 / 9, 2: 3 / 9}, faces["一二"].total())

    def test_more_than_64_faces(self):
        faces = [""] * 64 + ["一"] + [""] * 64 + ["一二"] + ["三四"] * 2
        plan = draw([make_corpus("一\n三四\n一二")], cover(*faces), lengths="1-2")
        pairs = set(zip(texts_of(plan), plan["face"].tolist(), strict=True))
        both = {(text, face) for text in ("三", "四", "三四") for face in (130, 131)}
        self.assertEqual(pairs, both | {("一", 64), ("一", 129), ("二", 129), ("一二", 129)})

    def test_a_face_of_weight_0_is_not_used(self):
        plan = draw([make_corpus("一二\n三四"), make_uniform()], cover("一二三四", "三四"), weights=[0, 1])
        self.assertEqual(set(plan["face"].tolist()), {1})
        self.assertEqual(set("".join(texts_of(plan))), set("三四"))

    def test_no_line_needs_more_frames_than_it_has(self):
        corpora = [make_corpus("一一二\n一二三\n四四四"), make_uniform()]
        plan = draw(corpora, cover("一二三四"), lengths="2-3", max_frames=3)
        labels = [line["ids"][: line["length"]].tolist() for line in plan]
        self.assertEqual(max(map(required_frames, labels)), 3)
        self.assertNotIn("一一二", texts_of(plan))
        self.assertIn("一一", texts_of(plan))

    @parameterized.parameters("2", "3-5", "7=2,1=1")
    def test_charset_text_has_every_character_equally_often(self, lengths):
        coverage = cover(CHARSET.characters[:20], CHARSET.characters[2:], "ab")
        plan = draw([make_uniform()], coverage, count=8000, lengths=lengths, weights=[1, 2, 0.01])
        counts = collections.Counter("".join(texts_of(plan)))
        self.assertEqual(set(counts), set(CHARSET.characters) - set(" ."))
        self.assert_near(counts, dict.fromkeys(counts, 1 / len(counts)), counts.total())
        for text, face in zip(texts_of(plan), plan["face"].tolist(), strict=True):
            self.assertTrue(coverage[face, CHARSET.encode(text)].all())

    def test_charset_characters_are_independent(self):
        plan = draw([make_uniform()], cover("0123456789"), count=4000, lengths="2")
        repeats = np.mean(plan["ids"][:, 0] == plan["ids"][:, 1])
        self.assertNear(repeats, 0.1, 5 * np.sqrt(0.09 / 4000))

    def test_charset_characters_need_no_common_face(self):
        plan = draw([make_uniform()], cover("一二三四五", "abcde"), count=2000, lengths="5")
        self.assertEqual(set("".join(texts_of(plan))), set("一二三四五abcde"))

    def test_the_seed_decides_the_result(self):
        corpora = [make_corpus("一二三四五六abc" * 9), make_uniform()]
        plans = [draw(corpora, lengths="2-3", seed=seed) for seed in (0, 0, 1)]
        self.assertEqual(plans[0].tobytes(), plans[1].tobytes())
        self.assertNotEqual(plans[0].tobytes(), plans[2].tobytes())

    def test_the_plan_of_a_seed_is_pinned(self):
        plan = draw([make_corpus("一二三四五六" * 9), make_uniform()], count=6, lengths="2-3")
        self.assertEqual(texts_of(plan), ["2e", "一二三", "一二三", "一二三", "d8六", "六fe"])

    def test_texts_longer_than_a_block_are_searched_completely(self):
        text = "一二三四五六\n二~" * 7
        with mock.patch("densenet_ocr.beam_jobs.synthesis.text.windows._BLOCK", 16):
            parts = draw([make_corpus(text)], lengths="1-6")
        self.assertEqual(parts.tobytes(), draw([make_corpus(text)], lengths="1-6").tobytes())

    @parameterized.parameters(
        (
            "一二\nabc",
            "4",
            ALL,
            math.inf,
            "no line of 4 characters between word boundaries, expected lengths .*: 1-3",
        ),
        ("~\n~", "4", ALL, math.inf, "no text that can be rendered"),
        ("一二", "1-2", cover("三"), math.inf, r"no face has '一' \(U\+4E00\), '二' \(U\+4E8C\)"),
        (
            "一二",
            "2",
            cover("二", "一", "二"),
            math.inf,
            r"no line of 2 characters that one face has: few faces have '一'",
        ),
        ("一一", "2", ALL, 2, "no line of 2 characters that fits 2 frames"),
    )
    def test_a_corpus_without_lines_is_refused(self, text, lengths, coverage, max_frames, message):
        with self.assertRaisesRegex(UserError, f"text text: received .*{message}"):
            draw([make_uniform(), make_corpus(text)], coverage, lengths=lengths, max_frames=max_frames)

    @parameterized.parameters(
        (cover(""), math.inf, "charset, '0'.*no face that has any"), (ALL, 1, "fit 1 frames")
    )
    def test_a_charset_without_lines_is_refused(self, coverage, max_frames, message):
        with self.assertRaisesRegex(UserError, message):
            draw([make_uniform()], coverage, max_frames=max_frames)

    def test_a_charset_whose_faces_cannot_fill_a_line_is_refused(self):
        with self.assertRaisesRegex(UserError, "no lines of 2 to 2 of them that fit 2 frames"):
            draw([make_uniform()], cover("一"), max_frames=2)


class FindWindowsTest(tf.test.TestCase):
    def test_windows_are_counted_by_outcome(self):
        sets = FaceSets(cover("一二ab", "三"), np.ones(2))
        found = find_windows(make_corpus("一一二三\nab"), sets, (2, 3), max_frames=3)
        self.assertEqual(
            {length: windows.counts for length, windows in found.items()},
            {2: WindowCounts(cut=4, no_face=1, frames=0), 3: WindowCounts(cut=2, no_face=1, frames=1)},
        )


if __name__ == "__main__":
    tf.test.main()
