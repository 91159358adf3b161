"""Augmented lines are a pure function of lines and seed, stay readable, and leave padding alone."""

import dataclasses
import json

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.augmentation.augment import _CHANGES, augment
from densenet_ocr.pipeline.augmentation.config import OPS, WARPS, AugmentConfig
from densenet_ocr.pipeline.errors import UserError

PAPER, INK = 0.3, -0.3
EVERYTHING = AugmentConfig(ops=OPS, probability=1.0)


def draw_lines(count: int, *, width: int = 160, height: int = 32, margin: int = 3) -> np.ndarray:
    """Lines of upright bars 3 pixels wide, 12 apart, on paper with a faint grain; float32 [B, H, W, 1]."""
    lines = np.random.default_rng(0).uniform(PAPER - 0.02, PAPER + 0.02, (count, height, width, 1))
    for left in range(margin, width - margin - 2, 12):
        lines[:, 4:-4, left : left + 3] = INK
    # One more, so that all lines end with ink, the last column but `margin`.
    lines[:, 4:-4, width - margin - 3 : width - margin] = INK
    return lines.astype(np.float32)


def pad(lines: np.ndarray, width: int, value: float) -> np.ndarray:
    """The lines with columns of a value on the right."""
    return np.pad(lines, ((0, 0), (0, 0), (0, width - lines.shape[2]), (0, 0)), constant_values=value)


def change(lines, *, width=None, seed=(1, 2), augmentation=EVERYTHING) -> np.ndarray:
    width = np.full(len(lines), lines.shape[2], np.int32) if width is None else np.array(width, np.int32)
    return augment(
        tf.constant(lines), tf.constant(width), seed=tf.constant(seed), augmentation=augmentation
    ).numpy()


def only(*ops: str, probability: float = 1.0, strength: float = 1.0) -> AugmentConfig:
    return AugmentConfig(ops=ops, probability=probability, strength=strength)


def sum_ink(lines: np.ndarray) -> np.ndarray:
    """Each line's ink, which paper's grain hardly adds to."""
    ink = np.maximum(PAPER - 0.05 - lines, 0)
    return ink.sum(axis=(1, 2, 3))


def rows_that_differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a != b).any(axis=(1, 2, 3))


class PureFunctionTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(*((op,) for op in OPS), OPS)
    def test_is_the_same_eagerly_in_a_graph_and_in_map_with_any_static_shape(self, *ops):
        lines, width = pad(draw_lines(6), 170, 0.0), tf.constant([160, 100, 40, 170, 33, 7])
        augmentation = only(*ops, probability=0.7)
        seed = tf.constant([3, 4])

        def apply(image, width, seed):
            return augment(image, width, seed=seed, augmentation=augmentation)

        expected = apply(tf.constant(lines), width, seed)
        any_size = [
            tf.TensorSpec([None, 32, None, 1], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([2], tf.int32),
        ]
        batches = tf.data.Dataset.from_tensor_slices((lines, width)).batch(6)
        mapped = batches.map(lambda image, width: apply(image, width, seed))
        self.assertEqual(mapped.element_spec.shape.as_list(), [None, 32, 170, 1])
        self.assertAllEqual(tf.function(apply)(lines, width, seed), expected)
        self.assertAllEqual(tf.function(apply, input_signature=any_size)(lines, width, seed), expected)
        self.assertAllEqual(next(iter(mapped)), expected)

    @parameterized.parameters(*OPS)
    def test_a_line_does_not_depend_on_the_others_and_differs_with_its_place(self, op):
        lines = draw_lines(8)
        lines[:] = lines[0]
        changed = change(lines, augmentation=only(op))
        others = np.concatenate([lines[:4], np.random.default_rng(1).uniform(-0.5, 0.5, (4, 32, 160, 1))])
        self.assertAllEqual(change(others.astype(np.float32), augmentation=only(op))[:4], changed[:4])
        self.assertLen({line.tobytes() for line in changed}, 8)

    @parameterized.parameters(*OPS)
    def test_depends_on_both_numbers_of_the_seed_but_not_on_the_global_seed(self, op):
        lines, results = draw_lines(4), set()
        for seed in ((1, 2), (2, 2), (1, 3)):
            tf.random.set_seed(5)
            first = change(lines, seed=seed, augmentation=only(op))
            tf.random.set_seed(6)
            self.assertAllEqual(change(lines, seed=seed, augmentation=only(op)), first)
            results.add(first.tobytes())
        self.assertLen(results, 3)

    def test_other_operations_do_not_change_the_random_values_of_one(self):
        lines = draw_lines(32)
        noise = change(lines, augmentation=only("noise"))
        both = change(lines, augmentation=only("noise", "stretch", probability=0.5))
        noise_alone = change(lines, augmentation=only("noise", probability=0.5))
        stretched = rows_that_differ(change(lines, augmentation=only("stretch", probability=0.5)), lines)
        self.assertBetween(stretched.sum(), 8, 24)
        self.assertAllEqual(both[~stretched], noise_alone[~stretched])
        chosen = rows_that_differ(noise_alone, lines)
        self.assertAllEqual(noise_alone[chosen], noise[chosen])

    def test_the_lines_that_a_seed_chooses_never_change(self):
        lines = draw_lines(16)
        chosen = rows_that_differ(change(lines, augmentation=only("contrast", probability=0.5)), lines)
        self.assertEqual("".join("01"[int(row)] for row in chosen), "1110111000111001")


class ChoiceTest(parameterized.TestCase, tf.test.TestCase):
    def test_operations_are_applied_in_the_order_of_their_names(self):
        self.assertEqual(OPS, (*WARPS, *_CHANGES))

    def test_no_operations_return_the_same_tensor(self):
        image = tf.constant(draw_lines(2))
        self.assertIs(
            augment(image, tf.constant([160, 160]), seed=tf.constant([0, 0]), augmentation=AugmentConfig()),
            image,
        )

    @parameterized.parameters(*OPS)
    def test_probability_1_changes_every_line_and_one_half_about_half(self, op):
        lines = draw_lines(64, width=80)
        self.assertTrue(rows_that_differ(change(lines, augmentation=only(op)), lines).all())
        half = rows_that_differ(change(lines, augmentation=only(op, probability=0.5)), lines)
        self.assertBetween(half.sum(), 22, 42)  # 2.5 standard deviations of 4 around 32

    @parameterized.parameters(*OPS)
    def test_changes_more_with_more_strength(self, op):
        lines = draw_lines(32, width=80, margin=10)
        changes = [
            np.abs(change(lines, augmentation=only(op, strength=strength)) - lines).mean()
            for strength in (0.1, 0.5, 1.0, 2.0)
        ]
        self.assertEqual(sorted(changes), changes)
        # An inversion is whole at any strength; only the contrast that is left grows.
        self.assertGreater(changes[-1], (1 if op == "invert" else 1.5) * changes[0])

    @parameterized.product(size=[(32, 280), (32, 7), (7, 40), (64, 1500)], strength=[1.0, 2.0])
    def test_values_stay_in_range_in_lines_of_any_size(self, size, strength):
        lines = np.random.default_rng(0).uniform(-0.5, 0.5, (8, *size, 1)).astype(np.float32)
        lines[:2] = [[[[-0.5]]], [[[0.5]]]]  # nothing but ink, nothing but paper
        changed = change(lines, augmentation=only(*OPS, strength=strength))
        self.assertAllInRange(changed, -0.5, 0.5)


class PaddingTest(parameterized.TestCase, tf.test.TestCase):
    width = np.array([100, 160, 159, 64, 17, 130], np.int32)

    @parameterized.parameters(*((op,) for op in OPS), OPS)
    def test_padding_is_unchanged_and_does_not_leak_into_lines(self, *ops):
        lines, results = draw_lines(6), []
        outside = np.arange(160) >= self.width[:, None]
        for marker in (0.123, -0.5, 7.0):
            marked = np.where(outside[:, None, :, None], np.float32(marker), lines)
            results.append(change(marked, width=self.width, augmentation=only(*ops)))
            self.assertAllEqual(
                results[-1].transpose(0, 2, 1, 3)[outside], np.full((outside.sum(), 32, 1), marker, np.float32)
            )
        inside = [result.transpose(0, 2, 1, 3)[~outside] for result in results]
        self.assertAllEqual(inside[1], inside[0])
        self.assertAllEqual(inside[2], inside[0])

    @parameterized.parameters(*OPS)
    def test_padded_lines_are_changed_too(self, op):
        padded = pad(draw_lines(6, width=100), 160, 0.5)
        self.assertTrue(rows_that_differ(change(padded, width=[100] * 6, augmentation=only(op)), padded).all())


class ReadableTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(ops=[*((op,) for op in WARPS), WARPS], margin=[3, 0], strength=[1.0, 2.0])
    def test_a_line_keeps_its_ink_when_it_moves(self, ops, margin, strength):
        lines = pad(draw_lines(64, width=200, margin=margin), 220, INK)
        moved = change(lines, width=[200] * 64, augmentation=only(*ops, strength=strength))[:, :, :200]
        share = sum_ink(moved) / sum_ink(lines[:, :, :200])
        self.assertAllInRange(share, 1 - 0.2 * strength, 1 + 0.2 * strength)

    @parameterized.parameters(1.0, 2.0)
    def test_the_outermost_strokes_stay_inside(self, strength):
        lines = np.full((64, 32, 200, 1), PAPER, np.float32)
        lines[:, 4:-4, 2:5] = lines[:, 4:-4, -4:-1] = INK
        moved = change(lines, augmentation=only(*WARPS, strength=strength))
        for half in (moved[:, :, :100], moved[:, :, 100:]):
            self.assertAllInRange(
                sum_ink(half) / sum_ink(lines[:, :, :100]), 1 - 0.25 * strength, 1 + 0.25 * strength
            )

    def test_what_comes_from_beyond_a_line_is_its_paper(self):
        lines = draw_lines(64, width=200, margin=0)
        moved = change(lines, augmentation=only("stretch"))
        narrower = moved.mean(axis=(1, 2, 3)) > lines.mean(axis=(1, 2, 3)) + 0.003
        self.assertBetween(narrower.sum(), 16, 48)
        for column in (0, -1):
            self.assertAllClose(
                moved[narrower][:, :, column], np.full((narrower.sum(), 32, 1), PAPER), atol=0.03
            )

    def test_ink_and_paper_stay_apart(self):
        lines = draw_lines(64, width=280)
        for seed in range(4):
            changed = change(lines, seed=(seed, 0), augmentation=EVERYTHING)
            light_ink, paper, dark_paper, ink = np.percentile(changed, [95, 70, 30, 5], axis=(1, 2, 3))
            self.assertAllGreater(np.maximum(paper - ink, light_ink - dark_paper), 0.15)

    def test_contrast_saturates_nothing(self):
        lines = draw_lines(64) - 0.2  # ink at black
        changed = change(lines, augmentation=only("contrast", strength=2.0))
        for line in changed:
            self.assertGreater(len(np.unique(line)), 0.9 * len(np.unique(lines[0])))

    def test_cut_outs_are_small_and_paper(self):
        lines = draw_lines(64)
        changed = change(lines, augmentation=only("cut_out"))
        self.assertBetween(np.mean(changed != lines), 0.0, 0.05)
        self.assertAllInRange(changed[changed != lines], PAPER - 0.02, PAPER + 0.02)

    def test_noise_has_the_spread_and_no_bias(self):
        flat = np.zeros((64, 32, 64, 1), np.float32)
        noise = change(flat, augmentation=only("noise"))
        self.assertAllInRange(noise.std(axis=(1, 2, 3)), 0.003, 0.032)
        self.assertBetween(noise.mean(), -1e-4, 1e-4)


class SettingsTest(parameterized.TestCase, tf.test.TestCase):
    def test_operations_are_sorted_and_unique(self):
        self.assertEqual(only("noise", "shift", "noise"), only("shift", "noise"))

    @parameterized.parameters(AugmentConfig(), EVERYTHING, only("blur", probability=0.25, strength=1.5))
    def test_survives_json(self, augmentation):
        saved = json.loads(json.dumps(dataclasses.asdict(augmentation)))
        self.assertEqual(AugmentConfig(**saved), augmentation)
        self.assertIsInstance(AugmentConfig(**saved).ops, tuple)

    def test_all_names_every_operation(self):
        self.assertEqual(only("all"), only(*OPS))

    @parameterized.parameters(
        ({"ops": ("blur", "swirl")}, "swirl", "--augment"),
        ({"probability": 0.0}, "0.0", "--augment_probability"),
        ({"probability": float("nan")}, "nan", "--augment_probability"),
        ({"strength": 2.5}, "2.5", "--augment_strength"),
        ({"strength": 0.0}, "0.0", "--augment_strength"),
    )
    def test_refuses_unknown_operations_and_numbers_outside_their_limits(self, settings, received, flag):
        with self.assertRaisesRegex(UserError, f"received .*{received}.*Set {flag}\\."):
            AugmentConfig(**settings)


if __name__ == "__main__":
    tf.test.main()
