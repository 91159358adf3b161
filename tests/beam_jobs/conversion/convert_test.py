"""The command: flags, worker processes, faults."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import tensorflow as tf
from absl.testing import parameterized

from tests import ROOT
from tests.beam_jobs.conversion.conversion_case import ConversionTest, read_folder
from tests.samples import write_lines, write_list


def read_words(path: str) -> list[str]:
    """The words of a file of /proc, none where the process is gone."""
    with contextlib.suppress(OSError), open(path) as file:
        return file.read().split()
    return []


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waited for."""
    words = read_words(f"/proc/{pid}/stat")
    return bool(words) and words[2] != "Z"


class CommandTest(parameterized.TestCase, ConversionTest):
    def run_command(self, *arguments: str, python_path: str = "") -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "beam_jobs.convert", *arguments]
        environment = {**os.environ, "PYTHONPATH": python_path}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    def flags(self, **changes) -> list[str]:
        given = {
            "list": os.path.join(self.folder, "train.txt"),
            "image_root": self.folder,
            "list_format": "mixed",
            "charset": os.path.join(self.folder, "charset.txt"),
            "output": self.output,
            "image_width": 64,
        }
        return [f"--{name}={value}" for name, value in {**given, **changes}.items()]

    def test_two_worker_processes_give_the_bytes_of_one_and_load_no_tensorflow(self):
        write_lines(self.folder, 20)
        write_list(self.folder, [f"{n}.png {n % 10 + 1}" for n in range(20)] + ["none.png 1"])
        poison = self.create_tempdir()
        poison.create_file("tensorflow/__init__.py", 'raise RuntimeError("a conversion loaded TensorFlow")\n')
        settings = {
            "split": "test",
            "lines_per_shard": 6,
            "seed": 3,
            "max_reject_fraction": 0.1,
            "image_encoding": "uint8",
        }
        flags = self.flags(**settings, workers=2)
        done = self.run_command(*flags, "--", "--job_name=lines", python_path=poison.full_path)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(
            result, {"split": "test", "read": 21, "written": 20, "refused": {"missing_image": 1}, "shards": 4}
        )
        alone = os.path.join(self.folder, "alone")
        self.convert(output=alone, **settings)
        self.assertEqual(read_folder(self.output), read_folder(alone))

    def test_two_lists_and_a_held_out_fraction_become_two_splits(self):
        write_lines(self.folder, 40)
        rows = [f"{n}.png {n % 10 + 1}" for n in range(40)]
        paths = [
            write_list(self.folder, part, name) for part, name in ((rows[:25], "a.txt"), (rows[25:], "b.txt"))
        ]
        lists = [f"--list={path}" for path in paths]
        done = self.run_command(*self.flags(validation_fraction=0.25, workers=1)[1:], *lists)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(result["written"] + result["validation"]["written"], 40)
        keys = [set(self.read_lines(split=split)) for split in ("train", "validation")]
        self.assertEmpty(keys[0] & keys[1])
        self.assertLen(keys[0] | keys[1], 40)

    def start(self, *flags: str) -> subprocess.Popen:
        """The command, in a process group of its own, when it has started to convert."""
        command = [sys.executable, "-m", "beam_jobs.convert", *flags]
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        while " are free" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        return process

    def write_slow_list(self) -> None:
        """A list that no machine converts before a signal comes."""
        write_lines(self.folder, 2)
        write_list(self.folder, ["0.png 1", "1.png 2"] * 200_000)

    def find_workers(self, process: subprocess.Popen) -> list[int]:
        """The worker processes, when there are two."""
        children = f"/proc/{process.pid}/task"
        found = []
        while len(found) < 2:
            self.assertIsNone(process.poll())
            paths = [os.path.join(children, task, "children") for task in os.listdir(children)]
            found = [int(pid) for path in paths for pid in read_words(path)]
        return found

    def assert_gone(self, pids: list[int]) -> None:
        """Waits until no such process runs; the test's own limit is the time they get."""
        while any(is_running(pid) for pid in pids):
            pass

    def test_a_killed_worker_ends_the_run_with_a_message(self):
        self.write_slow_list()
        process = self.start(*self.flags(duplicates="keep", workers=2))
        workers = self.find_workers(process)
        os.kill(workers[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(errors, "error: worker process: .*signal 9.*--workers.*same command resumes")
        self.assertNotIn("Traceback", errors)
        self.assert_gone(workers)

    @parameterized.parameters(1, 2)
    def test_ctrl_c_stops_with_a_message_and_leaves_no_process_and_no_temporary_file(self, workers):
        self.write_slow_list()
        process = self.start(*self.flags(duplicates="keep", workers=workers))
        pids = self.find_workers(process) if workers > 1 else []
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertIn("stopped; finished work is kept", errors)
        self.assert_gone(pids)
        self.assertEmpty([name for name in os.listdir(self.output) if ".tmp-" in name])

    def test_workers_end_with_a_command_that_is_killed(self):
        self.write_slow_list()
        process = self.start(*self.flags(duplicates="keep", workers=2))
        workers = self.find_workers(process)
        process.kill()
        process.communicate(timeout=30)
        self.assert_gone(workers)

    def test_an_output_that_cannot_be_written_is_an_error(self):
        write_lines(self.folder, 2)
        done = self.run_command(*self.flags(output=os.path.join(self.folder, "train.txt", "data"), workers=1))
        self.assertEqual(done.returncode, 1)
        self.assertIn("train.txt/data: received Not a directory", done.stderr)

    def test_a_beam_option_that_beam_does_not_know_is_an_error(self):
        write_lines(self.folder, 2)
        done = self.run_command(*self.flags(), "--", "--runer=FlinkRunner")
        self.assertEqual(done.returncode, 1)
        self.assertIn(
            "error: Beam options after --: received --runer=FlinkRunner, expected options that", done.stderr
        )
        self.assertFalse(os.path.exists(os.path.join(self.output, "dataset.json")))

    def test_an_unknown_flag_is_an_error(self):
        done = self.run_command(*self.flags(), "--shards=3")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Unknown command line flag 'shards'", done.stderr)

    def test_a_stray_word_is_an_error(self):
        done = self.run_command(*self.flags(), "train")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("stray arguments: train. Options are written --name=value.", done.stdout + done.stderr)

    def test_a_flag_that_is_needed_is_asked_for(self):
        done = self.run_command(*self.flags()[1:])
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--list", done.stderr)


if __name__ == "__main__":
    tf.test.main()
