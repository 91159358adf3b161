"""The Beam runner of a job: LocalRunner on this machine, or the one that Beam's own options name.

Beam's DirectRunner may fetch another runner over the network before it runs anything. LocalRunner never does,
and runs the same steps in the same order every time.
"""

import contextlib
import copy
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.options.pipeline_options import _BeamArgumentParser as BeamArgumentParser
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner, worker_handlers
from apache_beam.runners.portability.portable_runner import JobServiceHandle, PortableRunner
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState, create_runner
from apache_beam.transforms.environments import PythonLoopbackEnvironment
from google.protobuf import json_format, text_format

from densenet_ocr.beam_jobs.engine.runner import worker
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import MissingPackage
from densenet_ocr.pipeline.storage import MissingFile, NoPermission

# Packages of runners whose workers are always on this machine.
_LOCAL_RUNNERS = ("apache_beam.runners.direct", "apache_beam.runners.portability.fn_api_runner")

_WORKER_URN = "densenet_ocr:env:worker_process:v1"

# Errors of workers, which runners pass on as the text of a traceback.
_WORKER_ERRORS = (UserError, MissingPackage, MissingFile, NoPermission)


class LocalRunner(fn_runner.FnApiRunner):
    """FnApiRunner whose worker processes get the pipeline's options, and whose run fails when a worker dies."""

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> Any:
        """Runs a pipeline to its end; the base class would give its workers no options."""
        self._provision_info = fn_runner.ExtendedProvisionInfo(
            beam_provision_api_pb2.ProvisionInfo(
                retrieval_token="unused",
                pipeline_options=JobServiceHandle.encode_pipeline_options(
                    options.get_all_options(drop_default=True)
                ),
            )
        )
        return super().run_pipeline(pipeline, options)

    def run_via_runner_api(self, pipeline_proto: Any, options: PipelineOptions) -> Any:
        """Runs a pipeline's proto, with our worker process instead of Beam's."""
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.urn = _WORKER_URN
        with _without_stream_errors():
            return super().run_via_runner_api(pipeline_proto, options)


@contextlib.contextmanager
def _without_stream_errors() -> Iterator[None]:
    """Silences Beam's threads about a broken stream to a worker; WorkerProcess reports its death once."""
    original = threading.excepthook

    def report(failure: threading.ExceptHookArgs) -> None:
        if not issubclass(failure.exc_type, grpc.RpcError):
            original(failure)

    threading.excepthook = report
    try:
        yield
    finally:
        threading.excepthook = original


@worker_handlers.WorkerHandler.register_environment(_WORKER_URN, bytes)
class WorkerProcess(worker_handlers.GrpcWorkerHandler):
    """One worker process. Beam's own handler would wait for ever for a process that was killed."""

    def __init__(self, payload: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._closing = threading.Event()

    def start_worker(self) -> None:
        """Starts the process, and a thread that watches it."""
        started = threading.Event()
        arguments = (self._make_environment(), started)
        threading.Thread(target=self._run, args=arguments, name="worker", daemon=True).start()
        started.wait()

    def close(self) -> None:
        """Ends the process."""
        self._closing.set()
        super().close()

    def stop_worker(self) -> None:
        """Waits for the process; kills one that still works, because the run has failed elsewhere."""
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _make_environment(self) -> dict[str, str]:
        options = self.provision_info.provision_info.pipeline_options
        return {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(
                self.control_api_service_descriptor()
            ),
            "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(
                self.logging_api_service_descriptor()
            ),
            "PIPELINE_OPTIONS": json_format.MessageToJson(options),
            "WORKER_ID": self.worker_id,
            worker.PARENT: str(os.getpid()),
        }

    def _run(self, environment: dict[str, str], started: threading.Event) -> None:
        # The worker ends with the thread that starts it (see worker.py), so this thread stays until then.
        self._process = subprocess.Popen([sys.executable, "-m", worker.__name__], env=os.environ | environment)
        started.set()
        code = self._process.wait()
        while not self._closing.wait(0.2):
            # Answers every request, also later ones, as the worker itself reports a failure.
            for request in list(self.control_conn._futures_by_id.values()):
                error = f"{UserError.__module__}.{UserError.__name__}: {_describe_death(code)}"
                request.set(
                    beam_fn_api_pb2.InstructionResponse(instruction_id=request.instruction_id, error=error)
                )


def _describe_death(code: int) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return str(
        UserError(
            "worker process",
            received=f"one that {how}",
            expected="one that works until all shards are written",
            remedy="Signal 9 often means that memory ran out: give fewer --workers. "
            "The same command resumes with the missing shards.",
        )
    )


def choose_runner(options: PipelineOptions, *, workers: int) -> tuple[PipelineRunner, PipelineOptions]:
    """Returns the runner of a job and its options.

    Args:
      options: Beam's options; where they name no runner, LocalRunner is taken.
      workers: Processes of the local runner.

    Raises:
      UserError: Beam does not know the runner.
    """
    name = options.view_as(StandardOptions).runner
    if not name:
        direct = options.view_as(DirectOptions)
        direct.direct_num_workers = workers
        direct.direct_running_mode = "multi_processing" if workers > 1 else "in_memory"
        return LocalRunner(), options
    return _create_runner(name), options


def _create_runner(name: str) -> PipelineRunner:
    try:
        return create_runner(name)
    except (ValueError, ImportError) as error:
        raise _refuse(f"--runner={name} ({str(error).splitlines()[0]})") from None


def is_remote(options: PipelineOptions) -> bool:
    """Returns whether the workers of a runner may run on other machines, or in containers.

    Those of a job server are local where the environment is LOOPBACK, which starts them in this process.
    """
    name = options.view_as(StandardOptions).runner
    if not name:
        return False
    runner = _create_runner(name)
    if isinstance(runner, PortableRunner):
        # A copy, because a runner writes its default into the options.
        try:
            environment = runner.default_environment(copy.deepcopy(options))
        except (ValueError, TypeError) as error:  # TypeError where EXTERNAL has no --environment_config
            raise _refuse(" ".join(str(error).split())) from None
        return not isinstance(environment, PythonLoopbackEnvironment)
    return not type(runner).__module__.startswith(_LOCAL_RUNNERS)


def run_pipeline(pipeline: beam.Pipeline, *, seconds: float | None = None) -> str:
    """Runs a pipeline and returns its state at the end, or after `seconds`, when it is cancelled.

    A pipeline on a remote runner would outlive the driver and write on, so whatever ends the wait cancels it.

    Raises:
      UserError: a worker raised it, or was killed.
    """
    try:
        result = pipeline.run()
        try:
            state = result.wait_until_finish(duration=int(1000 * seconds) if seconds else None)
        except BaseException:
            _cancel(result)
            raise
    except (Exception, KeyboardInterrupt) as error:
        _raise_worker_error(error)
        raise
    if not PipelineState.is_terminal(state):
        _cancel(result)
    return state


def _cancel(result: PipelineResult) -> None:
    with contextlib.suppress(Exception):  # it may have ended, or the runner may be out of reach
        result.cancel()


def _raise_worker_error(error: BaseException) -> None:
    """Raises again the UserError or Ctrl-C of a worker that the text of `error` has, if it has one."""
    if re.search("^KeyboardInterrupt", str(error), re.MULTILINE):
        raise KeyboardInterrupt from None
    names = "|".join(re.escape(f"{kind.__module__}.{kind.__name__}") for kind in _WORKER_ERRORS)
    found = re.findall(rf"^(?:{names}): (.*?)(?: \[while running|$)", str(error), re.MULTILINE)
    if found:
        raise UserError.of_text(found[-1]) from error


def parse_options(beam_arguments: list[str]) -> PipelineOptions:
    """Parses Beam's options.

    Raises:
      UserError: Beam does not know an option, which Beam itself would only log.
    """
    parser = _Parser(allow_abbrev=False, add_help=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    given, unknown = parser.parse_known_args(beam_arguments)
    if unknown:
        raise _refuse(" ".join(unknown))
    if not given.runner and any(word.startswith("--direct_") for word in beam_arguments):
        raise _refuse("an option of Beam's direct runner, which is not used here: --workers sets the processes")
    return PipelineOptions(beam_arguments)


class _Parser(BeamArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _refuse(message)


def _refuse(received: str) -> UserError:
    return UserError(
        "Beam options after --",
        received=received,
        expected="options that this version of Beam knows, as --name=value",
        remedy="Check their spelling; options of densenet-ocr precede the --.",
    )
