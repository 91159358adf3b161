"""Images are found by files, folders, globs, lists and rows of standard input."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.reading.image_paths import NamedImage, find_images, read_list
from densenet_ocr.pipeline.errors import Refused, UserError
from densenet_ocr.pipeline.lists.config import ListConfig


class ImagePathsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.create_tempdir()
        for name in ("b/1.png", "b/c/2.JPG", "a [1].png", "notes.txt", "b/.hidden.png"):
            folder.create_file(name)
        self.folder = folder.full_path

    def names(self, *words, rows=()):
        return [os.path.relpath(image.name, self.folder) for image in find_images(words, rows=rows)]

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_files_keep_their_names(self):
        self.assertEqual(self.names(self.path("notes.txt"), self.path("none")), ["notes.txt", "none"])

    def test_a_folder_is_all_images_below_it_in_order_and_logs_skipped_files(self):
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(self.names(self.folder), ["a [1].png", "b/1.png", "b/c/2.JPG"])
        self.assertIn("skipped 2 files", logs.output[0])

    def test_a_glob_is_its_matches(self):
        self.assertEqual(self.names(self.path("*/*.png")), ["b/1.png"])
        self.assertEqual(self.names(self.path("a [1].png")), ["a [1].png"])  # a file that looks like a glob

    def test_a_glob_without_a_match_is_refused(self):
        (image,) = find_images([self.path("*.gif")])
        self.assertEqual((image.path.reason, image.path.detail), ("missing_image", "no file matches it"))

    def test_a_cyclic_link_is_not_followed_again(self):
        os.symlink(self.folder, self.path("b/back"))
        self.assertEqual(self.names(self.folder), ["a [1].png", "b/1.png", "b/c/2.JPG"])

    def test_an_argument_without_images_is_refused(self):
        os.mkdir(self.path("empty"))
        list_path = self.path("list.txt")
        with open(list_path, "w") as file:
            file.write("\n")
        found = [*find_images([self.path("empty"), "-"], rows=[])]
        found += read_list(list_path, ListConfig(image_root=self.folder))
        details = [image.path.detail for image in found]
        self.assertEqual(
            details, ["no image in this folder", "no path on standard input", "no row in this list"]
        )
        (closed,) = find_images(["-"], rows=None)
        self.assertIsInstance(closed.path, Refused)

    @parameterized.parameters(
        ({"image_root": "/none"}, "image root /none.*--image_root"),
        ({"list_encoding": "foo"}, "list encoding: received 'foo'"),
    )
    def test_refuses_a_missing_image_root_and_an_unknown_encoding(self, changed, message):
        path = self.path("list.txt")
        with open(path, "w") as file:
            file.write("b/1.png 1\n")
        with self.assertRaisesRegex(UserError, message):
            list(read_list(path, ListConfig(**{"image_root": self.folder, **changed})))

    def test_a_dash_reads_a_path_from_each_row(self):
        rows = ["x y.png\n", "\n", "z.png\r\n"]
        self.assertEqual([image.name for image in find_images(["-"], rows=rows)], ["x y.png", "z.png"])

    def test_a_list_has_paths_below_its_root_and_labels_are_ignored(self):
        path = self.path("list.txt")
        with open(path, "wb") as file:
            file.write("\ufeffb\\1.png 3 4\r\n\r\n春 天.png\ttext\nalone.png\n../out.png 1\n".encode())
        *found, outside = read_list(path, ListConfig(image_root=self.folder))
        names = ["b\\1.png", "春 天.png", "alone.png"]
        paths = [self.path(name) for name in ("b/1.png", "春 天.png", "alone.png")]
        self.assertEqual(found, [NamedImage(*pair) for pair in zip(names, paths, strict=True)])
        self.assertEqual((outside.name, outside.path.reason), (f"{path}:5", "outside_root"))

    @parameterized.parameters(
        "filename,words\nb/1.png,a\na [1].png,b\n",
        '{"b/1.png": "a", "a [1].png": "b"}',
        '["b/1.png", "a [1].png"]\ta\n',
        "b/1.png\ta\na [1].png\tb\n",
    )
    def test_a_list_of_another_tool_has_paths_relative_to_its_folder(self, content):
        path = self.path("list.txt")
        with open(path, "w") as file:
            file.write(content)
        found = [(image.name, image.path) for image in read_list(path, ListConfig())]
        self.assertEqual(found, [(name, self.path(name)) for name in ("b/1.png", "a [1].png")])

    def test_a_row_in_another_encoding_is_refused_with_file_and_line(self):
        path = self.path("list.txt")
        with open(path, "wb") as file:
            file.write("春.png 1\n".encode("gbk"))
        (image,) = read_list(path, ListConfig(image_root=self.folder))
        self.assertEqual((image.name, image.path.reason), (f"{path}:1", "bad_encoding"))
        (image,) = read_list(path, ListConfig(image_root=self.folder, list_encoding="gbk"))
        self.assertNotIsInstance(image.path, Refused)


if __name__ == "__main__":
    tf.test.main()
