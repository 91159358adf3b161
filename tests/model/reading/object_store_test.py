"""Models, images, reports and pictures in a bucket give what local ones give."""

import contextlib
import io
import os
import shutil
import tempfile
from unittest import mock

import numpy as np
import PIL.Image
import tensorflow as tf

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.reading.config import EvaluateConfig, ModelConfig, PredictConfig, WeightsConfig
from densenet_ocr.model.reading.evaluation import evaluate
from densenet_ocr.model.reading.image_paths import find_images, read_list
from densenet_ocr.model.reading.loading import choose_network, load_network, needs_tensorflow
from densenet_ocr.model.reading.prediction import predict
from densenet_ocr.model.recognizer import Recognizer
from densenet_ocr.model.training.config import TrainConfig
from densenet_ocr.model.training.run.run_config import RunConfig
from densenet_ocr.model.training.run.run_folder import RunFolder, open_run
from densenet_ocr.model.training.weights import read_weights
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.dataset_info import load_dataset_info
from densenet_ocr.pipeline.errors import Refused
from densenet_ocr.pipeline.lists.config import ListConfig
from tests.messages import user_error
from tests.model.exports.export_case import export, make_network
from tests.model.keras2.keras2_case import draw_layers, shallow, write_keras2
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import CHARSET, convert_lines, draw_levels, encode_image, shallow_network
from tests.servers.s3 import use_s3
from tests.servers.web import serve_web

LINES = 5


def write_run(path: str, data: str) -> None:
    """A run of the data set whose weights are initial ones, other ones for the epoch than for the best."""
    run = open_run(RunFolder(path), RunConfig(TrainConfig(), data), load_dataset_info(data))
    for seed, name in enumerate(("best", "epoch-0001")):
        model = build_densenet(height=32, classes=CHARSET.classes, seed=seed)
        model.save_weights(os.path.join(run.weights, f"{name}.weights.h5"))


class RemoteCase(StoreCase):
    """A data set `data`, its images and a `run` in a folder and in a bucket."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(shallow_network())
        cls.local = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.local)
        write_run(os.path.join(cls.local, "run"), convert_lines(cls.local, LINES))

    def setUp(self):
        super().setUp()
        storage.upload_folder(self.local, self.root)

    def path(self, name: str) -> str:
        return os.path.join(self.local, name)


class RunTest(RemoteCase):
    def test_a_run_reads_as_on_a_disk(self):
        for checkpoint in (None, "epoch-0001.weights.h5"):
            ours, theirs = (
                Recognizer(run, checkpoint).read_many([draw_levels(n) for n in range(3)])
                for run in (self.url("run"), self.path("run"))
            )
            self.assertEqual(list(ours), list(theirs))

    def test_a_run_on_a_web_server_reads_by_its_best_weights(self):
        names = ("config.json", "dataset.json", "weights/best.weights.h5")
        files = {f"/run/{name}": storage.read_bytes(self.path(f"run/{name}")) for name in names}
        web, _ = self.enter_context(serve_web(files))
        ours, theirs = (Recognizer(run).read(draw_levels(1)) for run in (f"{web}/run", self.path("run")))
        self.assertEqual(ours, theirs)

    def test_a_weights_file_may_be_elsewhere(self):
        weights = "run/weights/epoch-0001.weights.h5"
        arrays = [
            load_network(run, checkpoint).model.get_weights()
            for run, checkpoint in (
                (self.path("run"), self.path(weights)),
                (self.path("run"), self.url(weights)),
                (self.url("run"), self.path(weights)),
            )
        ]
        for k in (1, 2):
            for one, other in zip(arrays[0], arrays[k], strict=True):
                self.assertAllEqual(one, other)

    def test_trainings_begin_with_it(self):
        for name in ("run", "run/weights/epoch-0001.weights.h5"):
            ours, theirs = (read_weights(path, data=CHARSET) for path in (self.url(name), self.path(name)))
            for one, other in zip(ours.layers, theirs.layers, strict=True):
                self.assertAllEqual(one[0], other[0])

    def test_weights_of_the_notebook_read_and_begin_trainings(self):
        with shallow():
            write_keras2(self.path("weights.hdf5"), draw_layers())
            storage.upload_folder(self.local, self.root, names=["weights.hdf5"])
            config = ModelConfig(weights=self.url("weights.hdf5"), charset=self.url("charset.txt"))
            kernel = draw_layers()[0][1]["kernel"]
            self.assertAllEqual(choose_network(config).model.get_weights()[0], kernel)
            layers = read_weights(self.url("weights.hdf5"), data=CHARSET).layers
            self.assertAllEqual(layers[0][0], kernel)

    def test_what_is_no_model_is_named(self):
        with user_error(self.url("none"), "no such folder"):
            load_network(self.url("none"))
        with user_error(self.url("data"), "the folder of a data set"):
            load_network(self.url("data"))
        with user_error("checkpoint", "best.weights.h5"):
            load_network(self.url("run"), "none.h5")
        with use_s3(self.server), user_error("no such bucket"):
            load_network("s3://no-such-bucket/run")

    def test_evaluation_reads_and_writes_there(self):
        results = []
        for run, data, folder in (
            (self.url("run"), self.url("data"), self.url("report")),
            (self.path("run"), self.path("data"), self.path("report")),
        ):
            outputs = {"report": folder, "picture": storage.join(folder, "lines.png")}
            results.append(evaluate(load_network(run), EvaluateConfig(data=data, split="train", **outputs)))
            results[-1].pop("seconds")
            page = storage.read_bytes(storage.join(folder, "index.html")).decode()
            self.assertIn(f"{run} on train", page)
        self.assertEqual(*results)
        ours, theirs = (
            storage.read_bytes(storage.join(root, "report/lines.png")) for root in (self.root, self.local)
        )
        self.assertEqual(ours, theirs)


class ExportTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.local = os.path.join(self.create_tempdir().full_path, "export")
        with shallow_network():
            export(make_network(), output=self.local, format="onnx")

    def test_an_export_reads_as_on_a_disk_from_a_bucket_or_a_web_server(self):
        storage.upload_folder(self.local, self.url("export"))
        files = {
            f"/export/{name}": storage.read_bytes(os.path.join(self.local, name))
            for name in os.listdir(self.local)
        }
        web, _ = self.enter_context(serve_web(files))
        expected = Recognizer(self.local).read(draw_levels(1))
        for model in (self.url("export"), f"{web}/export"):
            self.assertFalse(needs_tensorflow(WeightsConfig(model=model)))
            network = load_network(model)
            self.assertEqual(network.name, model)
            self.assertEqual(Recognizer(network).read(draw_levels(1)), expected)
        self.write(**{"export/model.onnx": b"another model"})
        with user_error(f"export {self.url('export')}", "model.onnx with a CRC-32C of"):
            load_network(self.url("export"))


class ImagesTest(RemoteCase):
    def names(self, *words):
        return [image.name.removeprefix(f"{self.root}/") for image in find_images(words)]

    def test_files_folders_and_globs_of_a_bucket_are_images(self):
        self.write(**{"scans/b/1.png": b"1", "scans/a.JPG": b"2", "scans/notes.txt": b"", "scans/.c.png": b""})
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(self.names(self.url("scans/")), ["scans/a.JPG", "scans/b/1.png"])
        self.assertIn("skipped 2 files", logs.output[0])
        self.assertEqual(self.names(self.url("scans/*/*.png")), ["scans/b/1.png"])
        self.assertEqual(self.names(self.url("0.png"), self.url("none")), ["0.png", "none"])
        (image,) = find_images([self.url("*.gif")])
        self.assertEqual(str(image.path), "missing_image: no file matches it")

    def test_a_file_that_may_be_read_but_not_listed_is_an_image(self):
        with mock.patch.object(storage, "is_folder", side_effect=AssertionError):
            self.assertEqual(
                self.names(self.url("0.png"), "https://host/line?id=1"), ["0.png", "https://host/line?id=1"]
            )

    def test_lists_of_a_bucket_name_images_beside_them(self):
        images = list(read_list(self.url("train.txt"), ListConfig(list_format="mixed")))
        self.assertEqual([image.path for image in images], [self.url(f"{n}.png") for n in range(LINES)])

    def test_images_are_read_in_order_and_what_is_missing_is_refused(self):
        web, _ = self.enter_context(serve_web({"/7.png": encode_image(draw_levels(7))}))
        paths = [self.url("3.png"), self.path("2.png"), self.url("none.png"), f"{web}/7.png", f"{web}/8.png"]
        recognizer = Recognizer(self.url("run"))
        with (
            contextlib.redirect_stdout(io.StringIO()) as stdout,
            contextlib.redirect_stderr(io.StringIO()) as stderr,
        ):
            refused = predict(recognizer, list(find_images(paths)), PredictConfig(show=self.url("show.png")))
        self.assertEqual(refused, 2)
        expected = [recognizer.read(draw_levels(n)) for n in (3, 2, 7)]
        rows = [row.split("\t") for row in stdout.getvalue().splitlines()]
        self.assertEqual([row[0] for row in rows], [paths[0], paths[1], paths[3]])
        self.assertEqual([row[1] for row in rows], [reading.text for reading in expected])
        self.assertIn(f"error: {paths[2]}: missing_image", stderr.getvalue())
        picture = PIL.Image.open(io.BytesIO(storage.read_bytes(self.url("show.png"))))
        self.assertGreater(np.ptp(np.asarray(picture)), 0)

    def test_an_image_that_may_not_be_read_is_refused_alone(self):
        denied = storage.NoPermission("file", received="no", expected="yes", remedy="Ask.")
        read = storage.read_bytes

        def read_some(path):
            if path.endswith("1.png"):
                raise denied
            return read(path)

        with mock.patch.object(storage, "read_bytes", read_some):
            readings = list(Recognizer(self.path("run")).read_many([self.url(f"{n}.png") for n in range(3)]))
        self.assertEqual([isinstance(one, Refused) for one in readings], [False, True, False])
        self.assertEqual(readings[1].reason, "unreadable_image")


if __name__ == "__main__":
    tf.test.main()
