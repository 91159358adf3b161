"""The weights files of a run: which are written, and which one a reader loads."""

import os

import tensorflow as tf

from densenet_ocr.model.network.densenet import build_densenet
from densenet_ocr.model.training.run.run_folder import RunFolder
from densenet_ocr.model.training.run.weights_files import WeightsWriter, find_weights
from densenet_ocr.model.training.weights import load_model
from densenet_ocr.pipeline.charset import Charset
from tests.messages import user_error
from tests.model.training.transfer.transfer_case import OLD, make_run
from tests.samples import shallow_network

NAN = float("nan")


class FindWeightsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.run_folder = RunFolder(self.create_tempdir().full_path)
        os.makedirs(self.run_folder.weights)

    def make_files(self, *names: str, losses: tuple[float | None, ...] = ()) -> None:
        for name in names:
            with open(os.path.join(self.run_folder.weights, f"{name}.weights.h5"), "wb"):
                pass
        rows = [f"{epoch},{'' if loss is None else loss}" for epoch, loss in enumerate(losses)]
        with open(self.run_folder.history, "w") as file:
            file.write("\n".join(["epoch,val_loss", *rows]))

    def find(self, checkpoint: str | None = None) -> str:
        return os.path.basename(find_weights(self.run_folder, checkpoint))

    def test_the_best_ones_come_first(self):
        self.make_files("best", "epoch-0001", "epoch-0002", losses=(2.0, 3.0))
        self.assertEqual(self.find(), "best.weights.h5")
        self.assertEqual(self.find("epoch-0001.weights.h5"), "epoch-0001.weights.h5")

    def test_without_validation_those_of_the_last_epoch(self):
        self.make_files("epoch-0002", "epoch-0010", losses=(None,) * 10)
        self.assertEqual(self.find(), "epoch-0010.weights.h5")

    def test_no_other_epoch_takes_the_place_of_missing_best_ones(self):
        self.make_files("epoch-0001", "epoch-0002", losses=(2.0, 3.0))
        with user_error("best.weights.h5", "epoch 1", "--checkpoint", "epoch-0001.weights.h5"):
            self.find()

    def test_no_other_epoch_takes_the_place_of_a_missing_last_one(self):
        self.make_files("epoch-0001", losses=(None, None))
        with user_error("epoch-0002.weights.h5", "the last one", "--checkpoint", "epoch-0001.weights.h5"):
            self.find()

    def test_a_loss_that_is_no_number_is_not_the_best(self):
        self.make_files("epoch-0001", losses=(NAN,))
        self.assertEqual(self.find(), "epoch-0001.weights.h5")

    def test_a_checkpoint_that_is_missing_is_refused_with_those_that_are_there(self):
        self.make_files("best", "epoch-0001", losses=(2.0,))
        with user_error("checkpoint", "epoch-0007", "best.weights.h5, epoch-0001.weights.h5", "--checkpoint"):
            self.find("epoch-0007.weights.h5")

    def test_a_run_without_an_epoch_has_none(self):
        self.make_files()
        with user_error("no weights in it", "first epoch"):
            self.find()


class OtherNetworkTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(shallow_network())
        self.run = make_run(self.create_tempdir().full_path)

    def test_a_pipe_is_refused_in_place_of_waiting(self):
        best = os.path.join(self.run, "weights", "best.weights.h5")
        os.remove(best)
        os.mkfifo(best)
        with user_error(f"weights {best}", "a pipe or a device"):
            load_model(self.run)

    def test_weights_of_another_number_of_classes_are_refused_with_both_numbers(self):
        best = os.path.join(self.run, "weights", "best.weights.h5")
        build_densenet(height=32, classes=71).save_weights(best)
        with user_error(best, "71 classes", f"{OLD.classes} classes", "--checkpoint"):
            load_model(self.run)

    def test_weights_of_a_run_with_other_characters_are_refused(self):
        turned = make_run(self.create_tempdir().full_path, Charset(OLD.characters[::-1]))
        other = os.path.join(turned, "weights", "best.weights.h5")
        with user_error(other, turned, "in the same order", f"--model={turned}"):
            load_model(self.run, other)


class WeightsWriterTest(tf.test.TestCase):
    def open_writer(self, **settings) -> tuple[RunFolder, WeightsWriter]:
        self.enterContext(shallow_network())
        run = RunFolder(os.path.join(self.create_tempdir().full_path, "r{a}{epoch}"))
        os.makedirs(run.weights)
        writer = WeightsWriter(run, **settings)
        writer.set_model(build_densenet(height=32, classes=5))
        return run, writer

    def test_keeps_the_newest_epochs_and_the_best_one(self):
        run, writer = self.open_writer(keep=2)
        for epoch in range(4):
            writer.on_epoch_end(epoch, {"val_loss": float(epoch)})
        self.assertEqual(run.list_epochs(), [3, 4])
        self.assertTrue(os.path.exists(run.best))

    def test_writes_each_epoch_and_the_best_one_into_a_folder_of_any_name(self):
        run, writer = self.open_writer()
        written = []
        for epoch, loss in enumerate((NAN, 3.0, 4.0)):
            writer.on_epoch_end(epoch, {"val_loss": loss})
            written.append(os.path.exists(run.best) and os.stat(run.best).st_mtime_ns)
        self.assertEqual(run.list_epochs(), [1, 2, 3])
        self.assertFalse(written[0])
        self.assertEqual(written[1], written[2])
        self.assertEqual(writer.best_loss, 3.0)


if __name__ == "__main__":
    tf.test.main()
