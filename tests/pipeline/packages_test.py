"""Errors of an installation that lacks a package."""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import EXTRAS, explain_missing
from tests import ROOT
from tests.messages import user_error
from tests.packaging_test import names_of


class PackagesTest(parameterized.TestCase, tf.test.TestCase):
    def test_the_extra_that_a_message_names_has_the_package(self):
        with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
            extras = tomllib.load(file)["project"]["optional-dependencies"]
        distributions = importlib.metadata.packages_distributions()
        for package, extra in EXTRAS.items():
            found = {name.lower().replace("_", "-") for name in distributions.get(package, [package])}
            self.assertNotEmpty(found & names_of(extras[extra]), package)

    def test_a_missing_package_is_both_a_user_error_and_an_import_error(self):
        with mock.patch.dict(sys.modules, {"apache_beam": None}):
            for kind in (UserError, ImportError):
                expected = self.assertRaisesRegex(kind, r"apache_beam.*install 'densenet-ocr\[train\]'")
                with expected, explain_missing():
                    import apache_beam  # noqa: F401

    def test_another_missing_module_is_a_fault_of_ours(self):
        expected = self.assertRaisesRegex(ModuleNotFoundError, "^No module named 'no_such_module'$")
        with expected, explain_missing():
            import no_such_module  # noqa: F401

    def test_a_public_name_tells_the_extra(self):
        import densenet_ocr

        with mock.patch.dict(sys.modules, {"keras": None}):
            sys.modules.pop("densenet_ocr.model.network.densenet", None)  # imported by another test
            with user_error("package keras", "densenet-ocr[train]"):
                densenet_ocr.build_densenet  # noqa: B018

    def test_a_command_tells_the_extra(self):
        program = (
            "import sys; sys.modules['apache_beam'] = None; import densenet_ocr.beam_jobs.convert as c; c.run()"
        )
        flags = ["--list=l", "--image_root=.", "--charset=c", "--output=o"]
        done = subprocess.run([sys.executable, "-c", program, *flags], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^error: package apache_beam: .*pip install 'densenet-ocr\[train\]'\n$")


if __name__ == "__main__":
    tf.test.main()
