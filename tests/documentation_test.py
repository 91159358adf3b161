"""The documentation: its examples run, its links lead somewhere, the commands and flags that it names exist."""

import contextlib
import glob
import importlib
import os
import re
import sqlite3
import sys
import tomllib
import types
from collections.abc import Iterator
from unittest import mock

import tensorflow as tf
from absl import flags as absl_flags

import densenet_ocr
from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.augmentation.random_values import Draws
from densenet_ocr.pipeline.ui import command, flags
from tests import ROOT
from tests.samples import conversion, shallow_network, write_lines

PAGES = [path for folder in ("", "docs", "recipes") for path in glob.glob(os.path.join(ROOT, folder, "*.md"))]


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def list_examples(path: str) -> list[str]:
    """The Python examples of a page."""
    return re.findall(r"```python\n(.*?)```", read(path), re.DOTALL)


def list_headings(page: str) -> list[str]:
    """The anchors of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def list_scripts() -> dict[str, str]:
    """Console scripts and their modules."""
    scripts = tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    return {name: entry.partition(":")[0] for name, entry in scripts.items()}


def list_flags(module: str) -> set[str]:
    """Names of the flags that a binary defines."""
    with mock_command() as configs:
        importlib.import_module(module).run()
    names = set()
    for config in configs:
        for name, _, option in flags._list_options(config):
            names |= {name, option.alias} - {""}
    own = absl_flags.FLAGS.flags_by_module_dict().get(module, [])
    return names | {flag.name for flag in own}


@contextlib.contextmanager
def mock_command() -> Iterator[list[type]]:
    """Replaces command.run by a function that keeps the configurations it is given."""
    given, original = [], command.run
    command.run = lambda main, *, configs=(), **_: given.extend(configs)
    try:
        yield given
    finally:
        command.run = original


def list_invocations(page: str) -> list[tuple[str, list[str]]]:
    """(command, its flags) wherever a page names a command with flags, in examples and in tables."""
    page = re.sub(r"\\\n\s*", " ", page)
    found = []
    for code in [*re.findall(r"^    (.*)$", page, re.MULTILINE), *re.findall(r"`([^`\n]+)`", page)]:
        for part in re.split(r"\s(?:\||#)\s|&&|;", code):
            names = re.findall(r"\bocr-[a-z-]+", part)
            if len(names) == 1:
                own = part.split(names[0], 1)[1].split(" -- ")[0]
                found.append((names[0], re.findall(r"(?<=\s)--([a-z_]+)", own)))
    return found


class DocumentationTest(tf.test.TestCase):
    def test_the_examples_of_the_api_run(self):
        self.enterContext(shallow_network())
        self.enterContext(contextlib.chdir(self.create_tempdir().full_path))
        names: dict = {}
        blocks = re.findall(r"```(python|sh)\n(.*?)```", read("docs/api.md"), re.DOTALL)
        for language, code in blocks:
            if language == "python":
                exec(compile(code, "docs/api.md", "exec"), names)
            else:
                self.assertStartsWith(code, "ocr-train --data=data --run=run ")
                self.make_run()

    def make_run(self):
        """A run with initial weights, which stands for the one that the page trains."""
        from densenet_ocr.model.training.config import TrainConfig
        from densenet_ocr.model.training.run.run_config import RunConfig
        from densenet_ocr.model.training.run.run_folder import RunFolder, open_run

        info = densenet_ocr.load_dataset_info("data")
        run = open_run(RunFolder("run"), RunConfig(TrainConfig(), "data"), info)
        network = densenet_ocr.build_densenet(height=32, classes=info.charset.classes)
        network.save_weights(os.path.join(run.weights, "best.weights.h5"))

    def test_the_source_of_contributing_converts(self):
        folder, path = self.create_tempdir().full_path, "lines.db"
        self.enterContext(contextlib.chdir(folder))
        (code,) = [code for code in list_examples("CONTRIBUTING.md") if "class SqliteRows" in code]
        with open("sqlite_rows.py", "w", encoding="utf-8") as file:
            file.write(code)
        self.enterContext(mock.patch.object(sys, "path", [folder, *sys.path]))
        rows = importlib.import_module("sqlite_rows").SqliteRows(path, ".")
        write_lines(folder, 12)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE lines (path, text)")
            database.executemany("INSERT INTO lines VALUES (?, ?)", [(f"{k}.png", str(k)) for k in range(13)])
            database.execute("INSERT INTO lines VALUES (NULL, '1')")
            database.execute("INSERT INTO lines VALUES ('1.jpg', NULL)")
        self.enterContext(mock.patch("densenet_ocr.beam_jobs.conversion.job.open_rows", lambda *_: rows))
        result = densenet_ocr.convert(conversion(folder, max_reject_fraction=0.2), workers=1)
        refused = {"bad_path": 1, "missing_image": 1, "no_label": 1}
        self.assertEqual((result["written"], result["refused"]), (12, refused))
        self.assertEqual(list(rows.labels(rows.scan()[5:7])), ["5", "6"])
        with open("data/train.rejects.tsv", encoding="utf-8") as file:
            self.assertIn("lines.db:13\t", file.read())

    def test_the_augmentation_of_contributing_changes_lines(self):
        (code,) = [code for code in list_examples("CONTRIBUTING.md") if "def _salt" in code]
        names = {"tf": tf, "Draws": Draws, "ranges": types.SimpleNamespace(SALT=(0.1, 0.2))}
        exec(code, names)
        draws = Draws(tf.constant([1, 2]), "salt", 4, AugmentConfig(probability=1.0))
        salted = names["_salt"](tf.zeros([4, 32, 64, 1]), tf.fill([4], 64), draws)
        self.assertBetween(float(tf.reduce_mean(tf.cast(salted == 0.5, tf.float32))), 0.1, 0.2)

    def test_the_api_has_an_example_of_every_public_name(self):
        examples = "\n".join(list_examples("docs/api.md"))
        for name in densenet_ocr.__all__:
            self.assertRegex(examples, rf"from densenet_ocr import .*\b{name}\b")
            self.assertRegex(examples, rf"\b{name}\(", f"{name} is imported, but not used")

    def test_links_lead_somewhere(self):
        for path in PAGES:
            for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", read(path)):
                linked = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
                self.assertTrue(os.path.exists(linked), f"{path}: {target}")
                if anchor:
                    self.assertIn(anchor, list_headings(read(linked)), f"{path}: {target}#{anchor}")

    def test_files_and_folders_exist(self):
        folders = "pipeline|beam_jobs|model|tests|benchmarks|densenet_ocr"
        for page in ("CONTRIBUTING.md", "BUILD.md", "README.md"):
            named = set(re.findall(rf"`((?:{folders})/[\w./]*)`", read(page)))
            for name in named - {"beam_jobs/sources/sqlite_rows.py"}:  # to be written by the reader
                self.assertTrue(os.path.exists(os.path.join(ROOT, name)), f"{page}: {name}")
        for name in re.findall(r"`(benchmarks\.\w+)`", read("BUILD.md")):
            self.assertTrue(os.path.exists(os.path.join(ROOT, *name.split(".")) + ".py"), name)

    def test_the_layout_of_contributing_is_that_of_the_folders(self):
        layout = read("CONTRIBUTING.md").partition("## Layout")[2].partition("\n## ")[0]
        top = ""
        for indent, names in re.findall(r"^    ( *)([\w./, ]+?)(?: \.\.\.)?  ", layout, re.MULTILINE):
            top = top if indent else names
            for name in names.split(", "):
                path = os.path.join(ROOT, top, name) if indent else os.path.join(ROOT, name)
                self.assertTrue(os.path.exists(path), path)

    def test_commands_and_flags_exist(self):
        scripts, known = list_scripts(), {}
        for path in PAGES:
            for name, used in list_invocations(read(path)):
                self.assertIn(name, scripts, path)
                known[name] = known.get(name) or list_flags(scripts[name])
                self.assertContainsSubset(used, known[name], f"{path}: {name}")

    def test_pages_name_commands_and_not_modules(self):
        for path in PAGES:
            modules = re.findall(r"python -m (?:beam_jobs|model)\.\w+", read(path))
            # One sentence of the README says that these work in a checkout.
            self.assertLen(modules, 2 if os.path.basename(path) == "README.md" else 0, path)


if __name__ == "__main__":
    tf.test.main()
