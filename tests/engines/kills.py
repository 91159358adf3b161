"""A conversion whose task manager dies in the middle, and the same command again if it fails."""

import json
import pathlib
import subprocess
import time
from typing import Any

from tests.engines.flink import Cluster
from tests.engines.jobs import Sample

_MOST_SECONDS = 300


def convert_with_kill(
    sample: Sample, cluster: Cluster, output: pathlib.Path, arguments: list[str], *, shards: int, **changes: Any
) -> tuple[dict[str, Any], bool]:
    """Converts on a cluster, of which one task manager and its worker pool are killed meanwhile.

    The task manager comes back a few seconds later, as a cluster manager would replace it. Where the job fails,
    the same command runs again.

    Args:
      sample: What is converted.
      cluster: The cluster.
      output: Folder to write.
      arguments: Beam's options.
      shards: Number of finished shards at which the kill happens.
      **changes: More flags.

    Returns:
      The command's result, and whether it was completed without a second command.
    """
    process = sample.start("convert", output, *arguments, **changes)
    _wait_for_shards(process, output, shards)
    cluster.task_managers[0].kill()
    time.sleep(3)
    cluster.task_managers[0].start()
    printed, messages = process.communicate(timeout=_MOST_SECONDS)
    if not process.returncode:
        return json.loads(printed.splitlines()[-1]), True
    if "error:" not in messages:
        raise RuntimeError(f"the command failed without an error message:\n{messages[-4000:]}")
    cluster.wait_for_slots()
    return sample.run("convert", output, *arguments, **changes), False


def _wait_for_shards(process: subprocess.Popen[str], output: pathlib.Path, shards: int) -> None:
    end = time.monotonic() + _MOST_SECONDS
    while len(list(output.glob("*.tfrecord"))) < shards:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"{output} has less than {shards} shards:\n{process.communicate()[1][-4000:]}")
        time.sleep(0.02)
