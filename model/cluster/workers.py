"""What the workers of a training share: one strategy, the chief's decisions, the chief's variables."""

import contextlib
import faulthandler
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from densenet_ocr.model.cluster.members import Cluster, check_port, find_cluster
from densenet_ocr.model.cluster.peers import PeerWatch, meet_workers
from densenet_ocr.pipeline.batches import WHOLE, Share
from densenet_ocr.pipeline.errors import UserError

_PARTING = 10.0  # least seconds to wait for the others at the end

# Of operations over workers that fail where one is gone.
_FAILURES = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)


class Workers:
    """The processes of a training, as one of them sees it. All of them have to make the same calls.

    Attributes:
      strategy: Strategy over the replicas of all processes.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None, *, seconds: float = _PARTING
    ):
        """Takes a strategy, and the cluster it spans; without a cluster this process is alone.

        `seconds` is how long to wait for the others at the end.
        """
        self.strategy, self._cluster, self._seconds = strategy, cluster, max(seconds, _PARTING)
        # Compiled, as each call would build the operation anew.
        self._sum = tf.function(lambda value: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None))

    @property
    def share(self) -> Share:
        """This process's share of every batch."""
        return Share(self._cluster.index, len(self._cluster.workers)) if self._cluster else WHOLE

    @property
    def are_many(self) -> bool:
        """Whether there are other processes."""
        return self._cluster is not None

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run."""
        return self._cluster is None or self._cluster.is_chief

    def share_result(self, work: Callable[[], Any]) -> Any:
        """Runs `work` on the chief and returns its result, which JSON can hold, on every worker.

        Raises:
          UserError: the work has raised it on the chief; then on every worker.
        """
        if not self.are_many:
            return work()
        content: Any = None
        if self.is_chief:
            try:
                content = {"result": work()}
            except UserError as error:
                content = {"error": str(error)}
        content = json.loads(self._send(json.dumps(content, default=float).encode()))
        if "error" in content:
            self.part()
            raise UserError.of_text(content["error"])
        return content["result"]

    def count(self, value: bool) -> int:
        """Returns on how many workers the value is true."""
        return int(self._sum(tf.constant(int(value)))) if self.are_many else int(value)

    def copy_variables(self, variables: Sequence[tf.Variable | keras.Variable]) -> None:
        """Gives all workers the chief's values of variables with 4 or 8 bytes per number, bit by bit."""
        if not self.are_many:
            return
        bits = [
            tf.reshape(tf.bitcast(tf.convert_to_tensor(variable), tf.int32), [-1]) for variable in variables
        ]
        flat = tf.concat(bits, axis=0)
        received = self._sum(flat if self.is_chief else tf.zeros_like(flat))
        for variable, part in zip(variables, tf.split(received, [len(part) for part in bits]), strict=True):
            dtype = tf.as_dtype(variable.dtype)
            shape = [*variable.shape, *([2] if dtype.size == 8 else [])]
            variable.assign(tf.bitcast(tf.reshape(part, shape), dtype))

    def _send(self, data: bytes) -> bytes:
        """Returns the chief's bytes on every worker."""
        length = int(self._sum(tf.constant(len(data) if self.is_chief else 0)))
        codes = tf.constant([*data], tf.int32) if self.is_chief else tf.zeros([length], tf.int32)
        return bytes(self._sum(codes).numpy().astype("uint8"))

    def part(self) -> None:
        """Waits for the others where all end: a slower one may still need data of this process."""

        def wait() -> None:
            with contextlib.suppress(tf.errors.OpError):
                self.count(True)

        if not self.are_many:
            return
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        thread.join(self._seconds)


@contextlib.contextmanager
def join_workers(*, seconds: float) -> Iterator[Workers]:
    """Joins the other workers of the cluster within the block.

    Args:
      seconds: How long to wait for others.

    Raises:
      UserError: there is no cluster, not all workers start, or one of them is gone.
    """
    cluster = find_cluster()
    check_port(cluster)
    names = ", ".join(cluster.workers)
    logging.info("worker %d of %s (%s)", cluster.index, names, cluster.source)
    meet_workers(cluster, seconds=seconds)
    watch = PeerWatch(cluster, seconds=seconds)
    # A worker that is gone by now would hold this thread, and with it all of Python, for ever.
    faulthandler.dump_traceback_later(seconds + _PARTING, exit=True)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=cluster.make_resolver())
        workers = Workers(strategy, cluster, seconds=seconds)
        workers.count(True)
        faulthandler.cancel_dump_traceback_later()
        watch.join()
        logging.info("all %d workers have joined", len(cluster.workers))
        yield workers
    except _FAILURES as error:
        raise watch.explain(error) from None
    finally:
        faulthandler.cancel_dump_traceback_later()
        watch.stop()
    workers.part()
