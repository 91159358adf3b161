"""The two ways in which input is wrong: a whole run cannot go on, or one line is refused."""

REASONS = {
    "bad_encoding": "the row is not text in the list's encoding",
    "bad_path": "the path is not one that a file can have",
    "outside_root": "the path leads out of the image root",
    "no_label": "the row has no label",
    "bad_id": "an id is not a charset row of a character",
    "unknown_character": "the text has a character that the charset lacks",
    "label_too_long": "CTC needs more frames than the image has",
    "duplicate": "the path stands in the list more than once",
    "missing_image": "there is no such file",
    "unreadable_image": "the file cannot be read",
    "damaged_image": "the file is not a whole image of a known format",
    "unsupported_image": "the image's pixels are of a kind without one grey reading",
    "too_large": "the image has more pixels than any line",
    "wrong_size": "the image is not of the data set's size",
}


class UserError(Exception):
    """Something the user gave cannot be used; the message tells what to do about it."""

    def __init__(self, subject: str, *, received: object, expected: object, remedy: str):
        super().__init__(f"{subject}: received {received}, expected {expected}. {remedy}")

    def __reduce__(self):
        return UserError.of_text, (str(self),)

    @classmethod
    def of_text(cls, text: str) -> "UserError":
        """The error whose message another process passed on."""
        error = cls.__new__(cls)
        Exception.__init__(error, text)
        return error


def check_setting(name: str, value: object, holds: object, expected: str) -> None:
    """Raises UserError about the flag `name` and its value unless `holds`."""
    if not holds:
        raise UserError(name, received=repr(value), expected=expected, remedy=f"Set --{name}.")


class Refused(Exception):
    """One line cannot become a record; `reason` is a key of REASONS, `detail` says what is wrong."""

    def __init__(self, reason: str, detail: str):
        if reason not in REASONS:
            raise ValueError(f"unknown reason for a refusal: {reason!r}")
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
