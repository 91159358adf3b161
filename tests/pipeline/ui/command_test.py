"""How a binary starts and ends, with a small one of our own."""

import json
import os
import subprocess
import sys

import tensorflow as tf
from absl.testing import parameterized

from tests import ROOT

BINARY = '''"""Adds a number.

A line of the help text.
"""
from absl import flags
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.ui import command

NUMBER = flags.DEFINE_integer("number", 1, "The number.")
DO = flags.DEFINE_string("do", "print", "What to do.")

def main(*extra):
    if DO.value == "refuse":
        raise UserError("number", received=NUMBER.value, expected="春", remedy="Set --number.")
    if DO.value == "crash":
        raise ValueError("a bug")
    if DO.value == "pour":
        while True:
            print("row")
    if DO.value == "path":
        print("\\udcff")
        return 0
    if DO.value == "three":
        return 3
    command.print_row("before")
    command.print_result({"number": NUMBER.value, "extra": extra, "text": "春"})

def run():
    command.run(main, KINDS)

if __name__ == "__main__":
    run()
'''


class CommandTest(parameterized.TestCase, tf.test.TestCase):
    def run_binary(
        self, *arguments: str, kinds: str = "", stub: str = "", environment=None
    ) -> subprocess.CompletedProcess:
        """Runs the binary with command.run(main, kinds), or a stub beside it that imports it."""
        folder = self.create_tempdir()
        path = folder.create_file("add.py", BINARY.replace("main, KINDS", f"main, {kinds}")).full_path
        if stub:
            path = folder.create_file("ocr-add", stub).full_path
        environment = {**os.environ, "PYTHONPATH": ROOT, "PYTHONIOENCODING": "utf-8", **(environment or {})}
        return subprocess.run(
            [sys.executable, path, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    def test_the_last_line_of_standard_output_is_the_result(self):
        done = self.run_binary("--number=5")
        self.assertEqual(done.returncode, 0, done.stderr)
        *_, last = done.stdout.splitlines()
        self.assertEqual(last, '{"number": 5, "extra": [], "text": "春"}')

    def test_an_unknown_flag_is_an_error(self):
        done = self.run_binary("--numbre=5")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Unknown command line flag 'numbre'", done.stderr)
        self.assertNotIn("before", done.stdout)

    def test_a_value_of_the_wrong_kind_is_an_error(self):
        done = self.run_binary("--number=five")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("flag --number=five", done.stderr)

    def test_a_stray_argument_is_an_error(self):
        done = self.run_binary("--number=5", "six", "seven")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(
            "stray arguments: six seven. Options are written --name=value.", done.stdout + done.stderr
        )
        self.assertNotIn("before", done.stdout)

    def test_an_argument_after_two_dashes_is_an_error_if_the_binary_takes_none(self):
        done = self.run_binary("--", "--runner=X")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("after '--', which this command does not take: --runner=X", done.stdout + done.stderr)
        self.assertNotIn("before", done.stdout)

    def test_main_gets_arguments_and_beams_options_apart(self):
        done = self.run_binary("a", "--number=2", "b", "--", "--x", "c", kinds="words=True, beam=True")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["extra"], [["a", "b"], ["--x", "c"]])

    def test_main_gets_empty_lists_without_arguments(self):
        done = self.run_binary(kinds="words=True, beam=True")
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["extra"], [[], []])

    def test_a_user_error_is_a_message_without_a_traceback(self):
        done = self.run_binary("--do=refuse", "--number=7")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.strip(), "error: number: received 7, expected 春. Set --number.")

    def test_any_other_error_has_a_traceback(self):
        done = self.run_binary("--do=crash")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Traceback", done.stderr)
        self.assertIn("ValueError: a bug", done.stderr)

    def test_the_exit_code_is_what_main_returns(self):
        self.assertEqual(self.run_binary("--do=three").returncode, 3)

    def test_ends_quietly_when_the_reader_closes_the_pipe(self):
        path = self.create_tempdir().create_file("add.py", BINARY.replace("main, KINDS", "main")).full_path
        command = f"{sys.executable} {path} --do=pour | head -n 1; exit ${{PIPESTATUS[0]}}"
        environment = {**os.environ, "PYTHONPATH": ROOT}
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("row\n", "", 141))

    def test_arguments_after_two_dashes_are_no_flags(self):
        done = self.run_binary("a", "--", "--number=2", "-b", kinds="words=True")
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["extra"], [["a", "--number=2", "-b"]])

    def test_a_full_disk_under_standard_output_is_an_error_without_a_traceback(self):
        path = self.create_tempdir().create_file("add.py", BINARY.replace("main, KINDS", "main")).full_path
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, path],
                env={**os.environ, "PYTHONPATH": ROOT},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: standard output: received No space left on device", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_a_closed_standard_output_is_an_error(self):
        path = self.create_tempdir().create_file("add.py", BINARY.replace("main, KINDS", "main")).full_path
        command = ["bash", "-c", f"{sys.executable} {path} >&-"]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("standard output or standard error is closed", done.stderr)

    def test_writes_utf8_in_any_locale(self):
        done = self.run_binary(environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
        self.assertIn('"text": "春"', done.stdout)

    def test_prints_a_path_that_is_not_utf8_as_its_bytes(self):
        path = self.create_tempdir().create_file("add.py", BINARY.replace("main, KINDS", "main")).full_path
        environment = {**os.environ, "PYTHONPATH": ROOT, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, path, "--do=path"], env=environment, capture_output=True)
        self.assertEqual((done.stdout, done.stderr), (b"\xff\n", b""))

    @parameterized.parameters("-h", "--help")
    def test_help_is_no_error_beside_wrong_flags_either(self, flag):
        done = self.run_binary("--numbre=5", "word", flag)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Adds a number.", done.stdout)

    def test_version(self):
        done = self.run_binary("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^densenet-ocr \d+\.\d+\.\d+\n$")

    @parameterized.parameters("--numbre=5", "--number=five", "word")
    def test_wrong_usage_is_one_line_that_names_help(self, argument):
        done = self.run_binary(argument)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^error: .*(number|word).* \(--help lists all options\)\n$")

    @parameterized.parameters("", "import add\nadd.run()\n")
    def test_help_shows_the_binarys_text_and_flags(self, stub):
        done = self.run_binary("--help", stub=stub)
        shown = done.stdout + done.stderr
        for text in ("Adds a number.", "A line of the help text.", "--number", "The number."):
            self.assertIn(text, shown)
        self.assertNotIn("before", done.stdout)


class CommandsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("beam_jobs.convert", "--output and --charset must be given"),
        ("model.predict --model=x", "no images: name files"),
        ("model.train", "Set --run"),
        ("model.evaluate", "--data and --split must be given"),
    )
    def test_a_command_without_what_it_needs_says_so_in_one_line(self, command, message):
        done = subprocess.run(
            [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
        self.assertStartsWith(done.stderr, "error: ")
        self.assertIn(message, done.stderr)


if __name__ == "__main__":
    tf.test.main()
