"""Errors of files behind URLs: each says what went wrong, not only that something did."""

from typing import NamedTuple

from densenet_ocr.pipeline.errors import UserError


class MissingFile(UserError, FileNotFoundError):
    """There is no file at a URL."""


class NoConditionalPuts(Exception):
    """The store cannot put a file only where there is none, or only in place of a version of it."""


class NoPermission(UserError, PermissionError):
    """The credentials in use may not do this."""


class Kind(NamedTuple):
    """A kind of error: what to say of it. Texts may have fields in braces."""

    received: str
    expected: str
    remedy: str
    error: type[UserError] = UserError

    def explain(self, url: str, cause: str = "", *, repeated: bool = False, **words: str) -> UserError:
        """Returns what to tell the user about an error of this kind.

        Args:
          url: The file.
          cause: What a server or a library has said itself.
          repeated: Whether the request was made again before.
          **words: The fields of the texts.
        """
        received = f"{self.received.format(**words)}{', also after retries' if repeated else ''}"
        return self.error(
            f"file {url}",
            received=f"{received} ({cause})" if cause else received,
            expected=self.expected,
            remedy=self.remedy.format(**words),
        )
