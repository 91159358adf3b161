"""What is held back while engines work, and what is not."""

import logging as std_logging
import os
import subprocess
import sys

import tensorflow as tf
from absl import logging

from densenet_ocr.pipeline.exports.quiet import quiet

_WRITE = """
import os
from pipeline.exports.quiet import quiet
with quiet():
    os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n")
    os.write(2, b"W0000 00:00:1 tf_tfl_flatbuffer_helpers.cc:390] Ignored output_format.\\n")
    os.write(2, b"fully_quantize: 0, inference_type: 6\\n")
    os.write(2, b"ERROR: an operator is not known\\n")
    print("a result", flush=True)
    raise ValueError("broken")
"""


class SilenceTest(tf.test.TestCase):
    def test_unknown_messages_are_shown_and_errors_propagate(self):
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-c", _WRITE]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        self.assertEqual(ended.stdout, "a result\n")
        self.assertTrue(ended.stderr.startswith("ERROR: an operator is not known\nTraceback"), ended.stderr)
        self.assertIn("ValueError: broken", ended.stderr)

    def test_works_where_the_standard_error_is_closed(self):
        command = [
            sys.executable,
            "-c",
            "import pipeline.exports.quiet as s\nwith s.quiet(): print('a result')",
        ]
        ended = subprocess.run(
            ["sh", "-c", 'exec "$@" 2>&-', "sh", *command], capture_output=True, text=True, check=False
        )
        self.assertEqual((ended.returncode, ended.stdout), (0, "a result\n"))

    def test_steps_are_not_logged_and_warnings_are(self):
        with self.assertLogs(logging.get_absl_logger(), std_logging.INFO) as logs:
            with quiet():
                logging.info("a step")
                logging.warning("Please consider providing the trackable_obj argument in the call.")
                logging.warning("a warning")
            logging.info("after it")
        self.assertEqual([record.getMessage() for record in logs.records], ["a warning", "after it"])


if __name__ == "__main__":
    tf.test.main()
