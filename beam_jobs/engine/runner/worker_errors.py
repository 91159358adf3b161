"""Errors of workers, which runners pass on as the text of a traceback."""

import re

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import MissingPackage
from densenet_ocr.pipeline.storage import MissingFile, NoPermission

_KINDS = (UserError, MissingPackage, MissingFile, NoPermission)


def raise_worker_error(error: BaseException) -> None:
    """Raises again the UserError or Ctrl-C of a worker that the text of `error` has, if it has one."""
    if re.search("^KeyboardInterrupt", str(error), re.MULTILINE):
        raise KeyboardInterrupt from None
    names = "|".join(re.escape(f"{kind.__module__}.{kind.__name__}") for kind in _KINDS)
    found = re.findall(rf"^(?:{names}): (.*?)(?: \[while running|$)", str(error), re.MULTILINE)
    if found:
        raise UserError.of_text(found[-1]) from error
