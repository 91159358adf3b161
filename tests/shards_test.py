"""The shard writer, with a source of its own."""

import dataclasses
import json
import os
import pickle
from collections.abc import Iterator

import google_crc32c
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs import shards
from beam_jobs.shards import RefusedRow, ShardJob
from pipeline import images, schema
from pipeline.schema import Record
from tests.samples import draw_levels

# Shard -> what the source yields, by number: even numbers are records, odd ones refusals.
SHARDS = ((6, 3, 0), (1, 5), (), (4, 7, 8, 2))


@dataclasses.dataclass(frozen=True)
class NumberSource:
    """Lines that are drawn, not read: a second kind of source."""

    fails: bool = False

    @property
    def shard_count(self) -> int:
        return len(SHARDS)

    def read(self, shard: int) -> Iterator[Record | RefusedRow]:
        for number in SHARDS[shard]:
            if number % 2:
                reason = "bad_id" if number == 5 else "no_label"
                yield RefusedRow(number, f"numbers:{number}", f"row\t{number}\\\r\n春", reason, "odd")
            else:
                yield Record(f"n{number}", draw_levels(number, 8, 16 + number), [number, number])
        if self.fails:
            raise ValueError("a bug in the source")


class ShardsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.job = ShardJob(self.folder, "train", "uint8", NumberSource())

    def write(self):
        shards.write_shards(self.job, workers=1, options=PipelineOptions([]))
        return shards.collect(self.job, sources={"made_of": "numbers"})

    def read(self, shard: int) -> list[bytes]:
        path = os.path.join(self.folder, self.job.shard_name(shard))
        return list(tf.data.TFRecordDataset(path).as_numpy_iterator())

    def test_every_shard_holds_its_records_in_the_order_of_the_source(self):
        self.write()
        for number, lines in enumerate(SHARDS):
            expected = [
                schema.encode(Record(f"n{n}", draw_levels(n, 8, 16 + n), [n, n]), "uint8")
                for n in lines
                if n % 2 == 0
            ]
            self.assertEqual(self.read(number), expected)

    def test_the_description_knows_each_shards_name_records_size_and_checksum(self):
        written = self.write().shards
        self.assertEqual([shard.records for shard in written], [2, 0, 0, 3])
        for number, shard in enumerate(written):
            self.assertEqual(shard.name, f"train-{number:05d}-of-00004.tfrecord")
            with open(os.path.join(self.folder, shard.name), "rb") as file:
                data = file.read()
            self.assertEqual(shard.bytes, len(data))
            self.assertEqual(shard.crc32c, f"{google_crc32c.value(data):08x}")

    def test_rows_read_are_rows_written_and_refused_by_reason(self):
        split = self.write()
        self.assertEqual((split.read, split.written), (9, 5))
        self.assertEqual(split.refused, {"bad_id": 1, "no_label": 3})
        self.assertEqual(list(split.refused), ["bad_id", "no_label"])
        self.assertEqual(split.sources, {"made_of": "numbers"})

    def test_statistics_count_lengths_widths_and_classes_over_all_shards(self):
        statistics = self.write().statistics
        self.assertEqual(
            statistics,
            {
                "label_lengths": {"2": 5},
                "widths": {"16": 1, "18": 1, "20": 1, "22": 1, "24": 1},
                "characters": {"0": 2, "2": 2, "4": 2, "6": 2, "8": 2},
            },
        )
        self.assertEqual(list(statistics["widths"]), ["16", "18", "20", "22", "24"])

    def test_refusals_stand_in_the_order_of_the_input_a_line_each(self):
        self.write()
        with open(shards.rejects_path(self.job), encoding="utf-8", newline="\n") as file:
            rows = file.read().split("\n")
        self.assertEqual(
            rows,
            [
                "numbers:1\trow\\t1\\\\\\r\\n春\tno_label\todd",
                "numbers:3\trow\\t3\\\\\\r\\n春\tno_label\todd",
                "numbers:5\trow\\t5\\\\\\r\\n春\tbad_id\todd",
                "numbers:7\trow\\t7\\\\\\r\\n春\tno_label\todd",
                "",
            ],
        )

    def test_images_are_stored_as_the_job_says(self):
        self.job = dataclasses.replace(self.job, image_encoding="float32")
        self.write()
        example = tf.train.Example.FromString(self.read(0)[0])
        stored = example.features.feature["image"].bytes_list.value[0]
        self.assertEqual(stored, images.normalise(draw_levels(6, 8, 22)).tobytes())

    def test_what_write_shard_reports_is_what_it_leaves(self):
        os.makedirs(self.job.reports)
        report = shards.write_shard(self.job, 3)
        with open(self.job.report_path(3), encoding="utf-8") as file:
            left = json.load(file)
        self.assertEqual(left["shard"], report["shard"])
        self.assertEqual([row[1] for row in left["refused"]], ["numbers:7"])

    def test_a_source_that_fails_leaves_neither_a_shard_nor_a_report(self):
        os.makedirs(self.job.reports)
        with self.assertRaisesRegex(ValueError, "a bug in the source"):
            shards.write_shard(dataclasses.replace(self.job, source=NumberSource(fails=True)), 0)
        self.assertEqual(os.listdir(self.folder), ["train.reports"])
        self.assertEqual(os.listdir(self.job.reports), [])

    def test_a_run_whose_source_fails_fails(self):
        job = dataclasses.replace(self.job, source=NumberSource(fails=True))
        with self.assertRaisesRegex(Exception, "a bug in the source"):
            shards.write_shards(job, workers=1, options=PipelineOptions([]))

    def test_a_job_travels_to_workers(self):
        self.assertEqual(pickle.loads(pickle.dumps(self.job)), self.job)

    def test_sweep_removes_a_splits_leftovers_and_nothing_else(self):
        leftovers = [
            "train-00000-of-00002.tfrecord",
            "train-123456-of-200000.tfrecord",
            "train-00001-of-00002.tfrecord.tmp-0a1b2c3d",
            "train.rejects.tsv",
            "train.rejects.tsv.tmp-0a1b2c3d",
            "train.plan.npy",
            "train.plan.npy.tmp-0a1b2c3d",
        ]
        others = [
            "dataset.json",
            "notes-train.txt",
            "retrain.rejects.tsv",
            "test-00000-of-00002.tfrecord",
            "test.rejects.tsv",
            "train.rejects.tsv.old",
            "train.txt",
            "train_2-00000-of-00002.tfrecord",
        ]
        for name in leftovers + others:
            open(os.path.join(self.folder, name), "w").close()
        os.makedirs(os.path.join(self.folder, "train.reports", "deep"))
        shards.sweep(self.folder, "train")
        self.assertEqual(sorted(os.listdir(self.folder)), others)

    def test_sweep_of_a_folder_that_is_not_there_is_fine(self):
        shards.sweep(os.path.join(self.folder, "none"), "train")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    tf.test.main()
