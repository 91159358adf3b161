"""Errors in the user's input: UserError ends a run, Refused rejects one line."""

import contextlib
from collections.abc import Iterator

REASONS = {
    "bad_encoding": "the row is not text in the list's encoding",
    "bad_row": "the row is not of the list's format",
    "bad_path": "no file can have this path",
    "outside_root": "the path leads out of the image root",
    "no_label": "the row has no label",
    "bad_id": "an id is not the charset row of a character",
    "unknown_character": "the text has a character that the charset lacks",
    "label_too_long": "CTC needs more frames than the image has; --frame_stride=4 gives twice as many",
    "duplicate": "the list has the path more than once",
    "missing_image": "the file does not exist",
    "unreadable_image": "the file cannot be read",
    "damaged_image": "the file is not a complete image of a known format",
    "unsupported_image": "the pixel format has no unique grey levels",
    "no_contrast": "the grey levels are too much alike to show a text",
    "too_large": "the image has more pixels than any line",
    "wrong_size": "the image does not have the data set's size",
}


class UserError(Exception):
    """Something that the user gave cannot be used; the message says what to do about it.

    Args:
      subject: What is wrong: a flag, a file, a data set.
      received: Its value.
      expected: What would be right.
      remedy: What to do, one or more sentences.

    Attributes:
      problem: The message without its remedy.
    """

    def __init__(self, subject: str, *, received: object, expected: object, remedy: str):
        super().__init__(f"{subject}: received {received}, expected {expected}. {remedy}")
        self.problem = f"{subject} {received} in place of {expected}"

    def __reduce__(self) -> tuple:
        return UserError.of_text, (str(self),)

    @classmethod
    def of_text(cls, text: str) -> "UserError":
        """Returns an error with the whole message of another one, such as one from a worker process."""
        error = cls.__new__(cls)
        Exception.__init__(error, text)
        error.problem = text
        return error


def check_setting(name: str, value: object, holds: object, expected: str) -> None:
    """Raises UserError about the flag `name` and its value unless `holds`."""
    if not holds:
        raise UserError(name, received=repr(value), expected=expected, remedy=f"Set --{name}.")


def check_left_out(name: str, value: object, holds: object, expected: str) -> None:
    """Raises UserError about the flag `name`, which something else makes useless, unless `holds`."""
    if not holds:
        raise UserError(name, received=repr(value), expected=expected, remedy=f"Leave --{name} out.")


@contextlib.contextmanager
def value_errors() -> Iterator[None]:
    """Turns a UserError about a value into a ValueError: in a file, a remedy that names a flag is no help."""
    try:
        yield
    except UserError as error:
        raise ValueError(error.problem) from None


@contextlib.contextmanager
def damage_explained(subject: str, *, expected: str, remedy: str) -> Iterator[None]:
    """Raises UserError in place of the errors of code that reads a description which is not as it should be."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        received = f"{type(error).__name__}: {error}"
        raise UserError(subject, received=received, expected=expected, remedy=remedy) from None


class Refused(Exception):
    """One line cannot become a record.

    Attributes:
      reason: A key of REASONS.
      detail: What is wrong with this line. Data sets store it (SPLIT.rejects.tsv), so texts stay as they are.
    """

    def __init__(self, reason: str, detail: str):
        if reason not in REASONS:
            raise ValueError(f"unknown reason for a refusal: {reason!r}")
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
