"""Errors of workers, which runners pass on as the text of a traceback."""

import re

from densenet_ocr.pipeline.errors import UserError


def raise_worker_error(error: BaseException) -> None:
    """Raises again the UserError or Ctrl-C of a worker that the text of `error` has, if it has one."""
    if re.search("^KeyboardInterrupt", str(error), re.MULTILINE):
        raise KeyboardInterrupt from None
    name = rf"{UserError.__module__}\.{UserError.__name__}"
    found = re.findall(rf"^{name}: (.*?)(?: \[while running|$)", str(error), re.MULTILINE)
    if found:
        raise UserError.of_text(found[-1]) from error
