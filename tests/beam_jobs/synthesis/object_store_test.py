"""Syntheses from and to a bucket, against the same ones on this machine."""

import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.job import synthesize
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.synthesis.font_files import build_font
from tests.beam_jobs.synthesis.synthesis_case import CHARSET, TEXT
from tests.pipeline.storage.store_case import StoreCase


class ObjectStoreTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        CHARSET.write(os.path.join(self.folder, "charset.txt"))
        storage.write_atomically(os.path.join(self.folder, "text.txt"), TEXT.encode())
        build_font(CHARSET.characters, blank=" ").save(os.path.join(self.folder, "made.ttf"))
        storage.upload_folder(self.folder, self.root)

    def synthesize(self, root: str) -> dict:
        config = SynthesisConfig(
            charset_path=storage.join(root, "charset.txt"),
            output=storage.join(root, "lines"),
            text=(storage.join(root, "text.txt"),),
            fonts=(storage.join(root, "*.ttf"),),
            lines=25,
            length="3-6",
            image_width=128,
            lines_per_shard=10,
            write="images",
        )
        return synthesize(config, workers=1)

    def read_images(self, root: str) -> dict[str, bytes]:
        folder = os.path.join(root, "lines")
        if storage.is_url(root):
            folder = self.create_tempdir().full_path
            storage.download_folder(storage.join(root, "lines"), folder)
        paths = [path for path in storage.find("**", folder) if os.path.isfile(path)]
        names = {os.path.relpath(path, folder): storage.read_bytes(path) for path in paths}
        names.pop("images.json")  # times differ
        return names

    def test_writes_the_images_of_a_local_run(self):
        self.synthesize(self.folder)
        self.synthesize(self.root)
        images = self.read_images(self.root)
        self.assertLen([name for name in images if name.endswith(".jpg")], 25)
        self.assertEqual(images, self.read_images(self.folder))

    def test_resumes_with_the_missing_shards(self):
        render, calls = LineRenderer.render, []

        def fail(renderer, text, face, random):
            calls.append(text)
            if len(calls) == 25:  # in the last shard; the first lines were also drawn for an estimate
                raise UserError("test", received="the end", expected="more", remedy="None.")
            return render(renderer, text, face, random)

        with mock.patch.object(LineRenderer, "render", fail), self.assertRaisesRegex(UserError, "the end"):
            self.synthesize(self.root)
        before = len(storage.list_names(self.url("lines/train.unfinished")))
        self.assertGreater(before, 2)  # the plan, the identity, and reports
        self.synthesize(self.root)
        self.synthesize(self.folder)
        self.assertEqual(self.read_images(self.root), self.read_images(self.folder))


if __name__ == "__main__":
    tf.test.main()
