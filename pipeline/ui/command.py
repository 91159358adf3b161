"""Entry point of binaries: flags, strict arguments, error messages, exit codes, the result line."""

import importlib.metadata
import io
import json
import logging as std_logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

from absl import app, logging
from absl import flags as absl_flags

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import explain_missing
from densenet_ocr.pipeline.ui import flags

# 128 + the number of the signal, as in shells.
INTERRUPTED, CLOSED = 130, 141  # SIGINT, SIGPIPE

# Modules of TensorFlow whose warnings do not matter here: saving, gradients that an export lacks.
_TENSORFLOW_CHATTER = (
    "collective_all_reduce_strategy",
    "cross_device_ops",
    "function_deserialization",
    "functional_saver",
    "mirrored_strategy",
)

# What workers log, also through a job server.
_BEAM_WORKERS = (
    "apache_beam/runners/worker/",
    "apache_beam/runners/portability/fn_api_runner/",
    "apache_beam/runners/portability/portable_runner.py",
)


def run(
    main: Callable[..., int | None],
    *,
    configs: Sequence[type] = (),
    words: bool = False,
    beam: bool = False,
    resumes: bool = False,
) -> None:
    """Runs a binary: defines and parses flags, calls main, exits with its result.

    The exit code is 1 after a UserError, 130 after Ctrl-C, and 141 when the reader of standard output has gone.

    Args:
      main: Called with the extra arguments that `words` and `beam` ask for; returns the exit code, None for 0.
      configs: Configuration dataclasses whose fields are the binary's flags (see ui.flags).
      words: Passes main the arguments that are not flags, with everything after `--`.
      beam: Passes main the arguments after `--`. A binary that takes neither refuses stray arguments.
      resumes: The same command resumes an interrupted run; the message after Ctrl-C says so.
    """
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments, after = sys.argv[:cut], sys.argv[cut + 1 :]
    if "--version" in arguments:
        print(f"densenet-ocr {importlib.metadata.version('densenet-ocr')}")
        sys.exit(0)
    more_words, beam_arguments = (after, []) if words and not beam else ([], after)
    # TensorFlow reads this when it loads; its start-up messages would hide ours.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _show_help_of(main, flags.define(*configs))
    if not {"-h", "--help"}.isdisjoint(arguments):  # before other flags are judged; absl would exit with 1
        app.usage(shorthelp=True, writeto_stdout=True, exitcode=0)

    def start(argv: list[str]) -> int | None:
        if argv[1:] and not words:
            _refuse_usage(f"stray arguments: {' '.join(argv[1:])}. Options are written --name=value.")
        if beam_arguments and not beam:
            _refuse_usage(f"arguments after '--', which this command does not take: {' '.join(beam_arguments)}")
        logging.set_verbosity(logging.INFO)
        logging.get_absl_handler().addFilter(_concerns_users)
        _write_utf8()
        # Errors in images are reported with their lines.
        warnings.filterwarnings("ignore", module="PIL")
        extra = ([argv[1:] + more_words] if words else []) + ([beam_arguments] if beam else [])
        return _report_errors(lambda: main(*extra), resumes)

    app.run(start, argv=arguments, flags_parser=_parse_flags)


def print_result(result: dict[str, Any]) -> None:
    """Prints the JSON object that is the last line of a binary's standard output."""
    print_row(json.dumps(result, ensure_ascii=False))


def print_row(row: str) -> None:
    """Prints a row on standard output and flushes it; raises UserError if it cannot be written."""
    try:
        print(row, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _let_output_go()
        raise UserError(
            "standard output",
            received=error.strerror or str(error),
            expected="a writable file or pipe",
            remedy="Free space, or redirect the output.",
        ) from None


def print_while_read(text: str) -> None:
    """Prints a text on standard output, or nothing if its reader has closed the pipe, as head does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _let_output_go()


def _report_errors(call: Callable[[], int | None], resumes: bool) -> int:
    try:
        with explain_missing():
            return call() or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except app.UsageError as error:
        _refuse_usage(str(error))
    except BrokenPipeError:
        _let_output_go()  # the reader has closed the pipe, as head does
        return CLOSED
    except KeyboardInterrupt:
        remedy = "; finished work is kept, and the same command resumes the run" if resumes else ""
        print(f"stopped{remedy}", file=sys.stderr)
        return INTERRUPTED


def _parse_flags(argv: list[str]) -> list[str]:
    """Parses the flags; returns the other arguments, the program's name first."""
    try:
        return absl_flags.FLAGS(argv)
    except absl_flags.Error as error:
        missing = re.findall(r"Flag (--\w+) must have a value other than None", str(error))
        _refuse_usage(f"{' and '.join(missing)} must be given" if missing else str(error))


def _refuse_usage(message: str) -> NoReturn:
    """Ends the process with a message about its arguments."""
    print(f"error: {message} (--help lists all options)", file=sys.stderr)
    sys.exit(1)


def _let_output_go() -> None:
    """Discards buffered output, which Python would try to write again when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_utf8() -> None:
    """Prints texts as UTF-8 in any locale, and paths that are not UTF-8 as their bytes."""
    if sys.stdout is None or sys.stderr is None:
        _refuse_usage("standard output or standard error is closed: output would be lost.")
    for stream in (sys.stdout, sys.stderr):
        cast(io.TextIOWrapper, stream).reconfigure(encoding="utf-8", errors="surrogateescape")


def _concerns_users(record: std_logging.LogRecord) -> bool:
    """Drops the chatter of TensorFlow and Beam, and all messages of Beam's workers.

    An error in a worker also reaches the driver as an exception, which their log would hide.
    """
    if any(place in record.pathname for place in _BEAM_WORKERS):
        return record.levelno >= std_logging.CRITICAL
    chatter = record.module in _TENSORFLOW_CHATTER or "apache_beam" in record.pathname
    return not chatter or record.levelno >= std_logging.ERROR


def _show_help_of(main: Callable, defined: Sequence[absl_flags.Flag]) -> None:
    # The main module of an installed script is a stub: --help shows text and flags of the real one.
    module = sys.modules[main.__module__]
    sys.modules["__main__"].__doc__ = module.__doc__
    for flag in [*absl_flags.FLAGS.get_flags_for_module(module), *defined]:
        absl_flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
