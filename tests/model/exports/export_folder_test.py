"""The folder of an export in a bucket: whole, or none, for those who read it meanwhile."""

import os
from unittest import mock

import tensorflow as tf

from densenet_ocr.model.exports.export_folder import replaced_folder
from densenet_ocr.model.exports.exporter import export
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.exports.engines import load_export
from densenet_ocr.pipeline.exports.export_info import is_export
from densenet_ocr.pipeline.storage.objects.object_store import ObjectStore
from tests.messages import user_error
from tests.model.exports.export_case import make_network
from tests.pipeline.storage.store_case import StoreCase
from tests.samples import draw_levels, shallow_network
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3


class BucketTest(StoreCase):
    def setUp(self):
        super().setUp()
        self.output = self.url("models/1")

    def replace(self, files: dict[str, bytes], overwrite: bool = False) -> None:
        with replaced_folder(self.output, overwrite=overwrite) as folder:
            self.assertEqual(os.listdir(folder), [])
            for name, data in files.items():
                storage.make_folder(os.path.dirname(os.path.join(folder, name)))
                storage.write_atomically(os.path.join(folder, name), data)

    def read(self) -> dict[str, bytes]:
        names = storage.list_files(self.output)
        return {name: storage.read_bytes(storage.join(self.output, name)) for name in names}

    def test_an_export_is_replaced_only_with_overwrite_and_as_a_whole(self):
        old = {"export.json": b"1", "saved_model.pb": b"1", "variables/variables.index": b"1"}
        new = {"export.json": b"2", "model.onnx": b"2"}
        self.replace(old)
        self.assertEqual(self.read(), old)
        with user_error(f"output {self.output}", "a folder with an export", "--overwrite"):
            self.replace(new)
        self.assertEqual(self.read(), old)
        self.replace(new, overwrite=True)
        self.assertEqual(self.read(), new)
        self.assertEqual(storage.list_names(self.root), ["models"])

    def test_there_is_no_export_while_its_files_change(self):
        self.replace({"export.json": b"1", "model.onnx": b"1"})
        put, seen = ObjectStore.put, []

        def note(system, url, source):
            seen.append((url.rpartition("/")[2], is_export(self.output)))
            put(system, url, source)

        with mock.patch.object(ObjectStore, "put", note):
            self.replace({"export.json": b"2", "model.onnx": b"2"}, overwrite=True)
        self.assertEqual(seen, [("model.onnx", False), ("export.json", False)])
        self.assertTrue(is_export(self.output))

    def test_an_old_export_stays_where_the_new_one_fails(self):
        old = {"export.json": b"1", "model.onnx": b"1"}
        self.replace(old)
        with self.assertRaises(KeyboardInterrupt), replaced_folder(self.output, overwrite=True):
            raise KeyboardInterrupt
        self.assertEqual(self.read(), old)

    def test_a_folder_with_other_files_is_left_alone(self):
        self.write(**{"models/1/letters.txt": b"dear"})
        with user_error(f"output {self.output}", "other files (letters.txt)"):
            self.replace({}, overwrite=True)

    def test_a_second_export_is_refused_while_the_first_one_writes(self):
        with (
            replaced_folder(self.output, overwrite=False),
            user_error(f"output {self.output}", "a second export"),
        ):
            self.replace({})

    def test_a_web_server_is_refused(self):
        with (
            user_error("http://localhost:1/export", "a web server"),
            replaced_folder("http://localhost:1/export", overwrite=False),
        ):
            pass

    def test_a_store_that_refuses_leaves_no_export(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0, faults=["403 AccessDenied"]))
        with (
            use_s3(proxied),
            user_error("no permission"),
            replaced_folder(self.output, overwrite=False) as folder,
        ):
            storage.write_atomically(os.path.join(folder, "export.json"), b"1")
            proxy.share = 1.0
        self.assertFalse(is_export(self.output))

    def test_an_exported_network_reads_there(self):
        with shallow_network():
            network = make_network()
            result = export(network, output=self.output, format="onnx")
        engine = load_export(self.output)
        self.assertEqual(result["output"], self.output)
        self.assertEqual(result["bytes"], storage.size(storage.join(self.output, "model.onnx")))
        levels, widths = draw_levels(1)[None], [64]
        expected = network.compute_logits(levels, tf.constant(widths).numpy())
        self.assertAllClose(engine.compute_logits(levels, widths), expected, atol=1e-3)


if __name__ == "__main__":
    tf.test.main()
