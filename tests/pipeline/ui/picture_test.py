"""Texts are drawn in a font that has them, or as escapes; the sheet of readings shows which are wrong."""

import os
import subprocess
from unittest import mock

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.reading.pictures import draw_readings
from densenet_ocr.model.reading.reading import LineResult, Reading
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui import picture
from densenet_ocr.pipeline.ui.picture import (
    INK,
    RIGHT,
    WRONG,
    FontFile,
    Typeface,
    choose_typeface,
    new_sheet,
    save_png,
)


def answer(text: str):
    """Fontconfig's answer, as subprocess.run gives it."""
    return mock.patch.object(
        picture.subprocess, "run", return_value=subprocess.CompletedProcess([], 0, text.encode())
    )


class TypefaceTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("Line 7, 50 %", "Line 7, 50 %"),
        ("春 7", r"\u6625 7"),
        ("\U0001f600", r"\U0001f600"),
        ("a\tb\u3000c\n", r"a\tb\u3000c\n"),
        ("", ""),
    )
    def test_what_a_font_cannot_show_is_an_escape(self, text, spelt):
        self.assertEqual(Typeface(16).spell(text), spelt)

    def test_a_wrapped_text_is_whole_and_no_line_is_too_wide(self):
        face, text = Typeface(16), "an English sentence and 春 at its end"
        lines = face.wrap(text, 90)
        self.assertEqual("".join(lines), text)
        self.assertGreater(len(lines), 2)
        self.assertLessEqual(max(map(face.measure, lines)), 92)
        self.assertEqual(face.wrap("", 90), [""])
        self.assertEqual(face.wrap("春春", 1), ["春", "春"])

    def test_a_path_keeps_its_end(self):
        face, path = Typeface(12), "scans/of/a/library/volume 1/page_0001.png"
        self.assertEqual(face.shorten(path, 1000), path)
        shortened = face.shorten(path, 120)
        self.assertLessEqual(face.measure(shortened), 122)
        self.assertStartsWith(shortened, "...")
        self.assertEndsWith(shortened, "page_0001.png")

    def test_a_text_leaves_ink(self):
        sheet = new_sheet(60, 30)
        Typeface(16).draw(sheet, (4, 20), "42", INK)
        self.assertIn(INK, {colour for _, colour in sheet.getcolors(1 << 16)})

    def test_latin_texts_need_no_font_of_the_machine(self):
        with answer("") as run:
            self.assertIsNone(choose_typeface(["Line 7"], size=12).file)
        run.assert_not_called()

    def test_fontconfig_is_asked_for_the_texts_characters(self):
        with answer("/fonts/none.ttf\n0") as run:
            face = choose_typeface(["春1", "夏"], size=12)
        self.assertIn(":charset=31 590f 6625:", run.call_args.args[0][-1])
        self.assertIsNone(face.file)  # there is no such file

    @parameterized.parameters("", "no lines", "a\nb")
    def test_without_an_answer_pillows_font_is_taken(self, text):
        with answer(text):
            self.assertIsNone(choose_typeface(["春"], size=12).file)

    def test_without_fontconfig_pillows_font_is_taken(self):
        with mock.patch.object(picture.subprocess, "run", side_effect=FileNotFoundError):
            face = choose_typeface(["春"], size=12)
        self.assertEqual(face.spell("春"), r"\u6625")

    def test_a_font_that_has_more_of_the_characters_is_taken(self):
        real = PIL.ImageFont.truetype

        def load(path, size, index=0, **other):
            if path != "/fonts/han.ttc":
                return real(path, size, index, **other)
            self.assertEqual(index, 2)
            return mock.Mock(getmask=self.draw_all)

        with answer("/fonts/han.ttc\n2"), mock.patch.object(picture.PIL.ImageFont, "truetype", load):
            face = choose_typeface(["春"], size=12)
            self.assertEqual(face.file, FontFile("/fonts/han.ttc", 2))
            self.assertEqual(face.spell("春"), "春")

    def draw_all(self, character: str):
        """A glyph that differs from character to character."""
        return PIL.Image.new("L", (8, 8), ord(character) % 251).im

    def test_a_file_that_is_no_font_is_refused(self):
        for path in (__file__, "missing.ttf"):
            with self.assertRaisesRegex(UserError, f"font {path}: received .*expected a font file"):
                choose_typeface(["1"], size=12, font=path)


class ReadingsTest(tf.test.TestCase):
    def draw(self, *readings):
        levels = np.full((32, 64), 40, np.uint8)
        return draw_readings(
            [LineResult("a.png", levels, truth, Reading(text, 0.9, [])) for truth, text in readings]
        )

    def colours(self, sheet):
        return {colour for _, colour in sheet.getcolors(maxcolors=1 << 16)}

    def test_right_and_wrong_readings_have_their_colours(self):
        self.assertIn(RIGHT, self.colours(self.draw(("123", "123"))))
        self.assertNotIn(WRONG, self.colours(self.draw(("123", "123"))))
        self.assertIn(WRONG, self.colours(self.draw(("123", "128"))))

    def test_every_line_is_on_the_sheet(self):
        sheet = np.asarray(self.draw(("1", "1"), ("2", "2"), ("3", "3")).convert("L"))
        self.assertEqual(np.sum(sheet[:, 20] == 40), 3 * 32)

    def test_a_text_that_the_font_lacks_makes_its_column_wider(self):
        with mock.patch.object(picture.subprocess, "run", side_effect=FileNotFoundError):
            self.assertGreater(self.draw(("春夏秋冬", "1")).width, self.draw(("1234", "1")).width)

    def test_saves_a_png(self):
        path = os.path.join(self.create_tempdir().full_path, "sheet.png")
        save_png(self.draw(("1", "2")), path)
        self.assertEqual(PIL.Image.open(path).format, "PNG")


if __name__ == "__main__":
    tf.test.main()
