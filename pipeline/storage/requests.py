"""Requests over a network: made again while what fails may pass, and the errors of urllib3."""

import contextlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

from densenet_ocr.pipeline.packages import explain_missing

# A request is tried again for so long, after pauses of 0.1 s to 3 s, on 429, 5xx, time-outs and lost
# connections; with a time-out of 10 s for each, an error comes within 30 s.
RETRY_SECONDS = 20.0
_CHUNK_BYTES = 1 << 20

_Answer = TypeVar("_Answer")


def persist(ask: Callable[[], _Answer], passes: Callable[[Exception], object], seconds: float) -> _Answer:
    """Returns what `ask` does, which is called again, after growing pauses, while its error is one that passes.

    Args:
      ask: Makes a request.
      passes: Whether an error may pass.
      seconds: For how long it is called again.
    """
    end, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            return ask()
        except Exception as error:
            if not passes(error) or time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 3.0)


def save_body(ask: Callable[[], Any], path: str) -> None:
    """Writes the body of an answer of urllib3 to a local path; one that is cut short is asked for again."""
    with open(path, "wb") as file:
        for last in (False, False, True):
            file.seek(0)
            try:
                with contextlib.closing(ask()) as answer:
                    for chunk in answer.stream(_CHUNK_BYTES):
                        file.write(chunk)
                file.truncate()
                return
            except web_errors().HTTPError:
                if last:
                    raise


def web_errors() -> Any:
    """Returns the module of urllib3's errors; raises UserError where it is not installed."""
    with explain_missing():
        import urllib3.exceptions
    return urllib3.exceptions


def find_cause(error: Exception) -> tuple[str, Exception]:
    """Returns the kind of an HTTPError, the name of a class, and the error that it comes from."""
    errors = web_errors()
    cause = error.reason if isinstance(error, errors.MaxRetryError) and error.reason else error
    # The first that it is of, as they inherit from each other.
    kinds = ("NameResolutionError", "NewConnectionError", "TimeoutError", "SSLError", "ProtocolError")
    named = (kind for kind in kinds if isinstance(cause, getattr(errors, kind)))
    return next(named, type(cause).__name__), cause
