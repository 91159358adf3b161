"""Assertions on the parts of an error message that matter to a user."""

import contextlib
from collections.abc import Iterator

from densenet_ocr.pipeline.errors import UserError


@contextlib.contextmanager
def user_error(*parts: object) -> Iterator[None]:
    """Asserts that the block raises UserError, and that its message has these parts in order.

    Give the subject, the value received and the remedy's flag rather than whole sentences.
    """
    try:
        yield
    except UserError as error:
        message, start = str(error), 0
        for part in map(str, parts):
            found = message.find(part, start)
            assert found >= 0, f"{part!r} is not, in this order, in the message: {message}"
            start = found + len(part)
        return
    raise AssertionError("no UserError was raised")
