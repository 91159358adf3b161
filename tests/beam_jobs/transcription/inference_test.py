"""RunInference over shards: what a worker sets, loads and counts."""

import functools
import os
from unittest import mock

import apache_beam as beam
import tensorflow as tf
from absl.testing import parameterized
from apache_beam.ml.inference.base import RunInference

from densenet_ocr.beam_jobs.engine.runner.beam_runner import LocalRunner
from densenet_ocr.beam_jobs.engine.shard_job import ShardJob
from densenet_ocr.beam_jobs.engine.source import ShardPlan
from densenet_ocr.beam_jobs.sources.rows import PLAN_ROW
from densenet_ocr.beam_jobs.transcription.inference import TranscriptionHandler, count_threads, make_environment
from densenet_ocr.beam_jobs.transcription.transcript_writer import TranscriptWriter
from tests.beam_jobs.transcription.fake_model import FakeModel
from tests.beam_jobs.transcription.transcript_writer_test import RowSource

LOADED = []


def load_and_note(folder: str) -> FakeModel:
    """A model; notes what was set when it was loaded."""
    LOADED.append((folder, os.environ.get("NOTED")))
    return FakeModel()


class InferenceTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_worker_loads_one_model_and_counts_shards_lines_and_refusals(self):
        folder = self.create_tempdir().full_path
        job = ShardJob(
            folder=folder,
            split="transcripts",
            plan=ShardPlan("", 18, 9, PLAN_ROW),
            source=RowSource(),
            writer=TranscriptWriter(3),
            digest="d",
        )
        os.makedirs(job.state_folder)
        load = functools.partial(load_and_note, "export")
        LOADED.clear()
        with mock.patch.dict(os.environ):
            pipeline = beam.Pipeline(runner=LocalRunner())
            pipeline | beam.Create([0, 1]) | RunInference(TranscriptionHandler(job, load, {"NOTED": "yes"}))
            metrics = pipeline.run().metrics().query()
        self.assertEqual(LOADED, [("export", "yes")])
        counted = {found.key.metric.name: found.result for found in metrics["counters"]}
        self.assertContainsSubset(
            {"num_inferences": 2, "transcribed": 14, "missing_image": 4}.items(), counted.items()
        )

    def test_processes_share_the_cores(self):
        with mock.patch.object(os, "cpu_count", return_value=8):
            self.assertEqual([count_threads(n) for n in (1, 2, 3, 8, 9)], [0, 4, 2, 1, 1])

    def test_tensorflow_is_set_up_unless_it_is_already(self):
        with mock.patch.dict(os.environ, clear=True):
            expected = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
            self.assertEqual(make_environment(0), expected)
            self.assertEqual(make_environment(2)["TF_NUM_INTRAOP_THREADS"], "2")
            os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_NUM_INTRAOP_THREADS": "7"}
            self.assertEqual(make_environment(0), {**expected, "TF_CPP_MIN_LOG_LEVEL": "0"})
            self.assertEqual(make_environment(2)["TF_NUM_INTRAOP_THREADS"], "7")


if __name__ == "__main__":
    tf.test.main()
