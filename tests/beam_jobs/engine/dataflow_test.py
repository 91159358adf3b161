"""Jobs for Dataflow, as far as they go without an account: options, and the graph that would be sent."""

import base64
import bz2
import os
import pickletools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import GoogleCloudOptions, StandardOptions
from apache_beam.portability.api import beam_runner_api_pb2

from densenet_ocr.beam_jobs.conversion.config import ConversionConfig
from densenet_ocr.beam_jobs.conversion.job import convert
from densenet_ocr.beam_jobs.engine import shard_pipeline
from densenet_ocr.beam_jobs.engine.config import RemoteConfig
from densenet_ocr.beam_jobs.engine.runner import execution
from densenet_ocr.beam_jobs.engine.runner.beam_runner import is_remote, parse_options
from densenet_ocr.beam_jobs.synthesis.config import SynthesisConfig
from densenet_ocr.beam_jobs.synthesis.job import synthesize
from densenet_ocr.beam_jobs.transcription.config import TranscriptionConfig
from densenet_ocr.beam_jobs.transcription.job import transcribe
from densenet_ocr.pipeline.charset import Charset
from tests.beam_jobs.transcription.fake_model import write_export
from tests.samples import write_lines

OPTIONS = [
    "--runner=DataflowRunner",
    "--project=lines",
    "--region=europe-west1",
    "--temp_location=gs://lines/temp",
    "--sdk_container_image=europe-docker.pkg.dev/lines/ocr/worker",
    "--job_name=convert-lines",
    "--max_num_workers=100",
]

# The shards of 3.3 million rows; here each has one row.
SHARDS = 806
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(convert.__code__.co_filename)))
CHINESE = Charset("".join(map(chr, range(0x4E00, 0x4E00 + 5989))))

# Dataflow's limit for a graph.
MOST_BYTES = 10_000_000


class StopError(Exception):
    """Ends a job where its pipeline would run."""


class DataflowTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.create_tempdir().full_path)
        self.charset = os.path.join(self.folder, "charset.txt")
        CHINESE.write(self.charset)
        write_lines(self.folder, 1)
        self.list = os.path.join(self.folder, "rows.txt")
        with open(self.list, "w") as file:
            file.writelines("0.png\t一\n" for _ in range(SHARDS))
        self.output = os.path.join(self.folder, "out")

    def build(self, job: Callable[..., Any], config: Any) -> beam_runner_api_pb2.Pipeline:
        """The graph that a job would send."""
        graphs = []

        def stop(pipeline: beam.Pipeline, *, seconds: float | None = None) -> str:
            if seconds:
                return "DONE"  # the trial
            graphs.append(pipeline.to_runner_api())
            raise StopError

        remote = RemoteConfig(shared_folders=(self.folder,))
        with (
            mock.patch.object(execution, "run_pipeline", stop),
            mock.patch.object(shard_pipeline, "run_pipeline", stop),
            self.assertRaises(StopError),
        ):
            job(config, beam_arguments=OPTIONS, remote=remote)
        return graphs[0]

    def check(self, graph: beam_runner_api_pb2.Pipeline) -> None:
        self.assertLess(graph.ByteSize(), MOST_BYTES)
        text = "".join(map(str, read_strings(graph)))
        self.assertNotIn("__main__", text)
        self.assertIn(self.output, text)
        # Of local paths only those that the flags gave; Beam's own functions name its source files.
        for package in ("beam_jobs", "pipeline", "tests"):
            self.assertNotIn(os.path.join(ROOT, package, ""), text)

    def test_options_are_known_and_the_runner_is_a_remote_one(self):
        options = parse_options(OPTIONS)
        self.assertEqual(options.view_as(GoogleCloudOptions).temp_location, "gs://lines/temp")
        self.assertEqual(options.view_as(StandardOptions).runner, "DataflowRunner")
        self.assertTrue(is_remote(options))

    def test_the_graph_of_a_conversion(self):
        config = ConversionConfig(
            list_paths=(self.list,),
            charset_path=self.charset,
            output=self.output,
            duplicates="keep",
            lines_per_shard=1,
        )
        self.check(self.build(convert, config))

    def test_the_graph_of_a_synthesis(self):
        config = SynthesisConfig(
            charset_path=self.charset,
            text=("charset",),
            fonts=("pillow",),
            style="plain",
            output=self.output,
            lines=SHARDS,
            lines_per_shard=1,
        )
        Charset("0123456789").write(self.charset)
        self.check(self.build(synthesize, config))

    def test_the_graph_of_a_transcription(self):
        config = TranscriptionConfig(
            list_paths=(self.list,),
            image_root=self.folder,
            model=write_export(os.path.join(self.folder, "export")),
            output=self.output,
            lines_per_shard=1,
        )
        self.check(self.build(transcribe, config))


def read_strings(graph: beam_runner_api_pb2.Pipeline) -> Iterator[Any]:
    """Yields what the pickles in the payloads of a graph have: strings, names of modules and functions."""
    for transform in graph.components.transforms.values():
        if transform.spec.urn == "beam:transform:pardo:v1":
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload).do_fn.payload
            # As apache_beam.internal.cloudpickle_pickler writes them.
            data = bz2.decompress(base64.b64decode(payload))
            yield from (argument for _, argument, _ in pickletools.genops(data) if argument is not None)


if __name__ == "__main__":
    tf.test.main()
