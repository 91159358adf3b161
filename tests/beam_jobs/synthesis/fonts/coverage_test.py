"""Coverage: glyphs without ink, boxes and placeholders do not count."""

import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from fontTools.ttLib import TTFont

from densenet_ocr.beam_jobs.synthesis.fonts.coverage import (
    MOST_ALIKE,
    describe_coverage,
    find_coverage,
    find_undrawable,
)
from densenet_ocr.beam_jobs.synthesis.fonts.faces import find_faces
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.synthesis.font_files import build_font, save_collection, save_font


class CoverageTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def drawn(self, looked_for: str, mapped: str, **options) -> str:
        """Those of some characters that a font is found to draw."""
        faces = find_faces([save_font(self.folder, mapped, **options)])
        (row,) = find_coverage(faces, looked_for)
        return "".join(c for c, drawn in zip(looked_for, row, strict=True) if drawn)

    @parameterized.parameters(False, True)
    def test_unmapped_characters_do_not_count(self, empty_notdef):
        self.assertEqual(self.drawn("a春夏\ue004\U00020000", "春夏秋", empty_notdef=empty_notdef), "春夏")

    def test_characters_beyond_the_basic_plane_count(self):
        self.assertEqual(self.drawn("春\U00020000", "春\U00020000"), "春\U00020000")

    def test_glyphs_without_ink_do_not_count(self):
        self.assertEqual(self.drawn("春夏秋", "春夏秋", blank="夏"), "春秋")
        self.assertEqual(self.drawn("春\u200b", "春\u200b", blank="\u200b"), "春")

    def test_copies_of_notdef_do_not_count(self):
        self.assertEqual(self.drawn("春夏秋", "春夏秋", lacking="夏秋"), "春")

    @parameterized.parameters("□", "☐", "口", "▯", "〓", "?")
    def test_a_character_that_looks_like_notdef_counts(self, character):
        self.assertEqual(self.drawn("春" + character, "春" + character, lacking=character), "春" + character)
        self.assertEqual(self.drawn("春" + character, "春"), "春")
        self.assertEqual(self.drawn(character, character, blank=character), "")

    def test_spaces_need_a_glyph_without_ink(self):
        self.assertEqual(self.drawn(" \u3000春", " 春", blank=" "), " 春")
        self.assertEqual(self.drawn(" \u3000春", "\u3000春", blank="\u3000"), "\u3000春")

    def test_a_glyph_of_many_characters_is_a_placeholder(self):
        many = "".join(chr(0x4E00 + k) for k in range(MOST_ALIKE + 1))
        # With no ink in .notdef, nothing but their number tells the boxes from characters.
        self.assertEqual(self.drawn(many + "春", many + "春", lacking=many, empty_notdef=True), "春")
        few = many[:MOST_ALIKE]
        self.assertEqual(self.drawn(few + "春", few + "春", lacking=few, empty_notdef=True), few + "春")

    def test_processes_give_the_same_result(self):
        faces = find_faces([save_font(self.folder, "春夏秋"), save_font(self.folder, "夏冬", file="other.ttf")])
        plain = find_coverage(faces, "春夏秋冬")
        with mock.patch("densenet_ocr.beam_jobs.synthesis.fonts.coverage._WORTH_PROCESSES", 0):
            self.assertAllEqual(find_coverage(faces, "春夏秋冬"), plain)
        self.assertAllEqual(plain, [[True, True, True, False], [False, True, False, True]])

    def test_an_error_in_a_process_is_raised(self):
        faces = find_faces([save_font(self.folder, "春"), save_font(self.folder, "夏", file="other.ttf")])
        os.remove(faces[1].path)
        with (
            mock.patch("densenet_ocr.beam_jobs.synthesis.fonts.coverage._WORTH_PROCESSES", 0),
            self.assertRaisesRegex(UserError, f"font {faces[1].path}: .*[Nn]o such file"),
        ):
            find_coverage(faces, "春")

    def test_a_killed_process_is_a_user_error(self):
        faces = find_faces([save_font(self.folder, "春"), save_font(self.folder, "夏", file="other.ttf")])
        with (
            mock.patch("densenet_ocr.beam_jobs.synthesis.fonts.coverage._WORTH_PROCESSES", 0),
            mock.patch("densenet_ocr.beam_jobs.engine.runner.worker.end_with_parent", os._exit),
            self.assertRaisesRegex(UserError, "process that reads fonts: received one that was killed"),
        ):
            find_coverage(faces, "春")

    def test_a_wrong_table_checksum_is_warned_of(self):
        path = save_font(self.folder, "春夏")
        with TTFont(path, lazy=True) as font:
            place = font.reader.tables["glyf"].offset + 40
        with open(path, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))
        with self.assertLogs(level="WARNING") as logs:
            find_coverage(find_faces([path]), "春夏")
        self.assertRegex(logs.output[0], "made.ttf#0.*the checksum of its table glyf is not right")

    def test_private_use_characters_do_not_count(self):
        self.assertEqual(self.drawn("春\ue0be\U000f0000", "春\ue0be\U000f0000"), "春")

    def test_a_face_without_a_character_map_has_no_characters(self):
        font = build_font("春")
        del font["cmap"]
        path = save_collection(self.folder, font)
        self.assertEqual(find_coverage(find_faces([path]), "春").tolist(), [[False]])

    def test_a_damaged_character_map_is_refused(self):
        path = save_font(self.folder, "春")
        with TTFont(path) as font:
            start = font.reader.tables["cmap"].offset
        with open(path, "r+b") as file:
            file.seek(start)
            file.write(b"\xff" * 16)
        expected = rf"font Made Regular \({path}#0\): received tables that cannot be read .*expected a whole"
        with self.assertRaisesRegex(UserError, expected):
            find_coverage(find_faces([path]), "春")

    def test_pillows_face_has_digits(self):
        row = find_coverage(find_faces(["pillow"]), "0123456789 a春□")
        self.assertEqual(row.tolist(), [[True] * 12 + [False] * 2])

    def test_faces_of_a_collection_differ(self):
        save_collection(self.folder, build_font("春夏"), build_font("夏秋"))
        found = find_coverage(find_faces([os.path.join(self.folder, "*.ttc")]), "春夏秋冬")
        self.assertEqual(found.astype(int).tolist(), [[1, 1, 0, 0], [0, 1, 1, 0]])
        self.assertEqual(found.dtype, bool)

    def test_the_summary_is_one_line(self):
        path = save_collection(self.folder, build_font("春夏", name="One"), build_font("夏秋冬", name="Two"))
        faces, coverage = find_faces([path]), np.array([[1, 1, 0, 0], [0, 1, 1, 0]], bool)
        self.assertEqual(find_undrawable(coverage, "春夏秋冬"), "冬")
        self.assertEqual(
            describe_coverage(faces, coverage, "春夏秋冬"),
            f"2 faces have 2 to 2 of 4 characters, One Regular ({path}#0) the fewest; "
            "characters that no face has: 1: '冬' (U+51AC)",
        )
        row = describe_coverage(faces, coverage[:, :3], "春夏秋")
        self.assertEndsWith(row, "characters that no face has: 0")


if __name__ == "__main__":
    tf.test.main()
