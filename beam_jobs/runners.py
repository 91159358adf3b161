"""Which Beam runner a job gets: ours for this machine, or the one that Beam's own options name.

Beam's DirectRunner is a switch that may fetch another runner over the network before it runs anything;
LocalRunner never does, and runs the same steps in the same order every time.
"""

import os

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import create_runner

from pipeline.errors import UserError


class LocalRunner(fn_runner.FnApiRunner):
    """FnApiRunner whose worker processes get the pipeline's options; the base class hands them none."""

    def run_pipeline(self, pipeline, options):
        """Runs the pipeline to its end; see the base class."""
        self._provision_info = fn_runner.ExtendedProvisionInfo(
            beam_provision_api_pb2.ProvisionInfo(
                retrieval_token="unused",
                pipeline_options=JobServiceHandle.encode_pipeline_options(options.get_all_options()),
            )
        )
        return super().run_pipeline(pipeline, options)


def choose_runner(beam_arguments: list[str], *, workers: int):
    """(runner, options) for a job: `workers` processes here, unless Beam's arguments name a runner."""
    options = parse_options(beam_arguments)
    name = options.view_as(StandardOptions).runner
    if name:
        return create_runner(name), options
    mode = "multi_processing" if workers > 1 else "in_memory"
    local = PipelineOptions(beam_arguments, direct_num_workers=workers, direct_running_mode=mode)
    return LocalRunner(), local


def count_workers(workers: int, shards: int) -> int:
    """Processes worth starting: as many as asked for (0: one a core), no more than there are shards."""
    return min(workers or os.cpu_count() or 1, shards)


def parse_options(beam_arguments: list[str]) -> PipelineOptions:
    """Beam's options; raises UserError for one that Beam does not know, which Beam itself would only log."""
    # These runners declare their options when they are imported.
    from apache_beam.runners.portability import flink_runner, spark_runner  # noqa: F401

    options = PipelineOptions(beam_arguments)
    known = options.get_all_options()
    unknown = [name for name in options.get_all_options(retain_unknown_options=True) if name not in known]
    stray = [word for word in beam_arguments[:1] if not word.startswith("-")]
    if unknown or stray:
        raise UserError(
            "Beam options after --",
            received=", ".join([*stray, *(f"--{name}" for name in unknown)]),
            expected="options that this version of Beam knows",
            remedy="Check their spelling; options of densenet-ocr stand before the --.",
        )
    return options
