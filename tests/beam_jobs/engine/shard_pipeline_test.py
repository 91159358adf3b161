"""Shards written by the engine, with a source of our own."""

import dataclasses
import errno
import os
import pickle
from collections.abc import Iterator
from unittest import mock

import google_crc32c
import tensorflow as tf

from densenet_ocr.beam_jobs.engine import reports
from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.runner.execution import Execution
from densenet_ocr.beam_jobs.engine.shard_job import ShardJob, count_rows, count_unfinished_rows
from densenet_ocr.beam_jobs.engine.shard_pipeline import count_done_rows, run_shards, write_shard
from densenet_ocr.beam_jobs.engine.source import RefusedRow
from densenet_ocr.beam_jobs.engine.split_state import remove_outputs, remove_temporary
from densenet_ocr.beam_jobs.engine.tfrecord_writer import TFRecordShardWriter
from densenet_ocr.pipeline import images, schema
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.schema import Record
from densenet_ocr.pipeline.tfrecord import records
from tests.samples import CHARSET, draw_levels

# Shard -> what the source yields, by number: even numbers are records, odd ones refusals.
SHARDS = ((6, 3, 0), (1, 5), (), (4, 7, 8, 2))


@dataclasses.dataclass(frozen=True)
class NumberPlan:
    """Shards of different sizes."""

    rows: int = sum(map(len, SHARDS))
    shard_count: int = len(SHARDS)


@dataclasses.dataclass(frozen=True)
class NumberSource:
    """Lines that are drawn, not read: a second kind of source."""

    fails: bool = False

    def read(self, shard: int) -> Iterator[Record | RefusedRow]:
        for number in SHARDS[shard]:
            if number % 2:
                reason = "bad_id" if number == 5 else "no_label"
                yield RefusedRow(number, f"numbers:{number}", f"row\t{number}\\\r\n春", reason, "odd")
            else:
                yield Record(f"n{number}", draw_levels(number, 8, 16 + number), [number, number])
        if self.fails:
            raise ValueError("a bug in the source")


def make_writer(image_encoding: str) -> TFRecordShardWriter:
    return TFRecordShardWriter(DatasetInfo(CHARSET, Geometry(8, 0), image_encoding))


class ShardsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.job = ShardJob(
            folder=self.folder,
            split="train",
            plan=NumberPlan(),
            source=NumberSource(),
            writer=make_writer("uint8"),
            digest="d1",
        )
        self.state = self.job.state_folder

    def write(self):
        execution = Execution.of(1, [], RemoteConfig())
        run_shards(self.job, range(len(SHARDS)), verb="convert", execution=execution)
        return reports.merge_reports(self.job, sources={"made_of": "numbers"})

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

    def test_the_description_has_each_shards_name_records_size_and_checksum(self):
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

    def test_refusals_are_in_the_inputs_order_one_per_line(self):
        self.write()
        with open(self.job.rejects_path, encoding="utf-8", newline="\n") as file:
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
        self.job = dataclasses.replace(self.job, writer=make_writer("float32"))
        self.write()
        example = tf.train.Example.FromString(self.read(0)[0])
        stored = example.features.feature["image"].bytes_list.value[0]
        self.assertEqual(stored, images.normalise(draw_levels(6, 8, 22)).tobytes())

    def test_a_report_is_read_back_as_it_was_saved(self):
        os.makedirs(self.state)
        report = write_shard(self.job, 3)
        self.assertEqual(reports.load_report(self.job, 3), report)
        self.assertEqual([row.where for row in report.refused], ["numbers:7"])

    def test_rows_count_as_done_while_their_shard_is_written_and_once_it_is(self):
        os.makedirs(self.state)
        with count_rows(self.job, 0) as count:
            self.assertEqual(count_done_rows(self.job, 800, 4), 0)
            count(63)
            self.assertEqual(count_unfinished_rows(self.job), {0: 0})  # written 64 rows at a time
            count(2)
            self.assertEqual(count_unfinished_rows(self.job), {0: 65})
            self.assertEqual(count_done_rows(self.job, 800, 4), 65)
            write_shard(self.job, 3)
            self.assertEqual(count_done_rows(self.job, 800, 4), 265)
        write_shard(self.job, 0)
        self.assertEqual(count_done_rows(self.job, 800, 4), 400)
        self.assertEqual(sorted(os.listdir(self.state)), ["00000.json", "00003.json"])

    def test_nothing_fails_where_rows_cannot_be_counted(self):
        with count_rows(self.job, 0) as count:
            count(2)
        self.assertEqual(count_done_rows(self.job, 8, 4), 0)

    def test_an_intact_shard_is_not_written_again(self):
        os.makedirs(self.state)
        report = write_shard(self.job, 3)
        no_more = dataclasses.replace(self.job, source=NumberSource(fails=True))
        self.assertEqual(write_shard(no_more, 3), report)

    def test_a_shard_of_another_job_is_written_again(self):
        os.makedirs(self.state)
        write_shard(dataclasses.replace(self.job, digest="d2", writer=make_writer("float32")), 3)
        write_shard(self.job, 3)
        self.assertEqual(self.read(3)[0], schema.encode(Record("n4", draw_levels(4, 8, 20), [4, 4]), "uint8"))

    def test_a_source_that_fails_leaves_neither_a_shard_nor_a_report(self):
        os.makedirs(self.state)
        with self.assertRaisesRegex(ValueError, "a bug in the source"):
            write_shard(dataclasses.replace(self.job, source=NumberSource(fails=True)), 0)
        self.assertEqual(os.listdir(self.folder), ["train.unfinished"])
        self.assertEqual(os.listdir(self.state), [])

    def test_a_run_whose_source_fails_fails(self):
        self.job = dataclasses.replace(self.job, source=NumberSource(fails=True))
        with self.assertRaisesRegex(Exception, "a bug in the source"):
            self.write()

    def test_a_full_disk_is_reported_as_such(self):
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with (
            mock.patch.object(records.RecordWriter, "write", side_effect=full),
            self.assertRaisesWithLiteralMatch(
                UserError,
                f"file {self.folder}/train-00000-of-00004.tfrecord: received No space left on device, "
                "expected free space. Free space and run the same command again.",
            ),
        ):
            self.write()
        self.assertEqual(os.listdir(self.folder), ["train.unfinished"])
        self.write()

    def test_shards_that_lack_rows_are_an_error(self):
        self.job = dataclasses.replace(self.job, plan=NumberPlan(rows=10))
        with self.assertRaisesRegex(ValueError, "the shards have 9 rows, the plan has 10"):
            self.write()

    def test_a_job_can_be_pickled(self):
        self.assertEqual(pickle.loads(pickle.dumps(self.job)), self.job)

    def touch(self, names: list[str]) -> None:
        os.makedirs(self.state)
        for name in names:
            open(os.path.join(self.folder, name), "w").close()

    OTHERS = (
        "dataset.json",
        "dataset.json.tmp-0a1b2c3d",
        "notes-train.txt",
        "retrain.rejects.tsv",
        "test-00000-of-00002.tfrecord",
        "test.rejects.tsv",
        "train.rejects.tsv.old",
        "train.txt",
        "train.unfinished",
        "train_2-00000-of-00002.tfrecord",
    )
    FINISHED = (
        "train-00000-of-00002.tfrecord",
        "train-123456-of-200000.tfrecord",
        "train.rejects.tsv",
        "train.unfinished/00000.json",
    )
    TEMPORARY = (
        "train-00001-of-00002.tfrecord.tmp-0a1b2c3d",
        "train.rejects.tsv.tmp-0a1b2c3d",
        "train.unfinished/00000.json.tmp-0a1b2c3d",
    )

    def left(self) -> list[str]:
        names = [f"train.unfinished/{name}" for name in os.listdir(self.state)]
        return sorted(os.listdir(self.folder) + names)

    def test_removing_outputs_keeps_other_splits_and_the_plan(self):
        kept = [*self.OTHERS, "train.unfinished/plan.npy"]
        self.touch([*kept[:8], *kept[9:], *self.FINISHED, *self.TEMPORARY])
        remove_outputs(self.folder, "train")
        self.assertEqual(self.left(), sorted(kept))

    def test_removing_temporary_files_keeps_what_is_finished(self):
        kept = [*self.OTHERS, *self.FINISHED]
        self.touch([*kept[:8], *kept[9:], *self.TEMPORARY])
        remove_temporary(self.folder, "train")
        self.assertEqual(self.left(), sorted(kept))

    def test_removing_from_a_folder_that_does_not_exist_is_fine(self):
        remove_outputs(os.path.join(self.folder, "none"), "train")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    tf.test.main()
