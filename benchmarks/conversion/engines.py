"""Lines per second of a job on real engines against the local runner, and task managers that die.

    python -m benchmarks.conversion.engines --rows=100000
    python -m benchmarks.conversion.engines --job=transcribe --rows=20000 --small=2000 --engine=flink
    python -m benchmarks.conversion.engines --kills=5

Start-up is left out: the rate is that of the rows by which a large run exceeds a small one. Rounds
alternate between the engines. Outputs are compared byte by byte. The engines come from tests/engines.
"""

import contextlib
import json
import os
import pathlib
import statistics
import sys
from collections.abc import Iterator

from absl import flags

from densenet_ocr.pipeline.ui import command
from tests.engines import flink, spark
from tests.engines.jobs import LINES, Sample, describe_difference
from tests.engines.kills import convert_with_kill

_ALL = ("embedded", "flink", "spark")

_ROWS = flags.DEFINE_integer("rows", 100_000, "Rows of the large run.")
_SMALL = flags.DEFINE_integer("small", 10_000, "Rows of the small run.")
_JOB = flags.DEFINE_enum("job", "convert", ["convert", "synthesize", "transcribe"], "Job to measure.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Times that each engine is measured.")
_KILLS = flags.DEFINE_integer("kills", 0, "Conversions with a task manager that dies, instead of rates.")
_ENGINES = flags.DEFINE_multi_enum("engine", list(_ALL), list(_ALL), "Engine to measure; may be repeated.")

_PORTABLE = "--runner=PortableRunner"


@contextlib.contextmanager
def _run_flink(folder: pathlib.Path) -> Iterator[tuple[flink.Cluster, list[str]]]:
    hidden = folder / "hidden"
    hidden.mkdir(parents=True)
    with (
        flink.run_cluster(folder / "cluster", hidden) as cluster,
        flink.run_job_server(hidden / "server", cluster.rest) as endpoint,
    ):
        pool = f"localhost:{cluster.hosts[0].pool_port}"
        environment = ["--environment_type=EXTERNAL", f"--environment_config={pool}"]
        yield cluster, [_PORTABLE, f"--job_endpoint={endpoint}", *environment, "--parallelism=2"]


def _start(engine: str, folder: pathlib.Path, stack: contextlib.ExitStack) -> list[str]:
    """Starts an engine for the life of `stack` and returns Beam's options for it."""
    if engine == "embedded":
        # Beam starts `python`, whichever is first on the PATH.
        os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        processes = "--experiments=use_loopback_process_worker"
        return [_PORTABLE, "--job_endpoint=embed", "--environment_type=LOOPBACK", processes]
    if engine == "flink":
        return stack.enter_context(_run_flink(folder))[1]
    master = stack.enter_context(spark.run_cluster(folder / "cluster"))
    endpoint = stack.enter_context(spark.run_job_server(folder / "server", master))
    pool = stack.enter_context(spark.run_worker_pool(folder / "pool"))
    environment = ["--environment_type=EXTERNAL", f"--environment_config={pool}"]
    return [_PORTABLE, f"--job_endpoint={endpoint}", *environment]


def _measure_rates(sample: Sample) -> None:
    rates: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        engines = {"local": []} | {e: _start(e, sample.folder / e, stack) for e in _ENGINES.value}
        for engine, arguments in engines.items():  # a cluster's first job loads its classes
            _run_job(sample, sample.folder / f"{engine}-first", arguments, _SMALL.value)
        for number in range(_ROUNDS.value):
            outputs = {}
            for engine, arguments in engines.items():
                outputs[engine] = sample.folder / f"{engine}-{number}"
                rates.setdefault(engine, []).append(_measure(sample, outputs[engine], arguments))
                difference = describe_difference(outputs[engine], outputs["local"])
                print(json.dumps({"engine": engine, "lines/s": rates[engine][-1], "difference": difference}))
                sys.stdout.flush()
    for engine, found in rates.items():
        ratios = [ours / local for ours, local in zip(found, rates["local"], strict=True)]
        print(json.dumps({"engine": engine, "median of ratios": statistics.median(ratios), "ratios": ratios}))


def _measure(sample: Sample, output: pathlib.Path, arguments: list[str]) -> float:
    """Returns the rows per second without start-up; the large run's output stays in `output`."""
    small = _run_job(sample, pathlib.Path(f"{output}-small"), arguments, _SMALL.value)
    return (_ROWS.value - _SMALL.value) / (_run_job(sample, output, arguments, _ROWS.value) - small)


def _run_job(sample: Sample, output: pathlib.Path, arguments: list[str], rows: int) -> float:
    """Returns the seconds of a job."""
    size = {"lines": rows} if _JOB.value == "synthesize" else {"list": _write_list(sample, rows)}
    lines_per_shard = min(2048, rows // 10)
    return sample.run(_JOB.value, output, *arguments, lines_per_shard=lines_per_shard, **size)["seconds"]


def _write_list(sample: Sample, rows: int) -> pathlib.Path:
    path = sample.folder / "lines" / f"{rows}.txt"
    if not path.exists():
        path.write_bytes((sample.folder / "lines" / "train.txt").read_bytes() * (rows // LINES))
    return path


def _measure_kills(sample: Sample) -> None:
    changes = {"list": _write_list(sample, _SMALL.value), "lines_per_shard": 200}
    local = sample.folder / "local"
    sample.run("convert", local, **changes)
    shards = _SMALL.value // 200
    with _run_flink(sample.folder / "flink") as (cluster, arguments):
        for number in range(_KILLS.value):
            at = 1 + (shards - 2) * number // max(1, _KILLS.value - 1)
            output = sample.folder / f"killed-{number}"
            result, completed = convert_with_kill(sample, cluster, output, arguments, shards=at, **changes)
            difference = describe_difference(output, local)
            shown = {
                "killed at shard": at,
                "of": shards,
                "completed without a second command": completed,
                "difference": difference,
            }
            print(json.dumps(shown | {"read": result["read"], "written": result["written"]}), flush=True)
            cluster.wait_for_slots()


def main() -> None:
    """Measures as the flags say."""
    sample = Sample()
    if _KILLS.value:
        _measure_kills(sample)
    else:
        _measure_rates(sample)


def run() -> None:
    """Entry point."""
    command.run(main)


if __name__ == "__main__":
    run()
