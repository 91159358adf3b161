"""Many files at once: a store answers late, but it answers many requests together."""

import concurrent.futures
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage import local_files
from densenet_ocr.pipeline.storage.file_system import find_reader
from densenet_ocr.pipeline.storage.paths import is_url

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_many(paths: Iterable[str], at_once: int = 64) -> Iterator[bytes | OSError | UserError]:
    """Reads files, URLs with many requests in flight and local paths one after another.

    Args:
      paths: Local paths and URLs; twice `at_once` of them are taken before the first result.
      at_once: The most requests that wait for an answer at a time.

    Yields:
      For each path, in order: the bytes, or the error with which reading failed. For a URL, a missing file is
      MissingFile and one that may not be read is NoPermission; any other UserError says that the store, not the
      file, is at fault. For a local path it is the OSError of opening or reading it.
    """
    return map_many(_read, paths, at_once, run_here=lambda path: not is_url(path))


def map_many(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    at_once: int,
    run_here: Callable[[_Item], bool] = lambda item: False,
) -> Iterator[_Result]:
    """Yields the results of a function in order, computed by threads.

    Args:
      function: What to call.
      items: Its arguments.
      at_once: The number of threads; they start when they are needed.
      run_here: Says for which items the caller's own thread calls the function, when their turn comes.
    """
    waiting: deque[Callable[[], _Result]] = deque()
    pool = concurrent.futures.ThreadPoolExecutor(at_once, thread_name_prefix="storage")
    try:
        for item in items:
            if run_here(item):
                waiting.append(lambda item=item: function(item))  # type: ignore[misc]
            else:
                waiting.append(pool.submit(function, item).result)
            if len(waiting) >= 2 * at_once:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read(path: str) -> bytes | OSError | UserError:
    try:
        if is_url(path):
            return find_reader(path).read_bytes(path)
        with local_files.open_file(path) as file:
            return file.read()
    except (OSError, UserError) as error:
        return error
