"""Transfer: weights of a run travel by character; what cannot be transferred is refused."""

import contextlib
import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.densenet import HEAD, build_densenet
from densenet_ocr.model.training.transfer import begin_with
from densenet_ocr.model.training.weights import load_model, read_weights
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.exports.export_info import ExportInfo
from densenet_ocr.pipeline.geometry import Geometry
from tests.messages import user_error
from tests.model.training.transfer.transfer_case import OLD, make_run, settings
from tests.samples import CHARSET, draw_levels, shallow_network


class TransferTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.old = make_run(cls.folder)
        cls.best = os.path.join(cls.old, "weights", "best.weights.h5")

    def begin(self, data: Charset, mode: str = "fail", *, height: int = 32, old: str | None = None):
        info = DatasetInfo(data, Geometry(height, 64), "uint8")
        run = os.path.join(self.create_tempdir().full_path, "run")
        return begin_with(settings(old or self.old, mode), info, run)

    def test_what_is_no_run_is_refused_with_what_it_is(self):
        export = self.create_tempdir().full_path
        info = ExportInfo("onnx", "float32", "", 0.5, 1e-3, provenance={"model": "its-run"})
        info.save(export)
        with open(os.path.join(export, "model.onnx"), "wb"):
            pass
        with user_error("init_from", "'nope', no such folder", "a run", "Check the path"):
            self.begin(OLD, old="nope")
        with user_error("init_from", export, "an export", "a run", "made from: its-run"):
            self.begin(OLD, old=export)
        missing = os.path.join(self.old, "weights", "epoch-0009.weights.h5")
        with user_error(missing, "best.weights.h5", "--init_from"):
            self.begin(OLD, old=missing)

    def logits_of(self, model) -> np.ndarray:
        lines = np.stack([draw_levels(n) for n in range(2)]) / np.float32(255) - 0.5
        return model(lines[..., None], training=False).numpy()

    @parameterized.parameters(
        ("fail", Charset("y0123456789x"), "y0123456789x"),
        ("union", CHARSET, "0123456789ab xy"),
        ("new", CHARSET, "0123456789ab "),
    )
    def test_a_character_keeps_its_logits_wherever_its_class_lies(self, mode, data, expected):
        info, source = self.begin(data, mode)
        self.assertEqual(info.charset.characters, expected)
        new = build_densenet(height=32, classes=info.charset.classes, seed=3)
        fresh = new.get_layer(HEAD).get_weights()
        source.place(new, info.charset)
        before, after = self.logits_of(load_model(self.old)[0]), self.logits_of(new)
        for character in set(expected) & set(OLD.characters):
            (k,), (j,) = OLD.encode(character), info.charset.encode(character)
            self.assertAllClose(before[..., k], after[..., j], rtol=1e-5, atol=1e-5)
        self.assertAllClose(before[..., -1], after[..., -1], rtol=1e-5, atol=1e-5)  # the blank
        added = [k for k, character in enumerate(expected) if character not in OLD]
        old = load_model(self.old)[0].get_layer(HEAD).get_weights()
        for placed, initial, learned in zip(new.get_layer(HEAD).get_weights(), fresh, old, strict=True):
            mean = learned[..., :-1].mean(-1, keepdims=True)  # of all characters, the blank apart
            self.assertAllClose(placed[..., added], initial[..., added] + mean)

    def test_a_network_for_lines_of_any_width_has_the_same_weights(self):
        model = build_densenet(height=32, classes=OLD.classes, padded=True)
        read_weights(self.old, data=OLD).place(model, OLD)
        lines = np.stack([draw_levels(n) for n in range(2)])[..., None] / np.float32(255) - 0.5
        logits = model([lines, np.array([64, 64])], training=False)
        self.assertAllClose(logits, self.logits_of(load_model(self.old)[0]), rtol=1e-5, atol=1e-5)

    def test_by_default_other_characters_are_refused_by_name(self):
        with self.assertRaisesRegex(
            UserError,
            r"^charset of the data: received 3 characters: 'a' .U.0061., 'b' .*, ' ' .* that "
            f"{self.old} lacks, .* 2 characters: 'x' .*, 'y' .*--charset_mode=union .*=new",
        ):
            self.begin(CHARSET)

    def test_many_other_characters_are_counted(self):
        with self.assertRaisesRegex(UserError, "received 26 characters: 'A' .*'T' .U.0054. and 6 more that"):
            self.begin(Charset(OLD.characters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))

    def test_dropped_characters_are_logged(self):
        with self.assertLogs(level="WARNING") as logs:
            self.begin(CHARSET, "new")
        self.assertLen(logs.output, 1)
        self.assertIn("2 characters: 'x' (U+0078), 'y' (U+0079) dropped", logs.output[0])

    def test_another_height_of_features_is_refused(self):
        with self.assertRaisesRegex(
            UserError,
            "image height of the data: received 48, .* 6 rows .*, expected 4 rows, .*old.* --image_height=32",
        ):
            self.begin(OLD, height=48)
        self.assertEqual(self.begin(OLD, height=36)[1].height, 32)

    def test_a_weights_file_of_a_run_has_the_runs_characters(self):
        self.assertEqual(read_weights(self.best, data=CHARSET).charset, OLD)
        with contextlib.chdir(os.path.dirname(self.best)):
            self.assertEqual(read_weights("best.weights.h5", data=CHARSET).charset, OLD)

    def test_a_run_has_its_characters(self):
        for path in (self.old, self.best):
            with self.assertRaisesRegex(
                UserError, "init_charset: received 'c.txt', expected none, .*old has a charset"
            ):
                read_weights(path, data=OLD, charset_path="c.txt")

    def test_a_weights_file_outside_of_a_run_is_refused(self):
        alone = os.path.join(self.create_tempdir().full_path, "best.weights.h5")
        shutil.copy(self.best, alone)
        with self.assertRaisesRegex(
            UserError,
            "weights .*best.weights.h5: received a weights file of Keras 3 that is not in a run, expected a "
            "run, a file in a run's folder weights, or .* Name the folder of the run: its charset maps classes",
        ):
            self.begin(OLD, old=alone)

    def test_a_truncated_weights_file_is_refused(self):
        old = os.path.join(self.create_tempdir().full_path, "old")
        shutil.copytree(self.old, old)
        path = os.path.join(old, "weights", "best.weights.h5")
        os.truncate(path, os.path.getsize(path) // 2)
        with self.assertRaisesRegex(UserError, f"weights {path}: received .* in training, by --init_from"):
            self.begin(OLD, old=old)

    def test_a_folder_that_is_no_run_is_refused(self):
        with self.assertRaisesRegex(UserError, "another folder, expected a run"):
            self.begin(OLD, old=self.folder)


if __name__ == "__main__":
    tf.test.main()
