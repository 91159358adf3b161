"""The cache saves time and changes nothing: not if it is damaged, full or cannot be written."""

import concurrent.futures
import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.synthesis.fonts import coverage as coverage_module
from densenet_ocr.beam_jobs.synthesis.fonts.coverage import find_coverage
from densenet_ocr.beam_jobs.synthesis.fonts.faces import find_faces
from tests.beam_jobs.synthesis.font_files import save_font

CHARACTERS, FOUND = "春夏秋冬", [[True, True, False, False]]


class CoverageCacheTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        cache = os.path.join(self.folder, "cache")
        self.enterContext(mock.patch.dict(os.environ, {"XDG_CACHE_HOME": cache}))
        self.entries = os.path.join(cache, "densenet-ocr", "fonts")
        self.faces = find_faces([save_font(self.folder, "春夏")])

    def find(self, *, rendered: int, characters: str = CHARACTERS) -> list[list[bool]]:
        """The coverage, for which so many faces have to be rendered."""
        with mock.patch.object(coverage_module, "_find_one", wraps=coverage_module._find_one) as find_one:
            found = find_coverage(self.faces, characters).tolist()
        self.assertEqual(find_one.call_count, rendered)
        return found

    def test_a_face_is_rendered_once_for_each_charset(self):
        self.assertEqual(self.find(rendered=1), FOUND)
        self.assertEqual(self.find(rendered=0), FOUND)
        self.assertEqual(self.find(rendered=1, characters="夏秋"), [[True, False]])
        self.faces += find_faces([save_font(self.folder, "冬", file="other.ttf")])
        self.assertEqual(self.find(rendered=1), [*FOUND, [False, False, False, True]])

    def test_another_font_of_the_same_path_is_rendered(self):
        self.find(rendered=1)
        self.faces = find_faces([save_font(self.folder, "夏秋")])
        self.assertEqual(self.find(rendered=1), [[False, True, True, False]])

    def test_a_damaged_entry_is_written_again(self):
        self.find(rendered=1)
        (name,) = os.listdir(self.entries)
        path = os.path.join(self.entries, name)
        with open(path, "rb") as file:
            whole = file.read()
        for damaged in (b"", b"[]", whole[:-9], whole.replace(rb"\u6625", rb"\u79cb")):
            with open(path, "wb") as file:
                file.write(damaged)
            self.assertEqual(self.find(rendered=1), FOUND)
            self.assertEqual(self.find(rendered=0), FOUND)

    def test_a_folder_that_cannot_be_written_changes_nothing(self):
        os.makedirs(os.path.dirname(self.entries))
        with open(self.entries, "w"):
            pass
        self.assertEqual(self.find(rendered=1), FOUND)
        self.assertEqual(self.find(rendered=1), FOUND)

    def test_a_relative_path_is_not_used(self):
        with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": "cache", "HOME": self.folder}):
            self.find(rendered=1)
        self.assertLen(os.listdir(os.path.join(self.folder, ".cache", "densenet-ocr", "fonts")), 1)

    def test_the_newest_entries_are_kept(self):
        with mock.patch.object(coverage_module, "_MOST_ENTRIES", 3):
            for count in range(1, 5):
                self.find(rendered=1, characters=CHARACTERS[:count])
            self.assertLen(os.listdir(self.entries), 3)
            self.find(rendered=0)

    def test_several_writers_at_once_leave_whole_entries(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: find_coverage(self.faces, CHARACTERS).tolist(), range(40)))
        self.assertEqual(found, [FOUND] * 40)
        self.assertEqual(self.find(rendered=0), FOUND)


if __name__ == "__main__":
    tf.test.main()
