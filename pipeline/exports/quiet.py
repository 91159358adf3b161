"""Hides messages that engines print at every export and load."""

import contextlib
import logging as std_logging
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator

from absl import logging

# Messages that TFLite writes to standard error from C++.
_CHATTER = re.compile(
    rb"All log messages before absl::InitializeLog|tf_tfl_flatbuffer_helpers\.cc.* Ignored |"
    rb"^fully_quantize: |^INFO: Created TensorFlow Lite XNNPACK delegate"
)


# Two blocks at once could restore the wrong file.
_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within this block warnings and errors are logged, but no information and no known chatter."""
    logger = logging.get_absl_logger()
    with _ONE_AT_A_TIME, warnings.catch_warnings(), _without_chatter():
        before = std_logging.root.manager.disable
        std_logging.disable(max(before, std_logging.INFO))
        logger.addFilter(_is_news)
        warnings.simplefilter("ignore")  # of what the converters do internally
        try:
            yield
        finally:
            logger.removeFilter(_is_news)
            std_logging.disable(before)


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Captures what any code writes to file descriptor 2, and prints all but the chatter at the end."""
    try:
        real = os.dup(2)
    except OSError:  # a service may have closed it
        yield
        return
    with tempfile.TemporaryFile() as held:
        _redirect(held.fileno())
        try:
            yield
        finally:
            _redirect(real)
            os.close(real)
            held.seek(0)
            for line in held:
                if not _CHATTER.search(line):
                    os.write(2, line)


def _redirect(file: int) -> None:
    if sys.stderr:
        sys.stderr.flush()
    os.dup2(file, 2)


def _is_news(record: std_logging.LogRecord) -> bool:
    # The conversion that this calls deprecated is the one that works with Keras 3.
    return "providing the trackable_obj argument" not in str(record.msg)
