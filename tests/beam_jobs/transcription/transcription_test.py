"""Transcriptions: rows, refusals, runners, the same command again, wrong settings."""

import os
import shutil
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.errors import UserError
from tests.beam_jobs.damage import cut_file, flip_bit
from tests.beam_jobs.transcription.fake_model import load_without_package, read_line, write_export
from tests.beam_jobs.transcription.transcription_case import TranscriptionTest, read_output
from tests.beam_jobs.transcription.transcripts import Transcript
from tests.messages import user_error
from tests.samples import draw_levels, write_lines, write_list


class WholeTest(TranscriptionTest, parameterized.TestCase):
    """What a run leaves, and what becomes of it when the command is given again."""

    def setUp(self):
        super().setUp()
        write_lines(self.folder, 10)
        with open(os.path.join(self.folder, "broken.png"), "wb") as file:
            file.write(b"\x89PNG")
        self.paths = [*(f"{n}.png" for n in range(6)), "none.png", "broken.png", "7.png", "0.png", "6.png"]
        write_list(self.folder, [f"{path} 1" for path in self.paths])

    def test_every_row_is_a_row_in_the_lists_order(self):
        result = self.transcribe()
        self.assertGreater(result.pop("seconds"), 0)
        refused = {"damaged_image": 1, "missing_image": 1}
        self.assertEqual(result, {"read": 11, "transcribed": 9, "refused": refused, "shards": 3})
        rows = self.read_rows()
        self.assertEqual([row.path for row in rows], self.paths)
        self.assertEqual(rows[6:8], [
            Transcript("none.png", "", 0.0, "missing_image"),
            Transcript("broken.png", "", 0.0, "damaged_image"),
        ])  # fmt: skip
        for row in rows[:6] + rows[8:]:
            text = read_line(draw_levels(int(row.path.removesuffix(".png"))))
            self.assertEqual(row, Transcript(row.path, text, 0.064, ""))

    def test_the_description_counts_what_exists(self):
        self.transcribe()
        content = self.describe()
        self.assertEqual([shard["rows"] for shard in content["shards"]], [4, 4, 3])
        self.assertEqual([shard["transcribed"] for shard in content["shards"]], [4, 2, 3])
        self.assertEqual(content["read"], content["transcribed"] + sum(content["refused"].values()))
        self.assertContainsSubset({"image_height": 32, "image_width": 0, "fit": "exact"}, content["model"])
        self.assertContainsSubset(
            {"lines_per_shard": 4, "batch_size": 3, "list_encoding": "utf-8"}, content["sources"]
        )
        self.assertIn("tensorflow", content["provenance"]["packages"])

    def test_a_finished_folder_holds_shards_rejects_and_description_alone(self):
        self.transcribe()
        shards = [f"transcripts-{k:05d}-of-00003.tsv" for k in range(3)]
        self.assertEqual(
            sorted(os.listdir(self.output)), ["transcription.json", *shards, "transcripts.rejects.tsv"]
        )
        with open(os.path.join(self.output, "transcripts.rejects.tsv"), encoding="utf-8") as file:
            rows = [line.split("\t")[:3] for line in file]
        listed = os.path.join(self.folder, "train.txt")
        self.assertEqual(rows, [
            [f"{listed}:7", "none.png 1", "missing_image"], [f"{listed}:8", "broken.png 1", "damaged_image"],
        ])  # fmt: skip

    @parameterized.named_parameters(
        ("two_processes", {"workers": 2}),
        (
            "a_portable_runner",
            {
                "beam_arguments": [
                    "--runner=PortableRunner",
                    "--job_endpoint=embed",
                    "--environment_type=LOOPBACK",
                ]
            },
        ),
    )
    def test_the_bytes_are_the_same_with(self, options):
        self.transcribe(output=os.path.join(self.folder, "one"))
        self.transcribe(**options)
        self.assertEqual(read_output(self.output), read_output(os.path.join(self.folder, "one")))

    def test_the_same_command_keeps_all_rows(self):
        self.transcribe()
        before = read_output(self.output)
        with mock.patch.object(images, "read_file", side_effect=AssertionError("read again")):
            result = self.transcribe()
        self.assertEqual((result["read"], result["transcribed"]), (11, 9))
        self.assertEqual(read_output(self.output), before)

    @parameterized.named_parameters(("gone", os.remove), ("cut", cut_file), ("flipped", flip_bit))
    def test_the_same_command_writes_a_shard_again_that_is(self, damage):
        self.transcribe()
        before = read_output(self.output)
        damage(os.path.join(self.output, "transcripts-00001-of-00003.tsv"))
        with mock.patch.object(images, "read_file", side_effect=images.read_file) as read:
            self.transcribe()
        self.assertEqual(read.call_count, 4)
        self.assertEqual(read_output(self.output), before)

    def test_a_shard_is_not_written_again_from_changed_images(self):
        self.transcribe()
        os.remove(os.path.join(self.output, "transcripts-00000-of-00003.tsv"))
        os.remove(os.path.join(self.folder, "1.png"))
        with self.assertRaisesRegex(
            UserError, "received other bytes than before.*have changed since: transcribe again with --overwrite"
        ):
            self.transcribe()

    def test_another_setting_is_refused_with_the_remedy(self):
        self.transcribe()
        before = read_output(self.output)
        parts = (
            "lines_per_shard 5, batch_size 2",
            "lines_per_shard 4, batch_size 3",
            "--overwrite",
            "--output",
        )
        with user_error(f"transcription {self.output}", *parts):
            self.transcribe(lines_per_shard=5, batch_size=2)
        self.assertEqual(read_output(self.output), before)
        self.transcribe(lines_per_shard=5, batch_size=2, overwrite=True)
        self.assertEqual([row.path for row in self.read_rows()], self.paths)

    def test_another_list_is_refused(self):
        self.transcribe()
        with open(os.path.join(self.folder, "train.txt"), "a") as file:
            file.write("1.png\n")
        with self.assertRaisesRegex(UserError, "^transcription .*: received lists .by SHA-256. "):
            self.transcribe()

    def test_another_model_is_refused(self):
        self.transcribe()
        other = write_export(os.path.join(self.folder, "other"), fit="pad", width=64)
        with self.assertRaisesRegex(UserError, "^transcription .*: received model .by SHA-256. "):
            self.transcribe(model=other)

    def test_another_inversion_is_refused(self):
        self.transcribe()
        with self.assertRaisesRegex(UserError, "^transcription .*: received invert always"):
            self.transcribe(invert="always")

    def test_a_missing_model_is_found_before_anything_is_written(self):
        with self.assertRaisesRegex(UserError, "^export none: received no export.json"):
            self.transcribe(model="none")
        self.assertFalse(os.path.exists(self.output))

    def test_a_worker_without_the_package_of_a_format_names_its_extra(self):
        with user_error("package onnxruntime", "densenet-ocr[read]"):
            self.transcribe_with(load_without_package)

    def test_unknown_files_are_replaced_only_with_overwrite(self):
        self.transcribe()
        os.remove(os.path.join(self.output, "transcription.json"))
        with user_error("4 files of split 'transcripts'", "transcription.json", "--overwrite"):
            self.transcribe()
        self.transcribe(overwrite=True)

    def test_too_many_refusals_are_an_error_with_max_reject_fraction(self):
        with self.assertRaisesRegex(UserError, "transcripts.rejects.tsv: received 2 of 11 refused .18.18%"):
            self.transcribe(max_reject_fraction=0.1)
        self.assertFalse(os.path.exists(os.path.join(self.output, "transcription.json")))
        self.transcribe(max_reject_fraction=0.2)

    @parameterized.parameters(
        (["none.png", "../0.png"], "no file {}/none.png"), (["../0.png"], "outside_root: ")
    )
    def test_a_list_of_missing_images_is_refused_before_anything_is_written(self, paths, why):
        write_list(self.folder, paths)
        why = why.format(self.folder)
        with self.assertRaisesRegex(
            UserError,
            f"^images: received none of those tried .{len(paths)}.; the first: {why}.*Check --image_root",
        ):
            self.transcribe()
        self.assertFalse(os.path.exists(self.output))

    def test_a_list_whose_first_images_alone_are_missing_is_transcribed(self):
        write_list(self.folder, ["none.png"] * 99 + ["0.png"])
        self.assertEqual(self.transcribe()["transcribed"], 1)

    def test_an_earlier_run_stays_if_the_new_images_are_missing(self):
        self.transcribe()
        before = read_output(self.output)
        with self.assertRaisesRegex(UserError, "^images: received none"):
            self.transcribe(image_root=self.model, overwrite=True)
        self.assertEqual(read_output(self.output), before)

    def test_no_readable_image_is_an_error_although_all_rows_are_written(self):
        write_list(self.folder, ["broken.png", "none.png"])
        for _ in range(2):  # whole the second time
            reasons = "1 damaged_image, 1 missing_image"
            with user_error("none of 2 rows", reasons, "--image_root", "--max_reject_fraction=1"):
                self.transcribe()
            self.assertEqual(self.describe()["transcribed"], 0)
            self.assertEqual([row.reason for row in self.read_rows()], ["damaged_image", "missing_image"])

    def test_reading_nothing_is_no_error_where_all_may_be_refused(self):
        write_list(self.folder, ["none.png", "../0.png"])
        result = self.transcribe(max_reject_fraction=1.0)
        self.assertEqual((result["read"], result["transcribed"]), (2, 0))
        self.assertEqual([row.reason for row in self.read_rows()], ["missing_image", "outside_root"])

    def test_a_path_that_is_not_text_differs_from_one_that_looks_like_it(self):
        for name in (b"\xff\xfe.png", rb"\xff\xfe.png"):
            shutil.copy(os.path.join(self.folder, "0.png"), os.path.join(os.fsencode(self.folder), name))
        with open(os.path.join(self.folder, "train.txt"), "wb") as file:
            file.write(b"0.png\n\xff\xfe.png\n" + rb"\xff\xfe.png")
        self.transcribe()
        with open(os.path.join(self.output, "transcripts-00000-of-00001.tsv"), "rb") as file:
            cells = [row.split(b"\t")[0] for row in file]
        self.assertEqual(cells, [b"0.png", rb"\xff\xfe.png", rb"\\xff\\xfe.png"])
        self.assertEqual([row.path for row in self.read_rows()], ["0.png", "\udcff\udcfe.png", r"\xff\xfe.png"])

    @parameterized.parameters("dataset.json", "config.json", "export.json", "notes.txt")
    def test_a_folder_of_something_else_is_no_output(self, name):
        os.makedirs(self.output)
        with open(os.path.join(self.output, name), "w"):
            pass
        for overwrite in (False, True):
            with user_error(f"output {self.output}", name, "--output"):
                self.transcribe(overwrite=overwrite)
        self.assertEqual(os.listdir(self.output), [name])

    def test_other_files_beside_transcripts_do_not_prevent_a_resume(self):
        self.transcribe()
        with open(os.path.join(self.output, "all.tsv"), "w"):
            pass
        self.transcribe()

    def test_a_list_of_no_rows_leaves_no_folder(self):
        with self.assertRaisesRegex(UserError, "received no rows"):
            self.transcribe(list_paths=(os.devnull,))
        self.assertFalse(os.path.exists(self.output))


class ConfigTest(TranscriptionTest, parameterized.TestCase):
    @parameterized.parameters(
        ("list_paths", (), "list"),
        ("lines_per_shard", 0, "lines_per_shard"),
        ("batch_size", 0, "batch_size"),
        ("max_reject_fraction", 1.5, "max_reject_fraction"),
        ("list_encoding", "utf-16", "list encoding"),
    )
    def test_refuses_a_wrong_value(self, name, value, subject):
        with self.assertRaisesRegex(UserError, f"^{subject}: received "):
            self.config(**{name: value})


if __name__ == "__main__":
    tf.test.main()
