from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dukan import broker, suite
from dukan.broker import provision_broker
from dukan.errors import ProvisionError
from dukan.rabbitmq import PrivateRabbit, answers


@pytest.mark.broker
def test_a_given_broker_is_used_as_it_is(tmp_path: Path, amqp_url: str) -> None:
    with provision_broker(tmp_path / "unused", lambda _: None) as url:
        assert url == amqp_url
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
    told: list[str] = []
    with provision_broker(tmp_path, told.append) as url:
        assert url is None
    assert told == ["NO BROKER: RabbitMQ is not installed, cannot be installed, and no container engine works"]


def test_what_the_caller_names_is_run_as_named_and_left_out_only_without_a_broker() -> None:
    assert suite.rounds(["cli/tests"], broker=True) == [["cli/tests"]]
    assert suite.rounds(["cli/tests"], broker=False) == [["cli/tests", "-m", "not broker"]]


def test_everything_is_two_rounds_of_which_one_has_the_broker_for_itself() -> None:
    parallel, alone = suite.rounds([], broker=True)
    assert parallel[:2] == ["-m", "not broker"]
    assert alone == ["-m", "broker"]
    assert suite.rounds([], broker=False) == [parallel]
