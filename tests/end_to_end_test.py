"""The commands of the README on a few lines: draw, convert, train until they are read, evaluate, predict."""

import json
import os
import subprocess
import sys

import tensorflow as tf

from densenet_ocr.pipeline.charset import Charset


class EndToEndTest(tf.test.TestCase):
    def call(self, module, *arguments, expected_status=0):
        """Runs a binary and returns its standard output's lines."""
        done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, expected_status, done.stderr)
        self.stderr = done.stderr
        return done.stdout.splitlines()

    def draw_and_convert(self, folder):
        lines = os.path.join(folder, "lines")
        charset = os.path.join(folder, "charset.txt")
        Charset("0123456789").write(charset)
        self.call(
            "beam_jobs.synthesize",
            "--fonts=pillow",
            "--text=charset",
            "--length=2",
            f"--charset={charset}",
            f"--output={lines}",
            "--write=images",
            "--lines=8",
            "--image_width=40",
            "--workers=1",
        )
        with open(os.path.join(lines, "train.txt")) as file:
            rows = file.read()
        for split, repeats in (("train", 80), ("test", 1)):
            path = os.path.join(folder, f"{split}.txt")
            with open(path, "w") as file:
                file.write(rows * repeats)
            output = self.call(
                "beam_jobs.convert",
                f"--list={path}",
                f"--image_root={lines}",
                f"--charset={charset}",
                f"--output={folder}/data",
                f"--split={split}",
                "--image_width=40",
                "--duplicates=keep",
                "--workers=1",
            )
            self.assertEqual(json.loads(output[-1])["written"], 8 * repeats)
        return [os.path.join(lines, row.split()[0]) for row in rows.splitlines()], rows

    def test_a_list_in_and_a_reading_model_out(self):
        folder = self.create_tempdir().full_path
        paths, rows = self.draw_and_convert(folder)
        data, run = f"--data={folder}/data", f"{folder}/run"
        settings = [
            "--batch_size=4",
            "--epochs=2",
            "--learning_rate=3e-3",
            "--schedule=cosine",
            "--warmup_steps=20",
        ]
        trained = json.loads(self.call("model.train", data, f"--run={run}", *settings)[-1])
        self.assertEqual(
            set(trained), {"step", "loss", "images_per_second", "split", "lines", "exact_match", "cer"}
        )
        self.assertEqual((trained["step"], trained["split"], trained["lines"]), (320, "test", 8))
        evaluated = json.loads(self.call("model.evaluate", f"--model={run}", data, "--split=test")[-1])
        self.assertEqual(set(evaluated), {"split", "lines", "exact_match", "exact_match_95", "cer", "seconds"})
        self.assertEqual(evaluated["exact_match"], 1.0)
        self.assertEqual(evaluated["exact_match"], trained["exact_match"])
        truth = ["".join(str(int(k) - 1) for k in row.split()[1:]) for row in rows.splitlines()]
        missing = os.path.join(folder, "missing.jpg")
        readings = self.call("model.predict", f"--model={run}", missing, *paths, expected_status=1)
        self.assertIn(f"error: {missing}: missing_image", self.stderr)
        self.assertEqual(
            [reading.split("\t")[:2] for reading in readings], [list(p) for p in zip(paths, truth, strict=True)]
        )
        self.assertTrue(all(0 < float(reading.split("\t")[2]) <= 1 for reading in readings))


if __name__ == "__main__":
    tf.test.main()
