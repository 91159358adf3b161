"""The command ocr-charset, as people and scripts call it."""

import json
import os
import subprocess
import sys

import tensorflow as tf

from tests import ROOT


class CharsetDescriptionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.path = os.path.join(self.folder, "charset.txt")

    def write(self, rows: list[str]) -> None:
        with open(self.path, "w", encoding="utf-8") as file:
            file.writelines(row + "\n" for row in rows)

    def describe(self, *arguments: str) -> tuple[str, dict]:
        """The description in words, each run of blanks as one, and the result."""
        command = [sys.executable, "-m", "beam_jobs.charset", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        *lines, last = done.stdout.splitlines()
        return "\n".join(" ".join(row.split()) for row in lines), json.loads(last)

    def test_names_the_blank_and_likely_mistakes(self):
        self.write(["A", "b", "А", "，", ",", "\u0301", "\ufeff"])
        words, result = self.describe(f"--charset={self.path}")
        self.assertIn(
            "blank row 0 of the file, by --charset_blank=first_row; it shows 'A' (U+0041); likely", words
        )
        self.assertIn("look-alikes '，' (U+FF0C), ',' (U+002C)", words)
        self.assertEqual((result["characters"], result["classes"], result["placeholder"]), (6, 7, "A"))
        self.assertEqual(
            (result["lookalikes"], result["decomposed"], result["invisible"]), (["，,"], "\u0301", "\ufeff")
        )

        _, result = self.describe(f"--charset={self.path}", "--charset_blank=none")
        self.assertEqual((result["characters"], result["lookalikes"]), (7, ["AА", "，,"]))

    def test_compares_a_list_with_the_charset(self):
        self.write(["<blank>", "a", "b", "1", "é"])
        path = os.path.join(self.folder, "list.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("0.png\tab \n1.png\te\u0301c\n2.png\tcd\n3.png\n")
        words, result = self.describe(f"--charset={self.path}", f"--list={path}", "--normalize=NFC")
        self.assertIn("labels 3 read, 1 refused", words)
        self.assertIn(f"lacks 'c' (U+0063) 2 times, first in {path}:2; 'd' (U+0064) 1 times", words)
        self.assertIn("never used '1' (U+0031)", words)
        self.assertEqual((result["missing"], result["unused"]), ({"c": 2, "d": 1}, "1"))

        with open(path, "w") as file:
            file.write("0.png 1 2\n1.png 4 9\n")
        _, result = self.describe(f"--charset={self.path}", f"--list={path}", "--list_format=ids")
        self.assertEqual((result["labels"], result["refused"], result["unused"]), (1, 1, "1é"))

    def test_describes_the_charset_of_a_run(self):
        words, result = self.describe(f"--charset={os.path.join(ROOT, 'tests', 'fixtures', 'run')}")
        self.assertIn("blank the last class", words)
        self.assertEqual(result["classes"], 12)


if __name__ == "__main__":
    tf.test.main()
