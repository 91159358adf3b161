"""Font faces: patterns, names, hashes, weights; wrong files are refused."""

import hashlib
import os
import pickle
import shutil
import subprocess
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.synthesis.fonts import faces
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PACKAGES, PILLOW, Face, find_faces, open_face
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.synthesis.font_files import build_font, save_collection, save_font


def answer(text: str):
    """Fontconfig's answer, as subprocess.run gives it."""
    done = subprocess.CompletedProcess([], 0, text.encode())
    return mock.patch.object(faces.subprocess, "run", return_value=done)


class FacesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def at(self, *names: str) -> str:
        return os.path.join(self.folder, *names)

    def save_two(self):
        """b.ttf, with one face, and a.ttc, with two."""
        save_font(self.folder, "春", file="b.ttf", name="Bee")
        save_collection(self.folder, build_font("夏", name="Ace"), build_font("秋", name="Ale"), file="a.ttc")

    def find(self, *patterns: str) -> list[tuple[str, float]]:
        """Names and weights of the faces of patterns below the test's folder."""
        return [(face.name, face.weight) for face in find_faces([self.at(one) for one in patterns])]

    def test_a_face_has_a_name_and_a_hash(self):
        path = save_font(self.folder, "春", name="Spring")
        with open(path, "rb") as file:
            sha256 = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(find_faces([path]), [Face(path, 0, "Spring Regular", sha256, 1.0)])

    def test_faces_of_a_collection_share_its_weight(self):
        self.save_two()
        self.assertEqual(self.find("*.tt?"), [("Ace Regular", 0.5), ("Ale Regular", 0.5), ("Bee Regular", 1)])
        self.assertEqual(self.find("*.ttc=3"), [("Ace Regular", 1.5), ("Ale Regular", 1.5)])

    def test_an_index_selects_a_face(self):
        self.save_two()
        self.assertEqual(self.find("*.ttc#1"), [("Ale Regular", 1)])
        self.assertEqual(self.find("a.ttc#1=.25", "b.ttf=1e2"), [("Ale Regular", 0.25), ("Bee Regular", 100)])

    def test_faces_have_the_order_of_the_patterns_without_duplicates(self):
        self.save_two()
        shutil.copy(self.at("b.ttf"), self.at("0.ttf"))
        self.assertEqual(
            self.find("b.ttf=2", "a.ttc#1", "*.tt?"),
            [("Bee Regular", 2), ("Ale Regular", 1), ("Ace Regular", 0.5)],
        )
        self.assertEqual(find_faces([self.at("*.ttf")])[0].path, self.at("0.ttf"))

    def test_two_stars_match_folders(self):
        os.makedirs(self.at("one", "two.ttf"))
        save_font(self.at("one", "two.ttf"), "春", file="deep.ttf", name="Deep")
        save_font(self.folder, "夏", file="flat.ttf", name="Flat")
        self.assertEqual(self.find("**/*.ttf"), [("Flat Regular", 1), ("Deep Regular", 1)])

    @parameterized.parameters("a#0.ttf", "a=2", "a#0", "a#0=2", "[a].ttf", "a*.ttf")
    def test_a_literal_file_name_has_precedence(self, name):
        save_font(self.folder, "春", file=name, name="Literal")
        save_font(self.folder, "夏", file="a", name="Other")
        save_font(self.folder, "秋", file="a.ttf", name="Matched")
        self.assertEqual(self.find(name), [("Literal Regular", 1)])
        self.assertEqual(self.find(name + "#0=3"), [("Literal Regular", 3)])

    @parameterized.parameters(
        ("*.otf", "received no file of that name"),
        ("missing.ttf", "received no file of that name, expected files such as .ttf"),
        ("", r"received a folder.*FOLDER/\*\*/\*.tt\?"),
        ("b.ttf=0", "received the weight 0, expected a number above 0"),
        ("b.ttf=-1", "received the weight -1"),
        ("b.ttf=1e999", "received the weight inf"),
        ("a.ttc#2", "a.ttc: received #2, expected #0 to #1, for it has 2 faces"),
        ("*.tt?#1", "b.ttf: received #1, expected #0 to #0, for it has 1 face"),
        ("b.ttf=many", "received no file of that name"),
    )
    def test_a_wrong_pattern_is_refused(self, pattern, message):
        self.save_two()
        with self.assertRaisesRegex(UserError, message):
            self.find(pattern)

    @parameterized.parameters(b"", b"ttcf", b"ttcf\0\1\0\0\0\0\0\2", b"some text about fonts" * 9)
    def test_a_file_that_is_not_a_font_is_refused(self, content):
        with open(self.at("no.ttf"), "wb") as file:
            file.write(content)
        with self.assertRaisesRegex(UserError, "font .*no.ttf: received .*expected a font file"):
            self.find("*.ttf")

    def test_pillows_face_needs_no_file_and_has_a_weight(self):
        (face,) = find_faces([f"{PILLOW}=2", PILLOW])
        self.assertEqual((face.path, face.index, face.weight), ("pillow", 0, 2))
        self.assertLen(face.sha256, 64)
        self.assertGreater(open_face(face, 40).getlength("7"), open_face(face, 20).getlength("7"))
        with self.assertRaisesRegex(UserError, "received #1, expected #0 to #0"):
            find_faces([f"{PILLOW}#1"])


class OpenFaceTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def test_a_pickled_face_of_a_collection_can_be_opened(self):
        path = save_collection(self.folder, build_font("春", name="One"), build_font("夏", name="Two"))
        for face in pickle.loads(pickle.dumps(find_faces([path]))):
            self.assertEqual(" ".join(open_face(face, 24).getname()), face.name)

    def test_text_has_the_basic_layout(self):
        (face,) = find_faces([save_font(self.folder, "春夏")])
        font = open_face(face, 24)
        self.assertEqual(font.layout_engine, faces.PIL.ImageFont.Layout.BASIC)
        self.assertEqual(font.getlength("春夏"), 48)

    def test_open_faces_are_cached_by_size(self):
        (face,) = find_faces([save_font(self.folder, "春")])
        self.assertIs(open_face(face, 24), open_face(face, 24))
        self.assertEqual([open_face(face, size).size for size in (24, 30, 24)], [24, 30, 24])
        self.assertIsNotNone(open_face.cache_info().maxsize)  # else memory would grow with every size

    def test_a_changed_or_missing_file_is_refused(self):
        (face,) = find_faces([save_font(self.folder, "春")])
        save_font(self.folder, "夏")
        with self.assertRaisesRegex(
            UserError, "made.ttf: received another file than when the fonts were found"
        ):
            open_face(face, 24)
        os.remove(face.path)
        with self.assertRaisesRegex(UserError, "made.ttf: received No such file"):
            open_face(face, 24)


class SystemTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def test_system_faces_are_sorted_without_named_instances(self):
        one = save_font(self.folder, "春", file="b.ttf", name="Bee")
        two = save_collection(self.folder, build_font("夏", name="Ace"), build_font("秋", name="Ale"))
        rows = [(two, 1), (one, 0), (two, 0), (one, 1 << 16), (one, 0x80000000)]
        with answer("".join(f"{path}\n{index}\n" for path, index in rows)) as run:
            found = find_faces()
        self.assertEqual(
            [(face.name, face.weight) for face in found],
            [("Bee Regular", 1), ("Ace Regular", 0.5), ("Ale Regular", 0.5)],
        )
        self.assertEqual(run.call_args.args[0][0], "fc-list")
        self.assertIn(":lang=zh-cn:scalable=True:color=False", run.call_args.args[0])

    def test_an_unreadable_system_font_is_skipped_with_a_warning(self):
        path = save_font(self.folder, "春", name="Good")
        with answer(f"{__file__}\n0\n{path}\n0\n"), self.assertLogs(level="WARNING") as logs:
            self.assertEqual([face.name for face in find_faces([])], ["Good Regular"])
        self.assertIn(f"font {__file__}: received", logs.output[0])

    @parameterized.parameters("", "no lines", "a\nb\n", f"{__file__}\n0\n")
    def test_the_error_without_system_fonts_names_packages(self, text):
        with answer(text), self.assertRaisesRegex(UserError, "fonts of the system.*--fonts") as caught:
            find_faces()
        for package in PACKAGES:
            self.assertIn(package, str(caught.exception))

    @parameterized.parameters(
        FileNotFoundError(),
        subprocess.TimeoutExpired("fc-list", 60),
        subprocess.CalledProcessError(1, "fc-list"),
    )
    def test_the_error_without_fontconfig_names_packages(self, error):
        with (
            mock.patch.object(faces.subprocess, "run", side_effect=error),
            self.assertRaisesRegex(
                UserError, "received no fontconfig.*apt-get install fontconfig fonts-noto-cjk "
            ),
        ):
            find_faces()


if __name__ == "__main__":
    tf.test.main()
