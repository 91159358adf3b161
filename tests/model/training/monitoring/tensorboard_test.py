"""The command `tensorboard` runs with the packages of the lock file."""

import contextlib
import io

import tensorflow as tf


class TensorBoardTest(tf.test.TestCase):
    def test_the_command_starts_with_its_plugins_and_finds_figures(self):
        from tensorboard import default, program  # here, as its imports are what is tested

        folder = self.create_tempdir().full_path
        with tf.summary.create_file_writer(folder).as_default():
            tf.summary.scalar("epoch_loss", 2.0, step=0)
        command = program.TensorBoard(default.get_plugins() + list(default.get_dynamic_plugins()))
        command.configure(["tensorboard", f"--logdir={folder}", "--inspect"])
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.assertEqual(command.main(), 0)
        self.assertIn("epoch_loss", printed.getvalue())


if __name__ == "__main__":
    tf.test.main()
