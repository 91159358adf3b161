"""A configuration dataclass is the list of a binary's flags."""

import dataclasses

import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver, parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui import flags
from densenet_ocr.pipeline.ui.flags import option, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    paths: tuple[str, ...] = option((), help="Files; repeat it.", flag="flags_test_path")
    ops: tuple[str, ...] = option(
        (), help="Steps.", comma=True, choices=("blur", "noise"), flag="flags_test_ops"
    )
    mode: str = option("plain", help="Mode.", choices=("plain", "rich"), flag="flags_test_mode")
    rate: float | None = option(
        None, help="Rate.", above=0, at_most=1, flag="flags_test_rate", alias="flags_test_old"
    )
    count: int = option(3, help="Count.", at_least=1, flag="flags_test_count")
    fast: bool = option(False, help="Fast.", flag="flags_test_fast")
    internal: int = 7

    def __post_init__(self):
        validate(self)


flags.define(Config)


class FlagsTest(parameterized.TestCase, tf.test.TestCase):
    def parse(self, *arguments: str) -> None:
        self.enter_context(flagsaver.flagsaver())
        absl_flags.FLAGS.unparse_flags()
        absl_flags.FLAGS(["test", *arguments])

    def test_what_is_not_given_has_the_fields_defaults(self):
        self.parse()
        self.assertEqual(flags.read(Config), Config())

    def test_every_kind_of_field_is_read(self):
        given = ["path=a", "path=b", "ops=noise,blur", "mode=rich", "rate=0.5", "count=4", "fast"]
        self.parse(*(f"--flags_test_{text}" for text in given))
        wanted = Config(paths=("a", "b"), ops=("noise", "blur"), mode="rich", rate=0.5, count=4, fast=True)
        self.assertEqual(flags.read(Config), wanted)

    def test_the_command_line_comes_before_defaults_that_are_passed(self):
        self.parse("--flags_test_count=3")
        self.assertEqual(flags.read(Config, count=9, mode="rich", internal=8), Config(mode="rich", internal=8))

    def test_an_older_name_still_works(self):
        self.parse("--flags_test_old=0.25")
        self.assertEqual(flags.read(Config).rate, 0.25)

    @parameterized.parameters(
        ({"count": 0}, "flags_test_count", "1 or more"),
        ({"rate": 0.0}, "flags_test_rate", "more than 0, at most 1"),
        ({"rate": 1.5}, "flags_test_rate", "more than 0, at most 1"),
        ({"mode": "odd"}, "flags_test_mode", "plain, rich"),
        ({"ops": ("blur", "odd")}, "flags_test_ops", "blur, noise"),
    )
    def test_a_value_outside_of_its_limits_is_refused(self, given, flag, expected):
        with self.assertRaises(UserError) as refused:
            Config(**given)
        for part in (flag, str(next(iter(given.values()))), expected, f"--{flag}"):
            self.assertIn(part, str(refused.exception))


if __name__ == "__main__":
    tf.test.main()
