"""The sheet of readings shows which are wrong."""

import os

import numpy as np
import PIL.Image
import tensorflow as tf

from model.picture import RIGHT, WRONG, ReadLine, draw_readings, save_png


class PictureTest(tf.test.TestCase):
    def draw(self, *readings):
        lines = [ReadLine(np.full((32, 64), 40, np.uint8), truth, text, 0.9) for truth, text in readings]
        return draw_readings(lines)

    def colours(self, sheet):
        return {colour for _, colour in sheet.getcolors(maxcolors=1 << 16)}

    def test_right_and_wrong_readings_have_their_colours(self):
        self.assertIn(RIGHT, self.colours(self.draw(("123", "123"))))
        self.assertNotIn(WRONG, self.colours(self.draw(("123", "123"))))
        self.assertIn(WRONG, self.colours(self.draw(("123", "128"))))

    def test_every_line_is_on_the_sheet(self):
        sheet = np.asarray(self.draw(("1", "1"), ("2", "2"), ("3", "3")).convert("L"))
        self.assertEqual(np.sum(sheet[:, 20] == 40), 3 * 32)

    def test_saves_a_png(self):
        path = os.path.join(self.create_tempdir().full_path, "sheet.png")
        save_png(self.draw(("1", "2")), path)
        self.assertEqual(PIL.Image.open(path).format, "PNG")


if __name__ == "__main__":
    tf.test.main()
