"""Keeps from people what engines say of themselves at every export and load."""

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

# What TFLite writes to the standard error, past Python: settings that it passes on, and that it has begun.
_CHATTER = re.compile(
    rb"All log messages before absl::InitializeLog|tf_tfl_flatbuffer_helpers\.cc.* Ignored |"
    rb"^fully_quantize: |^INFO: Created TensorFlow Lite XNNPACK delegate"
)


# Blocks of two threads that ended in another order than they began would leave the wrong file in place.
_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """A block of which warnings and errors are told, but no steps, and none of the known chatter."""
    logger = logging.get_absl_logger()
    with _ONE_AT_A_TIME, warnings.catch_warnings(), _without_chatter():
        before = std_logging.root.manager.disable
        std_logging.disable(max(before, std_logging.INFO))
        logger.addFilter(_is_news)
        warnings.simplefilter("ignore")  # of what the converters do by themselves
        try:
            yield
        finally:
            logger.removeFilter(_is_news)
            std_logging.disable(before)


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Holds back what is written to file descriptor 2, by whom ever, and tells the rest at the end."""
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
    # The way of converting that it calls deprecated is the one that works with a Keras model of this version.
    return "providing the trackable_obj argument" not in str(record.msg)
