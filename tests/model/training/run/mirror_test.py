"""The mirror of a run: what is fetched, in which order it is published, and whose state counts."""

import json
import os
import shutil
from unittest import mock

import tensorflow as tf

from densenet_ocr.model.training.run.mirror import Mirror, open_mirror
from densenet_ocr.model.training.run.run_folder import hold_run
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.objects.object_store import ObjectStore
from tests.messages import user_error
from tests.pipeline.storage.store_case import StoreCase
from tests.servers.faulty_proxy import serve_faults
from tests.servers.s3 import use_s3

BEGINNING = ("charset.txt", "dataset.json", "config.json")


class MirrorCase(StoreCase):
    def setUp(self):
        super().setUp()
        self.run_url = self.url("runs/1")

    def open(self):
        return open_mirror(self.run_url, lambda: None)

    def on_another_machine(self):
        return mock.patch.dict(os.environ, XDG_CACHE_HOME=self.create_tempdir().full_path)

    def write_local(self, mirror: Mirror, *names: str, data: bytes = b"1") -> None:
        for name in names:
            path = os.path.join(mirror.folder, name)
            storage.make_folder(os.path.dirname(path))
            storage.write_atomically(path, data)

    def read_local(self, mirror: Mirror) -> dict[str, bytes]:
        return {
            os.path.relpath(os.path.join(place, name), mirror.folder): storage.read_bytes(
                os.path.join(place, name)
            )
            for place, _, names in os.walk(mirror.folder)
            for name in names
        }

    def read_remote(self) -> dict[str, bytes]:
        names = storage.list_files(self.run_url)
        return {name: storage.read_bytes(storage.join(self.run_url, name)) for name in names}

    def begin(self, mirror: Mirror, *more: str) -> None:
        self.write_local(mirror, *BEGINNING, *more)
        mirror.publish()

    def lose(self, *more: str, unpublished: tuple[str, ...] = ()) -> None:
        """A training that publishes some files, writes others, and is lost."""
        with self.assertRaises(KeyboardInterrupt), self.open() as mirror:
            self.begin(mirror, *more)
            self.write_local(mirror, *unpublished, data=b"ahead")
            raise KeyboardInterrupt

    def list_mirrors(self) -> list[str]:
        return storage.list_names(os.path.join(os.environ["XDG_CACHE_HOME"], "densenet-ocr", "runs"))


class PublishTest(MirrorCase):
    def note_puts(self) -> list[str]:
        """The names of the files that are put from now on, in order."""
        put, names = ObjectStore.put, []

        def note(system, url, source):
            names.append(url.removeprefix(f"{self.run_url}/"))
            put(system, url, source)

        self.enter_context(mock.patch.object(ObjectStore, "put", note))
        return names

    def test_what_has_changed_is_put_and_what_is_gone_is_removed(self):
        with self.open() as mirror:
            self.begin(mirror, "checkpoints/ckpt-1.index", "tensorboard/train/events.1")
            self.assertCountEqual(self.read_remote(), self.read_local(mirror))
            names = self.note_puts()
            mirror.publish()
            self.assertEqual(names, [])
            self.write_local(mirror, "history.csv", "tensorboard/train/events.1", data=b"22")
            os.remove(os.path.join(mirror.folder, "checkpoints/ckpt-1.index"))
            mirror.publish()
            self.assertCountEqual(names, ["history.csv", "tensorboard/train/events.1"])
            self.assertEqual(self.read_remote(), self.read_local(mirror))

    def test_files_that_name_others_are_put_after_them_and_old_ones_stay_till_then(self):
        names = self.note_puts()
        with self.open() as mirror:
            self.begin(mirror)
            self.assertEqual(names[-1], "config.json")
            self.write_local(mirror, "checkpoints/ckpt-1.data-00000-of-00001", "checkpoints/ckpt-1.index")
            mirror.publish()
            names.clear()
            new = [
                "checkpoints/ckpt-2.index",
                "weights/best.weights.h5",
                "history.csv",
                "checkpoints/checkpoint",
            ]
            first = ["checkpoints/ckpt-2.data-00000-of-00001", "weights/epoch-0001.weights.h5", "tensorboard/a"]
            self.write_local(mirror, *new, *first)
            os.remove(os.path.join(mirror.folder, "checkpoints/ckpt-1.index"))
            remove = ObjectStore.remove_files

            def note_removal(system, urls):
                names.append("removed")
                remove(system, urls)

            with mock.patch.object(ObjectStore, "remove_files", note_removal):
                mirror.publish()
            self.assertCountEqual(names[:3], first)
            self.assertEqual(names[3:], [*new, "removed"])

    def test_unfinished_files_are_not_put(self):
        unfinished = ["weights/best.weights.h5.tmp-new.weights.h5", "checkpoints/ckpt-1_temp/part-00000"]
        with self.open() as mirror:
            self.begin(mirror, *unfinished)
            self.assertCountEqual(self.read_remote(), BEGINNING)

    def test_other_files_of_the_bucket_are_left_alone(self):
        self.lose()
        self.write(**{"runs/1/report/index.html": b"page", "runs/10/config.json": b"{}"})
        with self.on_another_machine(), self.open() as mirror:
            self.assertCountEqual(self.read_local(mirror), BEGINNING)
            self.write_local(mirror, "history.csv")
            mirror.publish()
        self.assertCountEqual(self.read_remote(), [*BEGINNING, "history.csv", "report/index.html"])

    def test_a_store_that_fails_is_an_error_and_the_mirror_keeps_the_files(self):
        proxied, proxy = self.enter_context(serve_faults(self.server, share=0, faults=["403 AccessDenied"]))
        with (
            use_s3(proxied),
            self.assertLogs(level="ERROR") as logs,
            user_error("no permission"),
            self.open() as mirror,
        ):
            self.begin(mirror)
            proxy.share = 1.0
            self.write_local(mirror, "history.csv", data=b"ahead")
            mirror.publish()
        self.assertIn(f"{mirror.folder} has the newest files", "".join(logs.output))
        self.assertEqual(self.read_local(mirror)["history.csv"], b"ahead")
        self.assertCountEqual(self.read_remote(), BEGINNING)

    def test_nothing_is_put_once_the_lock_is_lost(self):
        lost = UserError("lock", received="another's", expected="ours", remedy="Wait.")
        with self.assertRaises(UserError), open_mirror(self.run_url, mock.Mock(side_effect=lost)) as mirror:
            self.begin(mirror)
        self.assertEqual(self.read_remote(), {})


class FetchTest(MirrorCase):
    def test_another_machine_has_what_was_published(self):
        self.lose("history.csv", "tensorboard/train/events.1", unpublished=("history.csv",))
        published = self.read_remote()
        with self.on_another_machine(), self.open() as mirror:
            self.assertEqual(self.read_local(mirror), published)

    def test_the_same_machine_has_what_was_written_and_fetches_nothing(self):
        self.lose("history.csv", unpublished=("history.csv", "checkpoints/ckpt-2.index"))
        with mock.patch.object(ObjectStore, "download", side_effect=AssertionError), self.open() as mirror:
            local = self.read_local(mirror)
            self.assertEqual(local["checkpoints/ckpt-2.index"], b"ahead")
            mirror.publish()
        self.assertEqual(self.read_remote(), local)

    def test_files_that_were_removed_from_the_mirror_are_fetched_again(self):
        self.lose("history.csv", "weights/epoch-0001.weights.h5")
        published = self.read_remote()
        with self.assertRaises(KeyboardInterrupt), self.open() as mirror:
            for name in ("history.csv", "weights/epoch-0001.weights.h5"):
                os.remove(os.path.join(mirror.folder, name))
            raise KeyboardInterrupt
        with self.open() as mirror:
            self.assertEqual(self.read_local(mirror)["history.csv"], b"1")
            mirror.publish()
        self.assertEqual(self.read_remote(), published)

    def test_weights_stay_in_the_bucket_until_the_training_removes_or_replaces_them(self):
        epochs = [f"weights/epoch-000{number}.weights.h5" for number in (1, 2, 3)]
        self.lose(*epochs)
        download, fetched = ObjectStore.download, []

        def note(system, url, path):
            fetched.append(url)
            download(system, url, path)

        with (
            self.on_another_machine(),
            mock.patch.object(ObjectStore, "download", note),
            self.open() as mirror,
        ):
            os.remove(os.path.join(mirror.folder, epochs[0]))
            self.write_local(mirror, epochs[2], data=b"again")
            # A copy of the mirror has other inodes, and so have its placeholders.
            shutil.copytree(mirror.folder, f"{mirror.folder}-copy")
            shutil.rmtree(mirror.folder)
            os.rename(f"{mirror.folder}-copy", mirror.folder)
            mirror.publish()
            remote = self.read_remote()
            self.assertEqual([remote.get(name) for name in epochs], [None, b"1", b"again"])
        self.assertEqual([url for url in fetched if "/weights/" in url], [])

    def test_a_mirror_is_fetched_anew_where_another_machine_has_gone_on(self):
        self.lose("history.csv", unpublished=("history.csv", "checkpoints/ckpt-2.index"))
        with self.on_another_machine(), self.open() as other:
            self.write_local(other, "history.csv", data=b"theirs")
            other.publish()
        with self.open() as mirror:
            self.assertEqual(self.read_local(mirror), self.read_remote())

    def test_a_mirror_is_fetched_anew_where_a_file_was_taken_out_of_the_bucket(self):
        self.lose("checkpoints/ckpt-1.index", unpublished=("history.csv",))
        storage.remove(storage.join(self.run_url, "checkpoints/ckpt-1.index"))
        with self.open() as mirror:
            self.assertCountEqual(self.read_local(mirror), BEGINNING)

    def test_a_run_that_was_removed_begins_anew(self):
        self.lose("history.csv")
        storage.remove(self.run_url)
        with self.open() as mirror:
            self.assertEqual(self.read_local(mirror), {})

    def test_a_publication_that_was_cut_short_is_finished_on_the_same_machine(self):
        self.lose("history.csv", unpublished=("history.csv", "weights/best.weights.h5", "tensorboard/a"))
        put = ObjectStore.put

        def fail(system, url, source):
            if url.endswith("history.csv"):
                raise UserError("store", received="no answer", expected="one", remedy="Wait.")
            put(system, url, source)

        with (
            mock.patch.object(ObjectStore, "put", fail),
            self.assertRaises(UserError),
            self.open() as mirror,
        ):
            mirror.publish()
        self.assertEqual(self.read_remote()["weights/best.weights.h5"], b"ahead")
        with self.open() as mirror:
            mirror.publish()
            self.assertEqual(self.read_remote()["history.csv"], b"ahead")

    def test_a_damaged_record_counts_as_none(self):
        self.lose("history.csv", unpublished=("tensorboard/a",))
        with self.assertRaises(KeyboardInterrupt), self.open() as mirror:
            raise KeyboardInterrupt
        storage.write_atomically(os.path.join(mirror.place, "published.json"), b"{")
        storage.write_atomically(os.path.join(mirror.folder, "history.csv"), b"other")
        with self.open() as mirror:
            self.assertEqual(self.read_local(mirror), self.read_remote())

    def test_a_mirror_goes_when_its_training_has_ended(self):
        self.lose()
        self.assertLen(self.list_mirrors(), 1)
        with self.open():
            pass
        self.assertEqual(self.list_mirrors(), [])


class HoldTest(MirrorCase):
    def test_a_run_in_use_is_refused(self):
        with (
            hold_run(self.run_url),
            user_error(f"run {self.run_url}", "a second training", "process"),
            hold_run(self.run_url),
        ):
            pass

    def test_a_web_server_is_refused(self):
        with user_error("http://localhost:1/run", "a web server"), hold_run("http://localhost:1/run"):
            pass

    def test_a_folder_with_other_files_is_refused_before_they_are_fetched(self):
        self.write(**{"runs/1/letters.txt": b"dear"})
        with user_error(f"run {self.run_url}", "other files"), hold_run(self.run_url):
            pass
        self.assertEqual(self.list_mirrors(), [])

    def test_publishing_without_the_lock_is_refused(self):
        lock = f"{self.run_url}.lock"
        with self.assertRaisesRegex(UserError, "another process's lock"), hold_run(self.run_url) as run:
            storage.write_atomically(lock, json.dumps({"token": "another"}).encode())
            self.write_local(run.mirror, "config.json")
            run.publish()
        self.assertEqual(self.read_remote(), {})


if __name__ == "__main__":
    tf.test.main()
