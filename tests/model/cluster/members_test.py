"""Which processes train together, and what is said about an environment that does not describe them."""

import json
import os
import socket
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.cluster.members import Cluster, check_port, find_cluster
from densenet_ocr.model.cluster.peers import answers
from tests.messages import user_error

TWO = {"worker": ["a:1", "b:2"]}


def find(cluster: object, kind: str = "worker", index: object = 0) -> Cluster:
    content = {"cluster": cluster, "task": {"type": kind, "index": index}}
    return find_cluster({"TF_CONFIG": json.dumps(content)})


class MembersTest(parameterized.TestCase, tf.test.TestCase):
    def test_tf_config_names_the_workers_and_this_one(self):
        self.assertEqual(find(TWO, index=1), Cluster(("a:1", "b:2"), 1, "TF_CONFIG"))

    def test_a_chief_is_the_first_worker(self):
        cluster = {"chief": ["c:3"], **TWO}
        self.assertEqual(find(cluster, "chief"), Cluster(("c:3", "a:1", "b:2"), 0, "TF_CONFIG"))
        self.assertEqual(find(cluster, index=1).index, 2)

    @parameterized.parameters(
        ("{", "no JSON"),
        ("[]", "lacks a part"),
        ('{"cluster": {"worker": ["a:1"]}}', "'task'"),
        ('{"cluster": 3, "task": {"type": "worker", "index": 0}}', "lacks a part"),
    )
    def test_what_is_no_configuration_is_refused(self, text, received):
        with user_error("TF_CONFIG", received, "index", "Set it on each worker"):
            find_cluster({"TF_CONFIG": text})

    @parameterized.parameters(
        ({}, "worker", 0, "'worker' in a cluster of nothing"),
        (TWO, "evaluator", 0, "'evaluator'"),
        ({"ps": ["c:3"], **TWO}, "worker", 0, "type 'ps'"),
        (TWO, "worker", 2, "has 2 of this type"),
        (TWO, "worker", "1", "has 2 of this type"),
        (TWO, "worker", -1, "has 2 of this type"),
        ({"worker": ["a:1", "a:1"]}, "worker", 0, "'a:1' more than once"),
        ({"worker": ["a"]}, "worker", 0, "the address 'a'"),
        ({"worker": ["a:70000"]}, "worker", 0, "the address 'a:70000'"),
        ({"worker": "a:1"}, "worker", 0, "'worker' in a cluster of 'worker'"),
        ({"chief": ["c:3", "d:4"], **TWO}, "worker", 0, "more than one chief"),
    )
    def test_a_cluster_that_cannot_be_is_refused(self, cluster, kind, index, received):
        with user_error("TF_CONFIG", received, "expected", "index"):
            find(cluster, kind, index)

    def test_no_environment_is_refused_with_an_example(self):
        with user_error("strategy", "neither TF_CONFIG nor", '"task"', "srun"):
            find_cluster({})

    def test_slurm_names_the_workers(self):
        step = {
            "SLURM_PROCID": "2",
            "SLURM_STEP_NUM_TASKS": "3",
            "SLURM_STEP_NODELIST": "n[01-02]",
            "SLURM_STEP_TASKS_PER_NODE": "2,1",
            "SLURM_JOB_ID": "7",
            "SLURMD_NODENAME": "n02",
        }
        with mock.patch.dict(os.environ, step):
            os.environ.pop("TF_CONFIG", None)
            self.assertEqual(find_cluster(), Cluster(("n01:20007", "n01:20008", "n02:20007"), 2, "Slurm"))
            os.environ["SLURMD_NODENAME"] = "n01"
            with user_error("Slurm", "task 2 on n01", "n02", "TF_CONFIG"):
                find_cluster()
            del os.environ["SLURM_STEP_NODELIST"]
            with user_error("Slurm", "SLURM_STEP_NODELIST", "srun"):
                find_cluster()

    def test_a_port_in_use_is_refused_and_one_that_only_listens_is_no_worker(self):
        with socket.create_server(("", 0)) as server:
            address = f"localhost:{server.getsockname()[1]}"
            with user_error("worker 0", "cannot be opened", "same index"):
                check_port(Cluster((address, "b:2"), 0, "TF_CONFIG"))
            self.assertFalse(answers(address, seconds=0.1))
        self.assertFalse(answers(address))
        check_port(Cluster((address, "b:2"), 0, "TF_CONFIG"))


if __name__ == "__main__":
    tf.test.main()
