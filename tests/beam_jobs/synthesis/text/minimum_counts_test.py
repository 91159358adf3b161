"""Minimum counts of characters: exact, whatever the faces, and with few changes."""

import collections
import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.text.face_sets import FaceSets
from densenet_ocr.beam_jobs.synthesis.text.minimum_counts import ensure_minimum_counts
from densenet_ocr.beam_jobs.synthesis.text.plan import plan_dtype
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import required_frames

CHARSET = Charset("0123456789abcdefghijklmnopqrstuvwxyz一二三四五六 ")
HAN = "一二三四五六"


def cover(*faces: str) -> np.ndarray:
    """Returns coverage, bool [faces, characters]."""
    return np.array([[character in face for character in CHARSET.characters] for face in faces])


ALL = cover(CHARSET.characters)


def make_plan(texts: list[str], longest: int = 10) -> np.ndarray:
    plan = np.zeros(len(texts), plan_dtype(longest))
    for line, text in zip(plan, texts, strict=True):
        line["length"] = len(text)
        line["ids"][: len(text)] = CHARSET.encode(text)
    return plan


def draw_plan(count: int, characters: str = HAN, lengths: tuple[int, int] = (3, 10)) -> np.ndarray:
    """Lines of some of these characters."""
    random = np.random.default_rng(5)
    lengths = random.integers(lengths[0], lengths[1] + 1, count)
    return make_plan(["".join(random.choice(list(characters), length)) for length in lengths])


def texts_of(plan: np.ndarray) -> list[str]:
    return [CHARSET.decode(line["ids"][: line["length"]].tolist()) for line in plan]


def ensure(plan: np.ndarray, coverage: np.ndarray = ALL, *, minimum: int = 5, seed: int = 0, **options):
    return ensure_minimum_counts(
        plan,
        FaceSets(coverage, options.pop("weights", np.ones(len(coverage)))),
        minimum=minimum,
        charset=CHARSET,
        random=np.random.Generator(np.random.PCG64(seed)),
        **options,
    )


class EnsureMinimumCountsTest(parameterized.TestCase, tf.test.TestCase):
    def check(self, plan: np.ndarray, coverage: np.ndarray, minimum: int = 5):
        """Asserts the counts, as a reader of the plan counts, and that faces have their lines' characters."""
        found = collections.Counter("".join(texts_of(plan)))
        for number, character in enumerate(CHARSET.characters):
            least = minimum if coverage[:, number].any() else 0
            self.assertGreaterEqual(found[character], least, character)
        for line, text in zip(plan, texts_of(plan), strict=True):
            self.assertTrue(coverage[line["face"], CHARSET.encode(text)].all(), text)
            self.assertEqual(text, text.strip())
            self.assertFalse(line["ids"][line["length"] :].any())

    @parameterized.product(seed=[0, 1, 2], max_frames=[math.inf, 9])
    def test_every_character_occurs_often_enough(self, seed, max_frames):
        plan = draw_plan(500, lengths=(3, 5))
        before = plan.tobytes()
        found = ensure(plan, seed=seed, max_frames=max_frames)
        self.check(found, ALL)
        self.assertAllEqual(plan["length"], found["length"])
        self.assertEqual(plan.tobytes(), before)

    def test_a_line_changes_once_while_there_are_enough_lines(self):
        plan = draw_plan(300)
        changes = [
            sum(a != b for a, b in zip(old, new, strict=True))
            for old, new in zip(texts_of(plan), texts_of(ensure(plan)), strict=True)
        ]
        self.assertEqual(collections.Counter(changes), {1: 37 * 5, 0: 300 - 37 * 5})

    @parameterized.parameters(5, 6)
    def test_a_line_changes_more_often_where_lines_are_few(self, minimum):
        # 300 places, of which the minimum asks for 215 or 258.
        plan = draw_plan(30, lengths=(10, 10))
        self.check(ensure(plan, minimum=minimum), ALL, minimum)

    def test_enough_occurrences_are_left_alone(self):
        plan = draw_plan(50)
        self.assertEqual(ensure(plan, cover(HAN)).tobytes(), plan.tobytes())
        self.assertEqual(ensure(plan, minimum=0).tobytes(), plan.tobytes())

    def test_characters_without_a_face_are_left_out(self):
        coverage = cover(HAN + "ab", HAN, CHARSET.characters)
        found = ensure(draw_plan(50), coverage, weights=np.array([1, 2, 0]))
        self.check(found, coverage[:2])
        self.assertNotRegex("".join(texts_of(found)), "[0-9c-z]")

    def test_a_line_gets_a_face_with_its_new_character(self):
        coverage = cover(HAN, HAN + CHARSET.characters)
        found = ensure(draw_plan(300), coverage)
        self.check(found, coverage)
        self.assertEqual((found["face"] == 1).sum(), 37 * 5)

    @parameterized.parameters((math.inf, 5), (10, 5), (8, 40))
    def test_faces_without_a_character_in_common_with_the_text_get_whole_lines(self, max_frames, minimum):
        coverage = cover(HAN, "abcde", "vwxyz ", "0")
        found = ensure(draw_plan(600, lengths=(3, 4)), coverage, max_frames=max_frames, minimum=minimum)
        self.check(found, coverage, minimum)
        # 12 characters; lines of three or four.
        self.assertBetween((found["face"] != 0).sum(), 3 * minimum, 6 * minimum)

    def test_whole_lines_keep_rare_characters(self):
        # Every 一 and 二 is needed where it is, or has to be put elsewhere.
        plan = make_plan(["一二"] * 5 + ["三四三四"] * 20)
        coverage = cover("一二三四", "ab一")
        self.check(ensure(plan, coverage), coverage)

    def test_equal_neighbours_have_their_frames(self):
        coverage = cover("三四", "一三四")
        found = ensure(make_plan(["三四三四"] * 30), coverage, minimum=20, max_frames=4)
        self.check(found, coverage, 20)
        self.assertEqual({required_frames(list(text)) for text in texts_of(found)}, {4})

    def test_a_space_is_put_between_characters(self):
        coverage = cover(HAN + " ")
        found = ensure(draw_plan(60, lengths=(3, 3)), coverage)
        self.check(found, coverage)
        self.assertEqual(sum(" " in text for text in texts_of(found)), 5)

    # 43 characters; lines of two have no place for a space.
    @parameterized.parameters(("一二三四", 10, 20, 323), ("一二", 200, 5, 400))
    def test_too_few_lines_are_refused_with_a_number(self, text, count, minimum, lines):
        message = f"min_per_character: received .*U\\+00[23]0.* expected about {lines} lines, for 43 char"
        with self.assertRaisesRegex(UserError, message):
            ensure(make_plan([text] * count), minimum=minimum)

    def test_the_seed_decides_the_result(self):
        plans = [ensure(draw_plan(300), seed=seed).tobytes() for seed in (0, 0, 1)]
        self.assertEqual(plans[0], plans[1])
        self.assertNotEqual(plans[0], plans[2])

    def test_a_wrong_plan_is_found(self):
        plan = draw_plan(300)
        plan["face"] = 1
        with self.assertRaisesRegex(ValueError, "a line has a face that lacks one of its characters"):
            ensure(plan, cover(CHARSET.characters, "ab"), minimum=0)


if __name__ == "__main__":
    tf.test.main()
