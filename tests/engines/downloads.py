"""Fetches Flink, Spark, Beam's job servers, Hadoop and Azurite into build/engines, where they stay.

Needs Java 11 or 17 and Maven (Debian: openjdk-17-jre-headless, maven), and the indexes that pip and Maven are
set up for; Azurite needs npm, and is left out without it.
"""

import pathlib
import shutil
import subprocess
import sys
import tarfile

FOLDER = pathlib.Path(__file__).parents[2] / "build" / "engines"

# Beam's job servers of this version run the jobs of apache-beam 2.77.0 unchanged.
BEAM = "2.62.0"
FLINK, SPARK = "1.19.3", "3.5.9"

HADOOP, AZURITE = "3.4.1", "3.35.0"

_POM = pathlib.Path(__file__).with_name("job_server_pom.xml")
_HADOOP_POM = pathlib.Path(__file__).with_name("hadoop_pom.xml")


def fetch_flink() -> pathlib.Path:
    """Returns a folder with Flink's lib/."""
    return _fetch_package("apache-flink-libraries", FLINK) / "deps"


def fetch_spark() -> pathlib.Path:
    """Returns a folder with Spark's jars/."""
    return _fetch_package("pyspark", SPARK) / "deps"


def fetch_flink_job_server() -> pathlib.Path:
    """Returns the jar of Beam's job server for Flink, which contains Flink's own classes."""
    return _build_job_server("beam-runners-flink-1.19", "org.apache.beam.runners.flink.FlinkJobServerDriver")


def fetch_spark_job_server() -> pathlib.Path:
    """Returns the jar of Beam's job server for Spark, which needs Spark's jars beside it."""
    return _build_job_server("beam-runners-spark-3", "org.apache.beam.runners.spark.SparkJobServerDriver")


def fetch_hadoop() -> pathlib.Path:
    """Returns a folder with the jars of HDFS's servers."""
    folder = FOLDER / f"hadoop-{HADOOP}"
    if not folder.exists():
        work = FOLDER / "hadoop.tmp"
        work.mkdir(parents=True, exist_ok=True)
        shutil.copy(_HADOOP_POM, work / "pom.xml")
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars")
        _run("mvn", "--quiet", "--batch-mode", f"-Dhadoop={HADOOP}", *goal, cwd=work)
        (work / "jars").rename(folder)
        shutil.rmtree(work)
    return folder


def fetch_azurite() -> pathlib.Path | None:
    """Returns the command of Azurite's blob server; None where there is no npm."""
    folder = FOLDER / f"azurite-{AZURITE}"
    if not folder.exists() and shutil.which("npm") is None:
        return None
    if not folder.exists():
        work = FOLDER / "azurite.tmp"
        work.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--silent", "--no-fund", f"--prefix={work}", f"azurite@{AZURITE}")
        work.rename(folder)
    return folder / "node_modules" / ".bin" / "azurite-blob"


def _fetch_package(name: str, version: str) -> pathlib.Path:
    folder = FOLDER / f"{name}-{version}"
    if not folder.exists():
        downloads = FOLDER / "downloads"
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=:all:",
             "--no-build-isolation", f"--dest={downloads}", f"{name}=={version}")  # fmt: skip
        archive = next(downloads.glob(f"{name}-{version}.tar.gz"))
        _unpack(archive, folder)
        archive.unlink()
    return folder


def _unpack(archive: pathlib.Path, folder: pathlib.Path) -> None:
    temporary = folder.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    with tarfile.open(archive) as file:
        file.extractall(temporary, filter="data")
    next(temporary.iterdir()).rename(folder)
    temporary.rmdir()


def _build_job_server(runner: str, driver: str) -> pathlib.Path:
    jar = FOLDER / f"{runner}-job-server-{BEAM}.jar"
    if not jar.exists():
        work = FOLDER / f"{runner}.tmp"
        work.mkdir(parents=True, exist_ok=True)
        shutil.copy(_POM, work / "pom.xml")
        settings = (f"-Drunner={runner}", f"-Dbeam={BEAM}", f"-Ddriver={driver}")
        _run("mvn", "--quiet", "--batch-mode", *settings, "package", cwd=work)
        (work / "target" / "job-server-1.jar").rename(jar)
        shutil.rmtree(work)
    return jar


def _run(*command: str | pathlib.Path, cwd: pathlib.Path | None = None) -> None:
    print("fetch:", *command, file=sys.stderr, flush=True)
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    engines = (fetch_flink, fetch_spark, fetch_flink_job_server, fetch_spark_job_server)
    for fetch in (*engines, fetch_hadoop, fetch_azurite):
        print(fetch())
