"""The floor for rare characters: exact, whatever the faces, and with as little change as it takes."""

import collections

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.text.minimum_counts import raise_to_floor
from densenet_ocr.beam_jobs.synthesis.text.plan import plan_dtype
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.frames import required_frames

CHARSET = Charset("0123456789abcdefghijklmnopqrstuvwxyz一二三四五六 ")
HAN = "一二三四五六"


def cover(*faces: str) -> np.ndarray:
    """Which characters faces draw, bool [faces, characters]."""
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


def floor(plan: np.ndarray, coverage: np.ndarray = ALL, *, minimum: int = 5, seed: int = 0, **options):
    return raise_to_floor(
        plan,
        coverage,
        options.pop("weights", np.ones(len(coverage))),
        minimum=minimum,
        charset=CHARSET,
        random=np.random.Generator(np.random.PCG64(seed)),
        **options,
    )


class FloorTest(parameterized.TestCase, tf.test.TestCase):
    def check(self, plan: np.ndarray, counts: np.ndarray, coverage: np.ndarray, minimum: int):
        """Asserts the floor, by counting as a reader of the plan would, and that faces draw their lines."""
        found = collections.Counter("".join(texts_of(plan)))
        self.assertEqual({c: n for c, n in zip(CHARSET.characters, counts.tolist(), strict=True) if n}, found)
        for number, character in enumerate(CHARSET.characters):
            least = minimum if coverage[:, number].any() else 0
            self.assertGreaterEqual(found[character], least, character)
        for line, text in zip(plan, texts_of(plan), strict=True):
            self.assertTrue(coverage[line["face"], CHARSET.encode(text)].all(), text)
            self.assertEqual(text, text.strip())
            self.assertFalse(line["ids"][line["length"] :].any())

    @parameterized.product(seed=[0, 1, 2], max_frames=[None, 9])
    def test_every_character_has_its_places(self, seed, max_frames):
        plan = draw_plan(500, lengths=(3, 5))
        before = plan["length"].copy()
        counts = floor(plan, seed=seed, max_frames=max_frames)
        self.check(plan, counts, ALL, 5)
        self.assertAllEqual(plan["length"], before)

    def test_a_line_takes_one_while_that_suffices(self):
        plan = draw_plan(300)
        before = texts_of(plan)
        floor(plan)
        changes = [
            sum(a != b for a, b in zip(old, new, strict=True))
            for old, new in zip(before, texts_of(plan), strict=True)
        ]
        self.assertEqual(collections.Counter(changes), {1: 37 * 5, 0: 300 - 37 * 5})

    def test_a_line_takes_more_where_lines_are_few(self):
        plan = draw_plan(30, lengths=(10, 10))
        self.check(plan, floor(plan), ALL, 5)

    def test_what_is_enough_already_stays(self):
        plan = draw_plan(50)
        before = plan.tobytes()
        counts = floor(plan, cover(HAN))
        self.assertEqual(plan.tobytes(), before)
        self.assertEqual(counts.sum(), plan["length"].sum())
        floor(plan, minimum=0)
        self.assertEqual(plan.tobytes(), before)

    def test_what_no_face_draws_is_not_asked_for(self):
        coverage = cover(HAN + "ab", HAN, CHARSET.characters)
        plan = draw_plan(50)
        counts = floor(plan, coverage, weights=np.array([1, 2, 0]))
        self.check(plan, counts, coverage[:2], 5)
        self.assertEqual(counts[:10].sum(), 0)

    def test_a_line_gets_a_face_that_draws_what_it_took(self):
        coverage = cover(HAN, HAN + CHARSET.characters)
        plan = draw_plan(300)
        self.check(plan, floor(plan, coverage), coverage, 5)
        self.assertEqual((plan["face"] == 1).sum(), 37 * 5)

    @parameterized.parameters((None, 5), (10, 5), (8, 40))
    def test_lines_are_rewritten_for_faces_of_other_characters(self, max_frames, minimum):
        coverage = cover(HAN, "abcde", "vwxyz ", "0")
        plan = draw_plan(600, lengths=(3, 4))
        self.check(plan, floor(plan, coverage, max_frames=max_frames, minimum=minimum), coverage, minimum)
        changed = (plan["face"] != 0).sum()
        self.assertBetween(changed, 5, 15 * minimum)

    def test_rewriting_keeps_what_is_rare(self):
        # Every 一 and 二 is needed where it is, or has to be put elsewhere.
        plan = make_plan(["一二"] * 5 + ["三四三四"] * 20)
        coverage = cover("一二三四", "ab一")
        self.check(plan, floor(plan, coverage), coverage, 5)

    def test_frames_fit_where_equal_characters_meet(self):
        plan = make_plan(["三四三四"] * 30)
        coverage = cover("三四", "一三四")
        counts = floor(plan, coverage, minimum=20, max_frames=4)
        self.check(plan, counts, coverage, 20)
        self.assertEqual({required_frames(list(text)) for text in texts_of(plan)}, {4})

    def test_a_space_stands_between_characters(self):
        plan = draw_plan(60, lengths=(3, 3))
        self.check(plan, floor(plan, cover(HAN + " ")), cover(HAN + " "), 5)
        self.assertEqual(sum(" " in text for text in texts_of(plan)), 5)

    # 43 characters; lines of two take no space.
    @parameterized.parameters(("一二三四", 10, 20, 323), ("一二", 200, 5, 400))
    def test_too_few_lines_are_refused_with_a_number(self, text, count, minimum, lines):
        message = f"min_per_character: received .*U\\+00[23]0.* expected about {lines} lines, for 43 char"
        with self.assertRaisesRegex(UserError, message):
            floor(make_plan([text] * count), minimum=minimum)

    def test_is_the_same_for_a_seed_and_another_for_another(self):
        plans = [draw_plan(300) for _ in range(3)]
        for plan, seed in zip(plans, (0, 0, 1), strict=True):
            floor(plan, seed=seed)
        self.assertEqual(plans[0].tobytes(), plans[1].tobytes())
        self.assertNotEqual(plans[0].tobytes(), plans[2].tobytes())

    def test_a_plan_that_is_wrong_is_found_out(self):
        plan = draw_plan(300)
        plan["face"] = 1
        with self.assertRaisesRegex(ValueError, "a line has a face that does not draw it"):
            floor(plan, cover(CHARSET.characters, "ab"), minimum=0)


if __name__ == "__main__":
    tf.test.main()
