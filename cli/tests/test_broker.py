import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dukan import broker, suite
from dukan.broker import Broker, provision_broker
from dukan.errors import ProvisionError
from dukan.rabbitmq import PrivateRabbit, answers


@pytest.mark.broker
def test_a_given_broker_is_used_as_it_is(tmp_path: Path, amqp_url: str) -> None:
    with provision_broker(tmp_path / "unused", lambda _: None) as broker:
        assert broker == Broker(os.environ["AMQP_URL"])
    assert answers(amqp_url)
    assert not (tmp_path / "unused").exists()


def test_an_open_port_that_speaks_no_amqp_is_no_broker(postgres_url: str) -> None:
    assert not answers("amqp://guest:guest@" + postgres_url.rpartition("@")[2])


def test_without_an_installed_server_a_private_node_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dukan.rabbitmq.installed_server", lambda: None)
    with pytest.raises(ProvisionError, match="no rabbitmq-server is installed"):
        PrivateRabbit(tmp_path).start()


def test_where_no_broker_is_possible_it_is_said_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def no_container(tell: object) -> Iterator[None]:
        yield None

    monkeypatch.delenv("AMQP_URL", raising=False)
    monkeypatch.setattr(broker, "installed_server", lambda: None)
    monkeypatch.setattr(broker, "_install", lambda tell: None)
    monkeypatch.setattr(broker, "_container", no_container)
    warnings: list[str] = []
    with provision_broker(tmp_path, warnings.append) as found:
        assert found is None
    assert warnings == ["NO BROKER: RabbitMQ is not installed, cannot be installed, and no container engine works"]


def test_the_callers_arguments_are_passed_to_pytest_without_broker_tests_if_there_is_no_broker() -> None:
    assert suite.pytest_runs(["cli/tests"], Broker("amqp://b/"), 4) == [["cli/tests"]]
    assert suite.pytest_runs(["cli/tests"], None, 4) == [["cli/tests", "-m", "not broker"]]


def test_everything_is_one_parallel_run_if_each_worker_has_a_virtual_host() -> None:
    [parallel] = suite.pytest_runs([], Broker("amqp://b/", ["test-gw0", "test-gw1"]), 2)
    assert parallel[:2] == ["-n", "2"]
    assert "-m" not in parallel


def test_without_virtual_hosts_the_tests_that_need_the_broker_run_alone() -> None:
    parallel, *serial = suite.pytest_runs([], Broker("amqp://b/"), 2)
    assert parallel[-2:] == ["-m", "not broker"]
    assert serial == [["-m", "broker", "--ignore=tests/chaos"], ["-m", "broker", "tests/chaos"]]


@pytest.mark.broker
def test_a_private_node_has_the_given_virtual_hosts(tmp_path: Path) -> None:
    with PrivateRabbit(tmp_path) as node:
        node.add_vhosts(["test-gw0", "test-gw1"])
        assert {"/", "test-gw0", "test-gw1"} <= set(node.control("-q", "list_vhosts", "--no-table-headers").split())
