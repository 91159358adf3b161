"""Errors of files behind URLs: each says what went wrong, not only that something did."""

from densenet_ocr.pipeline.errors import UserError


class MissingFile(UserError, FileNotFoundError):
    """There is no file at a URL."""


class NoConditionalPuts(Exception):
    """The store cannot put a file only where there is none, or only in place of a version of it."""


class NoPermission(UserError, PermissionError):
    """The credentials in use may not do this."""
