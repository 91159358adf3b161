"""Shards of transcripts: rows, escapes, windows and batches."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.engine.shard_job import ShardJob, count_unfinished_rows
from densenet_ocr.beam_jobs.engine.shard_pipeline import write_shard
from densenet_ocr.beam_jobs.engine.source import RefusedRow, ShardPlan
from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW
from densenet_ocr.beam_jobs.transcription import transcript_writer
from densenet_ocr.beam_jobs.transcription.image_source import ImageRow
from densenet_ocr.beam_jobs.transcription.transcript_writer import (
    TranscriptWriter,
)
from tests.beam_jobs.transcription.fake_model import FakeModel, read_line
from tests.beam_jobs.transcription.transcripts import Transcript, read_transcripts
from tests.samples import draw_levels

# A line of each of these widths, 0 for a row whose image is missing.
WIDTHS = (64, 40, 0, 300, 40, 0, 41, 64, 8)


class RowSource:
    """Rows that are drawn, not read."""

    def __init__(self, widths=WIDTHS):
        self.widths = widths

    def read(self, shard: int):
        for number, width in enumerate(self.widths):
            refused = RefusedRow(number, f"list:{number}", f"{number}.png", "missing_image", "no file")
            yield ImageRow(f"{number}.png", draw_levels(number, width=width) if width else refused)


class RecordingModel(FakeModel):
    """Notes the shapes and widths of its batches."""

    def __init__(self, texts: list[str] | None = None):
        self.batches, self._texts = [], texts

    def read(self, levels, widths):
        assert (levels.dtype, widths.dtype) == (np.uint8, np.int32)
        self.batches.append((levels.shape, widths.tolist()))
        found = super().read(levels, widths)
        if self._texts:
            found = [line._replace(text=text) for line, text in zip(found, self._texts, strict=True)]
        return found


class TranscriptsTest(parameterized.TestCase, tf.test.TestCase):
    def write(self, model=None, source=None, batch_size: int = 3):
        """Writes one shard; returns its report and its path."""
        job = self.make_job(TranscriptWriter(batch_size, model or FakeModel()), source or RowSource())
        return write_shard(job, 0), job.shard_path(0)

    def make_job(self, writer: TranscriptWriter, source: RowSource) -> ShardJob:
        folder = self.create_tempdir().full_path
        plan = ShardPlan("", len(source.widths), len(source.widths), PLAN_ROW)
        job = ShardJob(folder=folder, split="transcripts", plan=plan, source=source, writer=writer, digest="d")
        os.makedirs(job.state_folder)
        return job

    @parameterized.parameters(1, 2, 3, 100)
    def test_every_row_of_the_source_is_a_row_of_the_shard_in_order(self, batch_size):
        _, path = self.write(batch_size=batch_size)
        expected = [
            Transcript(f"{k}.png", read_line(draw_levels(k, width=width)), width / 1000, "")
            if width
            else Transcript(f"{k}.png", "", 0.0, "missing_image")
            for k, width in enumerate(WIDTHS)
        ]
        self.assertEqual(list(read_transcripts(path)), expected)

    def test_a_report_has_counts_size_and_checksum(self):
        report, path = self.write()
        self.assertEqual((report.shard.records, len(report.refused)), (7, 2))
        self.assertEqual(report.shard.bytes, os.path.getsize(path))
        self.assertEqual([row.where for row in report.refused], ["list:2", "list:5"])

    def test_rows_are_counted_while_a_shard_is_written(self):
        counted, source = [], RowSource((0, *[64] * 200))

        class CountingModel(FakeModel):
            def read(self, levels, widths):
                counted.append(count_unfinished_rows(job)[0])
                return super().read(levels, widths)

        job = self.make_job(TranscriptWriter(50, CountingModel()), source)
        write_shard(job, 0)
        self.assertEqual(counted, [0, 0, 101, 101])  # 1 + 50 + 50, written once 64 are done
        self.assertEqual(os.listdir(job.state_folder), ["00000.json"])

    def test_lines_of_similar_width_share_a_batch_of_limited_size(self):
        model = RecordingModel()
        self.write(model)
        self.assertEqual(
            model.batches,
            [((1, 32, 8), [8]), ((3, 32, 41), [40, 40, 41]), ((2, 32, 64), [64, 64]), ((1, 32, 300), [300])],
        )

    def test_long_lines_make_small_windows(self):
        model = RecordingModel()
        longest = transcript_writer._WINDOW_PIXELS // 32
        self.write(model, RowSource((longest, longest, 40, 40)))
        self.assertEqual([widths for _, widths in model.batches], [[longest], [longest], [40, 40]])

    def test_a_shard_without_a_readable_line_needs_no_model(self):
        model = RecordingModel()
        report, path = self.write(model, RowSource((0, 0)))
        self.assertEqual((report.shard.records, model.batches), (0, []))
        self.assertLen(list(read_transcripts(path)), 2)

    @parameterized.parameters(
        "a\tb", "\t", "a\\tb", "\\", "\\\\n", "a\r\nb\n", "春\u2028夏\x85\x0b\x0c", " blanks ", "", '"quoted"'
    )
    def test_any_text_is_read_back_from_one_row(self, text):
        _, path = self.write(RecordingModel([text]), RowSource((64,)))
        with open(path, "rb") as file:
            data = file.read()
        self.assertEqual((data.count(b"\n"), data.count(b"\t"), data.count(b"\r")), (1, 3, 0))
        self.assertEqual([row.text for row in read_transcripts(path)], [text])

    def test_rows_are_as_documented(self):
        _, path = self.write(RecordingModel(["a\tb\\"]), RowSource((64, 0)))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "0.png\ta\\tb\\\\\t0.0640\t\n1.png\t\t0.0000\tmissing_image\n")

    def test_a_model_that_loses_a_line_is_an_error(self):
        with self.assertRaises(ValueError):
            self.write(RecordingModel(["one"]), RowSource((64, 64)))


if __name__ == "__main__":
    tf.test.main()
