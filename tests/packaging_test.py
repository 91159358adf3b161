"""The wheel: it has every module and data file, and works beside a user's own model.py."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import tensorflow as tf
from absl.testing import parameterized

from tests import ROOT

FOLDERS = ("densenet_ocr", "pipeline", "beam_jobs", "model")


class PackagingTest(parameterized.TestCase, tf.test.TestCase):
    def build_wheel(self) -> str:
        """Builds from a copy, so that the checkout gets no build folder; returns the wheel's path."""
        folder = self.create_tempdir().full_path
        source = os.path.join(folder, "source")
        for name in FOLDERS:
            shutil.copytree(
                os.path.join(ROOT, name),
                os.path.join(source, name),
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(os.path.join(ROOT, name), source)
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "."]
        subprocess.run([*command, "-w", folder], cwd=source, check=True, capture_output=True)
        return glob.glob(os.path.join(folder, "*.whl"))[0]

    def test_a_wheel_has_all_files_and_works_beside_another_model(self):
        wheel = zipfile.ZipFile(self.build_wheel())
        expected = set()
        for name in FOLDERS:
            for path in glob.glob(os.path.join(ROOT, name, "**", "*.*"), recursive=True):
                relative = os.path.relpath(path, ROOT)
                if "__pycache__" not in relative and os.path.isfile(path):
                    expected.add(relative if name == "densenet_ocr" else os.path.join("densenet_ocr", relative))
        self.assertContainsSubset(expected, wheel.namelist())
        self.assertLess(os.path.getsize(wheel.filename), 12e6)

        site, user = self.create_tempdir().full_path, self.create_tempdir().full_path
        wheel.extractall(site)
        with open(os.path.join(user, "model.py"), "w") as file:
            file.write("raise SystemExit('a module of the user was imported')\n")
        modules = ("model.training.config", "pipeline.charset", "beam_jobs.conversion.config")
        program = "; ".join(f"import densenet_ocr.{name} as m; print(m.__file__)" for name in modules)
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=user,
            env={**os.environ, "PYTHONPATH": site},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertAllEqual([path.startswith(site) for path in done.stdout.split()], [True] * len(modules))

    def test_the_project_lists_every_folder_of_modules(self):
        with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
            packages = tomllib.load(file)["tool"]["setuptools"]["packages"]
        found = set()
        for name in FOLDERS:
            for path in glob.glob(os.path.join(ROOT, name, "**", "__init__.py"), recursive=True):
                folder = os.path.relpath(os.path.dirname(path), ROOT).replace(os.sep, ".")
                found.add(folder if name == "densenet_ocr" else f"densenet_ocr.{folder}")
        self.assertCountEqual(packages, found)

    def test_reading_needs_few_packages(self):
        project = read_project()
        reading = names_of([*project["dependencies"], *project["optional-dependencies"]["read"]])
        self.assertEqual(reading, {"absl-py", "google-crc32c", "numpy", "onnxruntime", "pillow"})

    @parameterized.parameters(
        ("requirements.lock", ("train", "io", "export", "lmdb", "dev", "cloud")),
        ("requirements-latest.lock", ("train", "export", "lmdb", "dev", "cloud")),
    )
    def test_a_lock_file_has_the_packages_of_the_extras(self, path, extras):
        project = read_project()
        needed = names_of(project["dependencies"]).union(
            *(names_of(project["optional-dependencies"][extra]) for extra in extras)
        )
        with open(os.path.join(ROOT, path)) as file:
            locked = set(re.findall(r"^([\w.-]+)==", file.read(), re.MULTILINE))
        self.assertContainsSubset(needed - {"densenet-ocr"}, locked)


def read_project() -> dict:
    """The table [project] of pyproject.toml."""
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)["project"]


def names_of(requirements: list[str]) -> set[str]:
    """Names of the packages in requirements such as "numpy>=1.26,<2"."""
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}


if __name__ == "__main__":
    tf.test.main()
