"""Syntheses: records, description, resuming, refusals."""

import dataclasses
import json
import os
import pickle
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.beam_jobs.engine.source import RefusedRow, save_plan
from densenet_ocr.beam_jobs.inspection.job import format_dataset
from densenet_ocr.beam_jobs.sources.rows import RecordBuilder
from densenet_ocr.beam_jobs.synthesis.fonts.faces import PILLOW, find_faces
from densenet_ocr.beam_jobs.synthesis.rendering import layout, renderer
from densenet_ocr.beam_jobs.synthesis.rendering.renderer import LineRenderer
from densenet_ocr.beam_jobs.synthesis.rendering.style import StyleDistribution
from densenet_ocr.beam_jobs.synthesis.source import SyntheticSource
from densenet_ocr.beam_jobs.synthesis.text.plan import plan_dtype
from densenet_ocr.pipeline import images
from densenet_ocr.pipeline.dataset_info import DatasetInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests.beam_jobs.conversion.conversion_case import read_folder
from tests.beam_jobs.damage import cut_file, flip_bit
from tests.beam_jobs.synthesis.synthesis_case import CHARSET, TEXT, SynthesisTest


class SyntheticSourceTest(SynthesisTest):
    def make_source(self, texts: list[str], **changes) -> SyntheticSource:
        """A source of lines of these texts, three a shard."""
        plan = np.zeros(len(texts), plan_dtype(max(map(len, texts))))
        for row, text in zip(plan, texts, strict=True):
            row["length"] = len(text)
            row["ids"][: len(text)] = CHARSET.encode(text)
        path = os.path.join(self.folder, "plan.npy")
        geometry = Geometry(32, changes.pop("width", 160))
        given = {
            "plan": save_plan(path, plan, changes.pop("lines_per_shard", 3)),
            "split": "train",
            "seed": 7,
            "renderer": LineRenderer(find_faces([PILLOW]), StyleDistribution(), geometry),
            "builder": RecordBuilder(DatasetInfo(CHARSET, geometry, "uint8")),
            "with_images": True,
        }
        return SyntheticSource(**{**given, **changes})

    def test_a_record_is_its_decoded_image_with_its_text(self):
        source = self.make_source(["fox 13", "a", "dogs", "lazy"])
        self.assertEqual(source.plan.shard_count, 2)
        [(image, record)] = source.read(1)
        self.assertEqual((record.key, record.label), ("train/00000/00000003.jpg", CHARSET.encode("lazy")))
        np.testing.assert_array_equal(record.levels, images.decode(image))
        [read] = dataclasses.replace(source, with_images=False).read(1)
        np.testing.assert_array_equal(read.levels, record.levels)

    def test_a_line_does_not_depend_on_other_lines(self):
        source = self.make_source(["fox 13", "a", "dogs", "lazy"], lines_per_shard=4)
        last = list(source.read(0))[-1][0]
        other = pickle.loads(pickle.dumps(self.make_source(["fox 13", "a", "dogs", "lazy"], lines_per_shard=1)))
        self.assertEqual(next(other.read(3))[0], last)

    def test_number_split_and_seed_change_the_style(self):
        images = [image for image, _ in self.make_source(["fox", "fox", "fox"]).read(0)]
        images += [next(self.make_source(["fox"], **other).read(0))[0] for other in SOURCES]
        self.assertLen(set(images), 5)

    def test_a_line_too_long_for_an_image_is_refused(self):
        self.synthesize(lines=2, length="6", image_width=0, max_reject_fraction=1.0)
        with mock.patch.object(layout, "_MOST_COLUMNS", 50):
            result = self.synthesize(
                lines=2, length="6", image_width=0, max_reject_fraction=1.0, output=self.output + "2"
            )
        self.assertEqual((result["written"], result["refused"]), (0, {"too_large": 2}))

    def test_image_folders_have_a_thousand_lines(self):
        source = self.make_source(["a"])
        self.assertEqual(source.name_line(12_345), "train/00012/00012345.jpg")

    def test_a_line_too_narrow_for_its_text_is_refused(self):
        squeezed = StyleDistribution(stretch=(0.3,) * 5)
        renderer = LineRenderer(find_faces([PILLOW]), squeezed, Geometry(32, 0))
        [refused] = self.make_source(["1111111111"], width=0, renderer=renderer).read(0)
        self.assertIsInstance(refused, RefusedRow)
        self.assertEqual((refused.where, refused.row), ("train:0", "1111111111"))
        self.assertEqual(refused.reason, "label_too_long")

    def test_the_pickled_source_does_not_grow_with_the_plan(self):
        self.assertLess(len(pickle.dumps(self.make_source(["a"] * 50_000))), 5_000)


SOURCES = ({"split": "test"}, {"seed": 8})


class RecordsTest(parameterized.TestCase, SynthesisTest):
    def test_lines_are_parts_of_the_text_and_have_the_configured_size(self):
        result = self.synthesize()
        self.assertGreater(result.pop("seconds"), 0)
        self.assertEqual(result, {"split": "train", "read": 25, "written": 25, "refused": {}, "shards": 3})
        lines = self.read_lines()
        self.assertLen(lines, 25)
        for [(image, label)] in lines.values():
            self.assertEqual(image.shape, (32, 128))
            self.assertIn(CHARSET.decode(label), TEXT)

    def test_the_description_has_the_recipe_without_paths(self):
        self.synthesize(text=(f"{self.folder}/text.txt=2", "charset"), min_per_character=0)
        sources = load_dataset_info(self.output).find_split("train").sources
        self.assertNotIn(self.folder, json.dumps(sources))
        self.assertEqual([corpus["weight"] for corpus in sources["text"]], [2, 1])
        self.assertEqual([file["file"] for file in sources["text"][0]["files"]], ["text.txt"])
        [font] = sources["fonts"]
        self.assertEqual((font["file"], font["index"], len(font["sha256"])), (PILLOW, 0, 64))
        self.assertLen(sources["looks"]["blur"], 5)
        self.assertEqual(sources["found"]["characters that no face draws"], "陕")
        self.assertEqual(sources["found"]["in the text, outside the charset"]["most_frequent"], {",": 1})

    def test_describe_prints_the_recipe(self):
        self.synthesize(style="plain")
        info = load_dataset_info(self.output)
        lines = [row.strip() for row in format_dataset(folder=self.output, info=info, splits=["train"])]
        self.assertContainsSubset(["blur 0, 0, 0, 0, 0", "shade 0, 0, 0, 0, 0"], lines)
        self.assertLen(
            [row for row in lines if "source text.txt, weight 1.0, files file text.txt, sha256" in row], 1
        )

    def test_every_character_occurs_as_often_as_configured(self):
        self.synthesize(lines=40, min_per_character=3)
        counts = load_dataset_info(self.output).find_split("train").statistics["characters"]
        drawn = [str(k) for k in range(CHARSET.blank) if CHARSET.characters[k] != "陕"]
        self.assertCountEqual(counts, drawn)
        self.assertGreaterEqual(min(counts.values()), 3)

    def test_splits_of_one_seed_differ(self):
        self.synthesize()
        self.synthesize(split="test")
        [train, test] = [self.read_lines(split=split) for split in ("train", "test")]
        labels = [[label for [(_, label)] in lines.values()] for lines in (train, test)]
        self.assertNotEqual(*labels)

    def test_lines_without_a_width_are_as_wide_as_their_text(self):
        self.synthesize(image_width=0, max_reject_fraction=1)
        widths = {image.shape[1] for [(image, _)] in self.read_lines().values()}
        self.assertGreater(len(widths), 5)

    def test_the_same_call_repairs_a_finished_split(self):
        self.synthesize()
        before = read_folder(self.output)
        for damage in (os.remove, cut_file, flip_bit):
            damage(os.path.join(self.output, "train-00001-of-00003.tfrecord"))
            self.assertEqual(self.count_rendered(), 10)
            self.assertEqual(read_folder(self.output), before)

    @parameterized.named_parameters(
        ("a_setting", {"seed": 1}, "received seed 1, expected seed 0, with"),
        ("lines", {"lines": 26}, "received lines 26, expected lines 25, with"),
        (
            "a_weight",
            {"fonts": (f"{PILLOW}=2",)},
            r"received fonts.0.weight 2.0, expected fonts.0.weight 1.0, with",
        ),
        ("a_text", {"text": ("charset",)}, "received text.0.source charset, text.0.files"),
        ("looks", {"style": "plain"}, "received looks.ink_height "),
    )
    def test_a_different_recipe_is_refused(self, changes, received):
        self.synthesize()
        before = read_folder(self.output)
        with self.assertRaisesRegex(UserError, f"^split 'train' of {self.output}: {received}"):
            self.synthesize(**changes)
        self.assertEqual(read_folder(self.output), before)
        self.synthesize(overwrite=True, **changes)
        self.assertNotEqual(read_folder(self.output), before)

    def test_a_changed_text_file_is_refused(self):
        self.synthesize()
        with open(os.path.join(self.folder, "text.txt"), "a") as file:
            file.write("more\n")
        with self.assertRaisesRegex(
            UserError, r"received text.0.files.0.sha256 \w+, expected text.0.files.0.sha256 "
        ):
            self.synthesize()

    def test_another_renderer_version_is_refused(self):
        self.interrupt_run(12)
        with (
            mock.patch.object(renderer, "VERSION", 2),
            self.assertRaisesRegex(UserError, "received drawn by drawing 2, .*, expected drawn by drawing 1, "),
        ):
            self.synthesize()

    @parameterized.parameters(0, 1, 12, 24)
    def test_a_resumed_run_has_the_bytes_of_an_uninterrupted_one(self, after):
        whole = os.path.join(self.folder, "whole")
        self.synthesize(output=whole)
        self.interrupt_run(after)
        self.assertFalse(os.path.exists(os.path.join(self.output, "dataset.json")))
        self.assertEqual(self.count_rendered(), 25 - after // 10 * 10)
        self.assertEqual(read_folder(self.output), read_folder(whole))

    def test_too_many_refusals_fail_the_run(self):
        with (
            mock.patch.object(images, "decode_line", return_value=np.zeros((32, 16), np.uint8)),
            self.assertRaisesRegex(UserError, r"received \d+ of 25 refused .*label_too_long"),
        ):
            self.synthesize(image_width=0, length="6")
        rejects = self.read_rejects()
        self.assertLen(rejects, 25)
        self.assertEqual(rejects[3][0], "train:3")

    @parameterized.named_parameters(
        ("font", {"fonts": ("none/*.ttf",)}, "^fonts none/"),
        ("text", {"text": ("none.txt",)}, "^text none.txt: received no such file"),
        ("charset", {"charset_path": "none.txt"}, "^file none.txt"),
        ("map", {"character_map": "none.tsv"}, "^file none.tsv"),
    )
    def test_a_missing_input_is_refused_before_anything_is_written(self, changes, message):
        with self.assertRaisesRegex(UserError, message):
            self.synthesize(**changes)
        self.assertFalse(os.path.exists(self.output))


class RecipeTest(parameterized.TestCase, SynthesisTest):
    @parameterized.named_parameters(
        ("no_text", {"text": ()}, "^text: received .*, expected a text file or more"),
        ("no_lines", {"lines": 0}, "^lines: received 0, .*--lines"),
        ("no_output", {"output": ""}, "^output: received '', .*--output"),
        ("no_length", {"length": "0"}, "^length: received '0'"),
        ("no_room", {"length": "10-17"}, "^length: received '10-17', expected at most 16 characters"),
        ("no_looks", {"style": "ugly"}, "^style ugly: "),
        ("no_split", {"split": "a-b"}, "^split: received 'a-b'"),
        ("no_size", {"image_height": 4}, "^image height: received 4"),
        ("no_form", {"width_forms": "wide"}, "^width_forms: received 'wide', expected as_is, half, full"),
        ("no_kind", {"write": "png"}, "^write: received 'png', expected records, images"),
        ("no_encoding", {"image_encoding": "float16"}, "^image_encoding: "),
        ("no_fraction", {"max_reject_fraction": 2}, "^max_reject_fraction: "),
        ("no_count", {"min_per_character": -1}, "^min_per_character: received -1"),
    )
    def test_a_wrong_setting_is_refused(self, changes, message):
        with self.assertRaisesRegex(UserError, message):
            self.configure(**changes)


if __name__ == "__main__":
    tf.test.main()
