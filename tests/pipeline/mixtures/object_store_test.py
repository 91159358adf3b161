"""A mixture of data sets in a bucket gives the batches of the same data sets on a disk."""

import os

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.mixtures.mixed_input import mixed_input
from densenet_ocr.pipeline.mixtures.mixture import load_mixture
from densenet_ocr.pipeline.mixtures.shared_lines import compare_splits
from densenet_ocr.pipeline.mixtures.sources import parse_sources
from densenet_ocr.pipeline.tfrecord.shards import reading_errors
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import CHARSET, convert_any_width, convert_lines, convert_texts


class ObjectStoreTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.cache = os.path.join(self.folder, "cache")

    def make(self, name: str) -> str:
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def convert(self, any_width: bool) -> list[str]:
        """Makes two data sets, and puts them into the bucket as `real` and `made`; returns the local ones."""
        real, made = self.make("real"), self.make("made")
        if any_width:
            widths = ([40 + 3 * k for k in range(20)], [41 + 5 * k for k in range(13)])
            local = [convert_any_width(path, each) for path, each in zip((real, made), widths, strict=True)]
        else:
            local = [convert_lines(real, 20), convert_texts(made, 13, "9876543210yx")]
        for folder, name in zip(local, ("real", "made"), strict=True):
            storage.upload_folder(folder, self.url(name))
        return local

    def read(self, folders: list[str], first_step: int = 0, cache: str | None = None) -> list[list[bytes]]:
        """Returns the images of four batches."""
        mixture = load_mixture(parse_sources([folders[0], f"{folders[1]}=3"]))
        settings = {"mixture": mixture, "split": "train", "batch_size": 6, "seed": 4, "cache": cache}
        with reading_errors():
            batches = list(mixed_input(**settings, first_step=first_step).take(4).as_numpy_iterator())
        return [[image.tobytes() for image in batch["image"]] for batch in batches]

    @parameterized.named_parameters(("one_width", False), ("any_width", True))
    def test_batches_are_those_of_local_data_sets_with_and_without_a_cache(self, any_width):
        local, urls = self.convert(any_width), [self.url("real"), self.url("made")]
        expected = self.read(local, 3)
        self.assertEqual(self.read(urls, 3), expected)
        self.assertEqual(self.read(urls, 3, cache=self.cache), expected)
        for url in urls:
            for name in storage.list_files(url):
                if name.endswith(".tfrecord"):
                    storage.remove(storage.join(url, name))
        with user_error("no such file", "dataset.json"):
            self.read(urls, 3, cache=self.cache)

    def test_lines_are_compared_in_a_bucket_and_beside_it(self):
        self.convert(any_width=False)
        other = os.path.join(self.folder, "other")
        convert_texts(self.make("texts"), 2, CHARSET.characters, output=other)
        convert_lines(self.make("copies"), 3, output=other, split="validation")
        mixture = load_mixture(parse_sources([self.url("real"), other]))
        found = compare_splits(mixture, "train", "validation", cache=self.cache)
        places = {(one.folder, one.key, two.folder, two.key) for one, two in found.shared}
        expected = {(other, f"{k}.png", self.url("real"), f"{k}.png") for k in range(3)}
        self.assertEqual(places, expected)


if __name__ == "__main__":
    tf.test.main()
