"""Data flows one way: what imports what, read from the source, as TensorFlow itself loads Keras."""

import ast
import glob
import os
import sys
import tomllib
from collections.abc import Iterator

import tensorflow as tf
from absl.testing import parameterized

from tests import ROOT

PACKAGE = "densenet_ocr."


def parse_modules(folder: str) -> dict[str, ast.Module]:
    """The modules of a folder by their dotted names."""
    trees = {}
    for path in sorted(glob.glob(os.path.join(ROOT, folder, "**", "*.py"), recursive=True)):
        name = os.path.relpath(path, ROOT).removesuffix(".py").replace(os.sep, ".").removesuffix(".__init__")
        with open(path, encoding="utf-8") as file:
            trees[name] = ast.parse(file.read(), path)
    return trees


MODULES = {folder: parse_modules(folder) for folder in ("pipeline", "beam_jobs", "model")}
ALL_MODULES = {name: tree for trees in MODULES.values() for name, tree in trees.items()}
BINARIES = [
    name
    for name, tree in ALL_MODULES.items()
    if {"main", "run"} <= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
]


def walk_module_level(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: no bodies of functions or of `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        types_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not types_only and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from walk_module_level(child)


def imports_of(nodes) -> set[str]:
    """Dotted names that nodes import; `from a import b` gives a and a.b, for b may be a module."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "an import relative to its folder hides where it leads"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name.removeprefix(PACKAGE) for name in names}


def packages_of(nodes) -> set[str]:
    return {name.partition(".")[0] for name in imports_of(nodes)}


def names_in(tree: ast.Module) -> set[str]:
    """Identifiers and attributes that a module uses."""
    nodes = list(ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return used | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def loaded_by(*modules: str) -> dict[str, ast.Module]:
    """These modules of ours, and those that importing them imports too."""
    found, todo = {}, list(modules)
    while todo:
        name = todo.pop()
        if name in ALL_MODULES and name not in found:
            found[name] = ALL_MODULES[name]
            todo += imports_of(walk_module_level(ALL_MODULES[name]))
    return found


class LayeringTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("pipeline", {"keras", "apache_beam", "model", "beam_jobs", "tests"}),
        ("beam_jobs", {"keras", "model", "tests"}),
        ("model", {"apache_beam", "beam_jobs", "tests"}),
    )
    def test_a_folder_imports_nothing_from_later_ones(self, folder, forbidden):
        self.assertNotEmpty(MODULES[folder])
        for name, tree in MODULES[folder].items():
            self.assertEmpty(packages_of(ast.walk(tree)) & forbidden, name)

    @parameterized.parameters("pipeline", "beam_jobs")
    def test_keras_is_not_reached_through_tensorflow(self, folder):
        for name, tree in MODULES[folder].items():
            self.assertNotIn("keras", names_in(tree), name)

    def test_importing_a_beam_job_imports_no_tensorflow(self):
        loaded = loaded_by(*MODULES["beam_jobs"])
        self.assertContainsSubset(
            {"beam_jobs.conversion.job", "pipeline.schema", "pipeline.images"}, set(loaded)
        )
        for name, tree in loaded.items():
            self.assertEmpty(packages_of(walk_module_level(tree)) & {"tensorflow", "tensorflow_io"}, name)

    def test_reading_an_onnx_export_imports_four_packages(self):
        readers = (
            "model.predict",
            "model.recognizer",
            "pipeline.exports.onnx_engine",
            "model.reading.prediction",
        )
        needed = {"PIL", "absl", "google_crc32c", "numpy", "onnxruntime"}
        for name, tree in loaded_by(*readers).items():
            others = packages_of(walk_module_level(tree)) - needed - sys.stdlib_module_names
            self.assertContainsSubset(others, {"densenet_ocr", "pipeline", "model"}, name)

    def test_flags_are_defined_and_read_in_binaries_alone(self):
        for name, tree in ALL_MODULES.items():
            # ui.flags makes flags of configuration dataclasses, and ui.command starts binaries.
            if name not in BINARIES and name not in ("pipeline.ui.command", "pipeline.ui.flags"):
                imported = imports_of(ast.walk(tree))
                self.assertNoCommonElements(imported, ["absl.flags", "pipeline.ui.flags.read"], name)
                self.assertNotIn("FLAGS", names_in(tree), name)

    def test_every_command_is_a_binary(self):
        with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
            scripts = tomllib.load(file)["project"]["scripts"]
        modules = {target.partition(":")[0].removeprefix(PACKAGE) for target in scripts.values()}
        self.assertContainsSubset(["ocr-convert", "ocr-train"], scripts)
        self.assertCountEqual(BINARIES, modules)


if __name__ == "__main__":
    tf.test.main()
