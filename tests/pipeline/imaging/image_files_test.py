"""Reading the bytes of image files; what is no file is refused."""

import builtins
import errno
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from tests.pipeline.imaging.image_case import ImageTest


class ReadFileTest(ImageTest):
    def test_reads_the_bytes(self):
        self.assertEqual(images.read_file(self.create_tempfile("a.png", "data").full_path), b"data")

    def test_refuses_a_missing_file(self):
        path = os.path.join(self.create_tempdir().full_path, "a.png")
        self.assert_refused("missing_image", f"^no file {path}$", images.read_file, path)

    def test_refuses_a_path_that_goes_through_a_file(self):
        path = self.create_tempfile("a.png", "data").full_path
        self.assert_refused("missing_image", "^no file", images.read_file, os.path.join(path, "b.png"))

    def test_refuses_a_folder(self):
        folder = self.create_tempdir().full_path
        self.assert_refused("unreadable_image", f"^{folder}: Is a directory$", images.read_file, folder)

    def test_refuses_what_may_have_no_end(self):
        pipe = os.path.join(self.create_tempdir().full_path, "a.png")
        os.mkfifo(pipe)
        for path in (pipe, "/dev/zero", "/dev/null"):
            self.assert_refused("unreadable_image", f"^{path}: a pipe or a device$", images.read_file, path)

    def test_refuses_a_name_that_no_file_can_have(self):
        path = os.path.join(self.create_tempdir().full_path, "a" * 300)
        self.assert_refused("unreadable_image", "File name too long$", images.read_file, path)

    def read_with_error(self, number: int):
        with mock.patch.object(builtins, "open", side_effect=OSError(number, os.strerror(number))):
            images.read_file("a.png")

    def test_a_disk_that_fails_refuses_the_image(self):
        self.assert_refused("unreadable_image", "Input/output error$", self.read_with_error, errno.EIO)

    @parameterized.parameters(errno.EMFILE, errno.ENFILE, errno.ENOMEM)
    def test_a_lack_of_file_handles_or_memory_refuses_no_image(self, number):
        with self.assertRaisesRegex(UserError, f"^image a.png: received {os.strerror(number)}, .*--workers"):
            self.read_with_error(number)


if __name__ == "__main__":
    tf.test.main()
