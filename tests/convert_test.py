"""Conversions of real lists and images, in this process and as a command."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from unittest import mock

import numpy as np
import PIL.Image
import tensorflow as tf
from absl.testing import parameterized

from beam_jobs.conversion import convert
from pipeline import images, storage
from pipeline.charset import Charset
from pipeline.dataset import evaluation_input
from pipeline.dataset_info import load_dataset_info
from pipeline.errors import REASONS, UserError
from tests.samples import CHARSET, conversion, draw_levels, encode_image, write_lines, write_list

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read_folder(folder: str) -> dict[str, bytes]:
    """The files of a data set, dataset.json without its provenance."""
    files = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    content = json.loads(files["dataset.json"])
    del content["provenance"]
    return {**files, "dataset.json": json.dumps(content).encode()}


class ConversionTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path
        self.output = os.path.join(self.folder, "data")

    def convert(self, **changes) -> dict:
        return convert(conversion(self.folder, **changes), workers=1)

    def read_lines(
        self, output: str = "", split: str = "train"
    ) -> dict[str, list[tuple[np.ndarray, list[int]]]]:
        """Images [H, W] and labels of a split by key, through tf.data."""
        folder = output or self.output
        info = load_dataset_info(folder)
        lines = {}
        for batch in evaluation_input(folder=folder, info=info, split=split, batch_size=1):
            label = batch["label"][0, : batch["label_length"][0]].numpy().tolist()
            lines.setdefault(batch["key"][0].numpy().decode(), []).append(
                (batch["image"][0, ..., 0].numpy(), label)
            )
        return lines

    def read_labels(self) -> dict[str, list[list[int]]]:
        return {key: [label for _, label in lines] for key, lines in self.read_lines().items()}

    def read_rejects(self, split: str = "train") -> list[list[str]]:
        with open(os.path.join(self.output, f"{split}.rejects.tsv"), encoding="utf-8", newline="\n") as file:
            return [line.removesuffix("\n").split("\t") for line in file]


class RecordsTest(ConversionTest):
    def test_pixels_and_labels_read_back_as_they_were_drawn(self):
        write_lines(self.folder, 20)
        result = self.convert()
        lines = self.read_lines()
        self.assertLen(lines, 20)
        for number in range(20):
            [(image, label)] = lines[f"{number}.png"]
            self.assertEqual(image.tobytes(), images.normalise(draw_levels(number)).tobytes())
            self.assertEqual(label, [int(digit) for digit in str(number)])
        self.assertContainsSubset(
            {"split": "train", "read": 20, "written": 20, "refused": {}, "shards": 3}, result
        )

    def test_uint8_and_float32_read_back_bit_identical(self):
        write_lines(self.folder, 10)
        outputs = {encoding: os.path.join(self.folder, encoding) for encoding in ("uint8", "float32")}
        for encoding, output in outputs.items():
            self.convert(output=output, image_encoding=encoding)
        levels, floats = (self.read_lines(output) for output in outputs.values())
        self.assertEqual(list(levels), list(floats))
        for key in levels:
            self.assertEqual(levels[key][0][0].tobytes(), floats[key][0][0].tobytes())
            self.assertEqual(levels[key][0][1], floats[key][0][1])

    def test_rows_of_ids_and_of_text_and_odd_rows_become_records(self):
        write_lines(self.folder, 4)
        rows = ["\ufeff0.png 1 2\r", "", "1.png\tb a\r", " .\\2.png  3 ", "./3.png\t4 "]
        write_list(self.folder, rows)
        self.convert()
        expected = {"0.png": "01", "1.png": "b a", ".\\2.png": "2", "./3.png": "4 "}
        self.assertEqual(self.read_labels(), {key: [CHARSET.encode(text)] for key, text in expected.items()})

    def test_another_run_gives_the_same_bytes(self):
        write_lines(self.folder, 12)
        write_list(self.folder, [f"{n}.png 1" for n in range(12)] + ["none.png 1", "0.png 2"])
        outputs = [os.path.join(self.folder, name) for name in ("one", "two")]
        for output in outputs:
            self.convert(output=output, max_reject_fraction=1.0)
        self.assertEqual(*map(read_folder, outputs))

    def test_another_seed_gives_another_order(self):
        write_lines(self.folder, 12)
        orders = []
        for seed in (0, 1):
            self.convert(seed=seed, overwrite=True)
            orders.append(list(self.read_lines()))
        self.assertNotEqual(*orders)
        self.assertCountEqual(*orders)

    def test_a_finished_folder_holds_shards_rejects_and_description_alone(self):
        write_lines(self.folder, 12)
        self.convert()
        self.assertEqual(
            sorted(os.listdir(self.output)),
            [
                "dataset.json",
                "train-00000-of-00002.tfrecord",
                "train-00001-of-00002.tfrecord",
                "train.rejects.tsv",
            ],
        )
        self.assertEqual(self.read_rejects(), [])

    def test_the_description_tells_what_the_split_holds_and_was_made_of(self):
        write_lines(self.folder, 12)
        self.convert(seed=3)
        info = load_dataset_info(self.output)
        split = info.find_split("train")
        self.assertEqual((info.charset, info.geometry), (CHARSET, images.Geometry(32, 64)))
        self.assertEqual([shard.records for shard in split.shards], [8, 4])
        self.assertEqual(split.statistics["label_lengths"], {"1": 10, "2": 2})
        self.assertEqual(split.statistics["widths"], {"64": 12})
        self.assertEqual(
            split.statistics["characters"], {str(k): 4 if k == 1 else 2 if k == 0 else 1 for k in range(10)}
        )
        hashes = {}
        for name in ("train.txt", "charset.txt"):
            with open(os.path.join(self.folder, name), "rb") as file:
                hashes[name] = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(
            split.sources,
            {
                "list_sha256": hashes["train.txt"],
                "charset_sha256": hashes["charset.txt"],
                "image_root": self.folder,
                "lines_per_shard": 8,
                "seed": 3,
                "duplicates": "last",
            },
        )
        self.assertContainsSubset(["command", "started", "packages"], info.provenance["train"])


class RefusalsTest(parameterized.TestCase, ConversionTest):
    def write_bytes(self, name: str, data: bytes):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(data)

    def test_every_kind_of_refusal_is_counted_and_stands_in_the_rejects_in_the_lists_order(self):
        write_lines(self.folder, 2)
        os.makedirs(os.path.join(self.folder, "folder"))
        deep = os.path.join(self.folder, "deep.png")
        PIL.Image.fromarray(np.zeros((32, 64), np.uint16)).save(deep)
        self.write_bytes("damaged.png", encode_image(draw_levels(1))[:-500])
        self.write_bytes("wide.png", encode_image(draw_levels(1, 32, 65)))
        rows = [
            (b"wide.png 1", "wrong_size", "65x32 pixels, the data set's are 64x32"),
            (b"deep.png 1", "unsupported_image", "pixels of mode I;16"),
            (b"damaged.png 1", "damaged_image", "truncated"),
            (b"0.png 1", None, None),
            (b"folder 1", "unreadable_image", "Is a directory"),
            (b"none.png 1", "missing_image", "none.png"),
            (b"1.png 1", "duplicate", "the path stands in another row too"),
            (b"long.png\t11111", "label_too_long", "5 characters need 9 frames, 64 pixels give 8"),
            (b"x.png\taz", "unknown_character", "'z' (U+007A)"),
            (b"y.png 14", "bad_id", "id '14' is not a whole number from 1 to 13"),
            (b"z.png", "no_label", "nothing follows the path"),
            (b"../0.png 1", "outside_root", "leads out of the image root"),
            (b"a\0.png 1", "bad_path", "NUL"),
            (b"\xff.png 1", "not_utf8", "invalid start byte"),
            (b"1.png 2", None, None),
        ]
        self.write_bytes("train.txt", b"\r\n".join(row for row, _, _ in rows))
        result = self.convert(max_reject_fraction=1.0, lines_per_shard=4)
        self.assertEqual(result["refused"], dict.fromkeys(sorted(REASONS), 1))
        self.assertEqual((result["read"], result["written"]), (15, 2))
        self.assertEqual(self.read_labels(), {"0.png": [[0]], "1.png": [[1]]})
        path = os.path.join(self.folder, "train.txt")
        expected = [(number, *row) for number, row in enumerate(rows, start=1) if row[1]]
        for cells, (number, row, reason, detail) in zip(self.read_rejects(), expected, strict=True):
            shown = row.decode("utf-8", "backslashreplace").replace("\\", "\\\\").replace("\t", "\\t")
            self.assertEqual(cells[:3], [f"{path}:{number}", shown, reason])
            self.assertIn(detail, cells[3])

    def test_too_many_refusals_fail_the_run_and_leave_the_split_out(self):
        write_lines(self.folder, 3)
        self.convert(split="test")
        write_list(self.folder, ["0.png 1", "none.png 1", "1.png 1", "2.png 1"])
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"rows of {self.output}/train.rejects.tsv: received 1 of 4 refused (25.00%), "
            "expected at most 1.00%. "
            "Mend the rows listed there, or raise --max_reject_fraction to go on without them.",
        ):
            self.convert()
        self.assertEqual(list(load_dataset_info(self.output).splits), ["test"])
        self.assertEqual([cells[2] for cells in self.read_rejects()], ["missing_image"])

    def test_just_as_many_refusals_as_allowed_are_fine(self):
        write_lines(self.folder, 3)
        write_list(self.folder, ["0.png 1", "none.png 1", "1.png 1", "2.png 1"])
        self.assertEqual(self.convert(max_reject_fraction=0.25)["refused"], {"missing_image": 1})

    def test_a_run_that_failed_can_be_repeated_when_the_rows_are_mended(self):
        write_lines(self.folder, 3)
        write_list(self.folder, ["0.png 1", "none.png 1"])
        with self.assertRaises(UserError):
            self.convert(lines_per_shard=1)
        write_list(self.folder, ["0.png 1", "1.png 1"])
        self.convert()
        self.assertEqual(
            sorted(os.listdir(self.output)),
            ["dataset.json", "train-00000-of-00001.tfrecord", "train.rejects.tsv"],
        )

    @parameterized.parameters(
        ("last", {"0.png": [[2]], "1.png": [[4]]}, 1),
        ("first", {"0.png": [[0]], "1.png": [[4]]}, 1),
        ("refuse", {"1.png": [[4]]}, 2),
        ("keep", {"0.png": [[0], [2]], "1.png": [[4]]}, 0),
    )
    def test_a_path_that_stands_twice_counts_as_told(self, duplicates, labels, refused):
        write_lines(self.folder, 2)
        write_list(self.folder, ["0.png 1", "1.png 5", "0.png\t2"])
        result = self.convert(duplicates=duplicates, max_reject_fraction=1.0)
        read = self.read_labels()
        self.assertEqual({key: sorted(value) for key, value in read.items()}, labels)
        self.assertEqual(result["refused"], {"duplicate": refused} if refused else {})
        self.assertEqual(result["read"], 3)

    @parameterized.parameters([[]], [["", "  ", "\t"]])
    def test_a_list_without_rows_is_refused(self, rows):
        write_list(self.folder, rows)
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"list {self.folder}/train.txt: received no rows, expected at least one row that is not blank. "
            "Check that --list names the list of lines.",
        ):
            self.convert()
        self.assertFalse(os.path.exists(os.path.join(self.output, "dataset.json")))

    def test_a_split_of_refusals_alone_is_whole_where_that_is_allowed(self):
        write_list(self.folder, ["none.png 1"])
        result = self.convert(max_reject_fraction=1.0)
        self.assertEqual((result["read"], result["written"], result["shards"]), (1, 0, 1))
        self.assertEqual(load_dataset_info(self.output).find_split("train").written, 0)

    def test_a_disk_without_enough_space_is_told_before_anything_is_written(self):
        write_lines(self.folder, 20)
        with mock.patch.object(storage, "free_bytes", return_value=60_000):
            with self.assertRaisesWithLiteralMatch(
                UserError,
                f"output {self.output}: received 0.1 MB of free space, "
                "expected about 0.2 MB for 20 rows as float32. "
                "Free space or choose another --output; --image_encoding=uint8 takes a quarter of float32.",
            ):
                self.convert()
            self.assertEqual([name for name in os.listdir(self.output) if "tfrecord" in name], [])
            self.assertEqual(self.convert(image_encoding="uint8")["written"], 20)

    def test_a_missing_image_root_is_told_at_once(self):
        write_lines(self.folder, 3)
        root = os.path.join(self.folder, "none")
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"image root {root}: received no such folder, "
            "expected the folder that the list's paths start from. "
            "Check --image_root.",
        ):
            self.convert(image_root=root)

    @parameterized.parameters("\x0c", "\x0b", " \x0c ")
    def test_a_row_of_other_white_space_is_a_refusal(self, row):
        write_list(self.folder, [row])
        self.assertEqual(self.convert(max_reject_fraction=1.0)["refused"], {"no_label": 1})

    def test_a_list_may_have_a_name_that_is_not_utf8(self):
        name = os.path.join(os.fsencode(self.folder), b"\xff.txt")
        os.rename(write_list(self.folder, ["none.png 1"]), name)
        self.convert(list_path=os.fsdecode(name), max_reject_fraction=1.0)
        with open(os.path.join(self.output, "train.rejects.tsv"), "rb") as file:
            self.assertStartsWith(file.read(), name + b":1\t")


class DataSetTest(parameterized.TestCase, ConversionTest):
    def setUp(self):
        super().setUp()
        write_lines(self.folder, 12)
        self.convert()

    def names(self) -> list[str]:
        return sorted(os.listdir(self.output))

    def test_refuses_a_split_that_is_there_and_leaves_it(self):
        before = read_folder(self.output)
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"data set {self.output}: received a conversion to split 'train', which is there and whole, "
            "expected a split that is not there yet. "
            "Add --overwrite to replace it, or choose another --split or --output.",
        ):
            self.convert()
        self.assertEqual(read_folder(self.output), before)

    @parameterized.parameters(5, 100)
    def test_overwrite_replaces_the_split_and_leaves_no_shard_of_the_old_one(self, lines_per_shard):
        write_lines(self.folder, 15)
        self.convert(overwrite=True, lines_per_shard=lines_per_shard)
        shards = [shard.name for shard in load_dataset_info(self.output).find_split("train").shards]
        self.assertEqual(self.names(), sorted(["dataset.json", "train.rejects.tsv", *shards]))
        self.assertLen(self.read_lines(), 15)

    @parameterized.named_parameters(
        ("without_a_list", {"list_path": "none.txt"}, []),
        ("with_a_list_of_no_rows", {"list_path": os.devnull}, []),
        ("without_images", {"image_root": "none"}, []),
        ("with_an_option_that_beam_does_not_know", {}, ["--runer=FlinkRunner"]),
    )
    def test_overwrite_keeps_the_old_split_where_the_new_one_cannot_begin(self, changes, beam_arguments):
        before = read_folder(self.output)
        with self.assertRaises(UserError):
            convert(
                conversion(self.folder, overwrite=True, **changes), workers=1, beam_arguments=beam_arguments
            )
        self.assertEqual(read_folder(self.output), before)

    def test_overwrite_keeps_the_old_split_where_there_is_no_space(self):
        before = read_folder(self.output)
        with mock.patch.object(storage, "free_bytes", return_value=1), self.assertRaises(UserError):
            self.convert(overwrite=True)
        self.assertEqual(read_folder(self.output), before)

    def test_overwrite_leaves_other_splits_as_they_are(self):
        self.convert(split="test")
        before = read_folder(self.output)
        self.convert(overwrite=True, lines_per_shard=3)
        after = read_folder(self.output)
        for name in before:
            if name.startswith("test"):
                self.assertEqual(after[name], before[name])
        info = load_dataset_info(self.output)
        self.assertEqual(list(info.splits), ["test", "train"])
        self.assertEqual(list(info.provenance), ["test", "train"])
        self.assertLen(self.read_lines(split="test"), 12)

    def test_overwrite_of_the_only_split_may_change_what_splits_share(self):
        Charset("9876543210").write(os.path.join(self.folder, "charset.txt"))
        self.convert(overwrite=True, image_encoding="uint8")
        info = load_dataset_info(self.output)
        self.assertEqual((info.charset.characters, info.image_encoding), ("9876543210", "uint8"))

    def assert_refuses_to_join(self, subject: str, received: str, expected: str, **changes):
        before = read_folder(self.output)
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"data set {self.output}: {subject}: received {received}, "
            f"expected {expected}, as split train has it. "
            "All splits of a data set share it: convert with the same, or into another --output.",
        ):
            self.convert(split="test", **changes)
        self.assertEqual(read_folder(self.output), before)

    def test_a_second_split_has_the_first_ones_charset(self):
        other = Charset("0123456789 ab")
        other.write(os.path.join(self.folder, "other.txt"))
        path = os.path.join(self.folder, "other.txt")
        self.assert_refuses_to_join("charset (by SHA-256)", other.sha256, CHARSET.sha256, charset_path=path)

    def test_a_second_split_has_the_first_ones_size(self):
        self.assert_refuses_to_join(
            "image size", "Geometry(height=32, width=72)", "Geometry(height=32, width=64)", image_width=72
        )

    def test_a_second_split_has_the_first_ones_encoding(self):
        self.assert_refuses_to_join("image encoding", "uint8", "float32", image_encoding="uint8")

    def test_leftovers_of_a_run_that_crashed_are_swept(self):
        with (
            mock.patch.object(images, "decode_exact", side_effect=MemoryError("no memory")),
            self.assertRaisesRegex(Exception, "no memory"),
        ):
            self.convert(overwrite=True)
        self.assertEqual(list(load_dataset_info(self.output).splits), [])
        for name in (
            "train-00003-of-00007.tfrecord",
            "train-00003-of-00007.tfrecord.tmp-0a1b2c3d",
            "dataset.json.tmp-0a1b2c3d",
        ):
            shutil.copy(os.path.join(self.folder, "train.txt"), os.path.join(self.output, name))
        self.convert()
        self.assertEqual(
            self.names(),
            [
                "dataset.json",
                "train-00000-of-00002.tfrecord",
                "train-00001-of-00002.tfrecord",
                "train.rejects.tsv",
            ],
        )
        self.assertLen(self.read_lines(), 12)

    def test_refuses_a_data_set_whose_description_is_damaged(self):
        with open(os.path.join(self.output, "dataset.json"), "w") as file:
            file.write("{")
        with self.assertRaisesRegex(UserError, "dataset.json: received JSONDecodeError.*Convert again"):
            self.convert(split="test")


class ConfigTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ("split", "a-b", "letters, digits and underscores"),
        ("split", "", "letters, digits and underscores"),
        ("split", "../x", "letters, digits and underscores"),
        ("split", "train\n", "letters, digits and underscores"),
        ("lines_per_shard", 0, "at least 1"),
        ("seed", -1, "0 to 9223372036854775807"),
        ("max_reject_fraction", 1.01, "0 to 1"),
        ("max_reject_fraction", -0.5, "0 to 1"),
        ("max_reject_fraction", float("nan"), "0 to 1"),
        ("duplicates", "all", "last, first, refuse, keep"),
    )
    def test_refuses_a_wrong_value(self, name, value, expected):
        with self.assertRaisesWithLiteralMatch(
            UserError, f"{name}: received {value!r}, expected {expected}. Set --{name}."
        ):
            conversion("/none", **{name: value})

    @parameterized.parameters(
        (
            "image_encoding",
            "png",
            "image encoding: received 'png', expected float32 or uint8. Set --image_encoding.",
        ),
        ("image_height", 6, "image height: received 6, expected at least 7 pixels, which make one frame"),
        ("image_width", 0, "image width: received 0, expected at least 7 pixels, which make one frame"),
    )
    def test_refuses_an_encoding_or_size_that_cannot_be(self, name, value, message):
        with self.assertRaisesRegex(UserError, f"^{message}"):
            conversion("/none", **{name: value})

    def test_is_the_notebooks_size_where_nothing_is_said(self):
        given = conversion("/none", image_width=280)
        self.assertEqual(given.geometry, images.Geometry())
        self.assertEqual(
            (given.image_encoding, given.max_reject_fraction, given.duplicates), ("float32", 0.01, "last")
        )


class CommandTest(ConversionTest):
    def run_command(self, *arguments: str, python_path: str = "") -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "beam_jobs.convert", *arguments]
        environment = {**os.environ, "PYTHONPATH": python_path}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    def flags(self, **changes) -> list[str]:
        given = {
            "list": os.path.join(self.folder, "train.txt"),
            "image_root": self.folder,
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
        told = {
            "split": "test",
            "lines_per_shard": 6,
            "seed": 3,
            "max_reject_fraction": 0.1,
            "image_encoding": "uint8",
        }
        flags = self.flags(**told, workers=2)
        done = self.run_command(*flags, "--", "--job_name=lines", python_path=poison.full_path)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(
            result, {"split": "test", "read": 21, "written": 20, "refused": {"missing_image": 1}, "shards": 4}
        )
        alone = os.path.join(self.folder, "alone")
        self.convert(output=alone, **told)
        self.assertEqual(read_folder(self.output), read_folder(alone))

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
