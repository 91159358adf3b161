"""An epoch's figures have honest names."""

import tensorflow as tf

from densenet_ocr.model.training.run.history import format_epoch


class HistoryTest(tf.test.TestCase):
    def test_an_epoch_in_words(self):
        logs = {
            "loss": 0.123456,
            "learning_rate": 1e-3,
            "images_per_second": 2512.34,
            "input_wait_share": 0.0031,
            "val_loss": 0.25,
            "val_exact_match": 0.98456,
            "val_cer": 0.004,
            "val_loss_rounds_to_0": 0.9,
            "val_hours": 2.0,
        }
        self.assertEqual(
            format_epoch(logs),
            "loss 0.1235, validation loss 0.25, exact match 98.46%, CER 0.40%, "
            "loss rounds to 0 (the notebook's accuracy) 90.00%, learning rate 0.001, 2,512.3 images/s, "
            "input wait 0.3%, val_hours 2",
        )

    def test_without_validation(self):
        self.assertEqual(format_epoch({"loss": 1.0}), "loss 1")


if __name__ == "__main__":
    tf.test.main()
