"""LMDBs of labels alone as a source of lines."""

import os

import lmdb
import tensorflow as tf
from absl.testing import parameterized

from tests.beam_jobs.conversion.conversion_case import ConversionTest
from tests.messages import user_error
from tests.samples import CHARSET, write_lines


class LmdbLabelsTest(parameterized.TestCase, ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 4)
        self.path = os.path.join(self.folder, "label.lmdb")

    def write(self, entries: dict[str, str]) -> None:
        with (
            lmdb.open(self.path, map_size=1 << 20) as environment,
            environment.begin(write=True) as transaction,
        ):
            for key, value in entries.items():
                transaction.put(key.encode(), value.encode())

    def convert(self, **changes) -> dict:
        given = {"list_paths": (), "image_root": "", "list_format": "auto", "lmdb_path": self.path}
        return super().convert(**{**given, **changes})

    @parameterized.named_parameters(
        ("json", "label-%09d", 1, "num-samples", '{"filename": "%d.png", "text": "ab"}'),
        ("space", "label-%09d", 1, "num-samples", "%d.png ab"),
        ("older", "%d", 0, "total_number", "%d.png ab\n"),
    )
    def test_images_are_found_beside_the_lmdb(self, key, first, count, row):
        self.write({count: "5", **{key % (number + first): row % number for number in range(5)}})
        result = self.convert(max_reject_fraction=0.2)
        self.assertEqual((result["written"], result["refused"]), (4, {"missing_image": 1}))
        self.assertEqual(self.read_labels(), {f"{number}.png": [CHARSET.encode("ab")] for number in range(4)})
        self.assertEqual(self.read_rejects()[0][0], f"{self.path}:{4 + first}")

    def test_a_count_beyond_the_keys_is_refused(self):
        self.write({"label-000000001": "0.png ab", "num-samples": "9"})
        with user_error(f"LMDB {self.path}", "2 keys", "--list"):
            self.convert()


if __name__ == "__main__":
    tf.test.main()
