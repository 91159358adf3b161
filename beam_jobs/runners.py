"""Which Beam runner a job gets: ours for this machine, or the one that Beam's own options name.

Beam's DirectRunner is a switch that may fetch another runner over the network before it runs anything;
LocalRunner never does, and runs the same steps in the same order every time.
"""

import os
import shlex
import sys

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.options.pipeline_options import _BeamArgumentParser as BeamArgumentParser
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import create_runner

from pipeline.errors import UserError

WORKER = "beam_jobs.worker"


class LocalRunner(fn_runner.FnApiRunner):
    """FnApiRunner whose worker processes get the pipeline's options and run our worker module."""

    def run_pipeline(self, pipeline, options):
        """Runs the pipeline to its end; the base class would hand its workers no options."""
        self._provision_info = fn_runner.ExtendedProvisionInfo(
            beam_provision_api_pb2.ProvisionInfo(
                retrieval_token="unused",
                pipeline_options=JobServiceHandle.encode_pipeline_options(
                    options.get_all_options(drop_default=True)
                ),
            )
        )
        return super().run_pipeline(pipeline, options)

    def run_via_runner_api(self, pipeline_proto, options):
        """Runs the pipeline's protocol form, with our worker in place of Beam's."""
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.payload = shlex.join([sys.executable, "-m", WORKER]).encode()
        return super().run_via_runner_api(pipeline_proto, options)


def choose_runner(options: PipelineOptions, *, workers: int):
    """(runner, options) for a job: `workers` processes here, unless Beam's options name a runner."""
    name = options.view_as(StandardOptions).runner
    if not name:
        direct = options.view_as(DirectOptions)
        direct.direct_num_workers = workers
        direct.direct_running_mode = "multi_processing" if workers > 1 else "in_memory"
        return LocalRunner(), options
    try:
        return create_runner(name), options
    except ValueError as error:
        raise _refuse(f"--runner={name} ({str(error).splitlines()[0]})") from None


def count_workers(workers: int, shards: int) -> int:
    """Processes worth starting: as many as asked for (0: one a core), no more than there are shards."""
    return min(workers or os.cpu_count() or 1, shards)


def parse_options(beam_arguments: list[str]) -> PipelineOptions:
    """Beam's options; raises UserError for what Beam does not know, which Beam itself would only log."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    given, unknown = parser.parse_known_args(beam_arguments)
    if unknown:
        raise _refuse(" ".join(unknown))
    if not given.runner and any(word.startswith("--direct_") for word in beam_arguments):
        raise _refuse(
            "an option of Beam's direct runner, which does not run here: --workers sets the processes"
        )
    return PipelineOptions(beam_arguments)


class _Parser(BeamArgumentParser):
    def error(self, message: str):
        raise _refuse(message)


def _refuse(received: str) -> UserError:
    return UserError(
        "Beam options after --",
        received=received,
        expected="options that this version of Beam knows, as --name=value",
        remedy="Check their spelling; options of densenet-ocr stand before the --.",
    )
