"""What a person at the terminal sees when something cannot be had, and the local mailbox."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

from dukan import screen
from dukan.errors import ProvisionError
from dukan.folder_lock import FolderLock
from dukan.installation import Platform
from dukan.running_platform import announce, find, find_any, withdraw
from dukan.temporary import free_range


def dukan(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dukan", *map(str, arguments)]
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60)


def assert_one_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for part in ("dukan:", *parts):
        assert part in done.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_named(tmp_path: Path, taken_port: int) -> None:
    assert_one_line(dukan("up", "--data", tmp_path, "--port", str(taken_port)), str(taken_port), "(gateway) is taken")


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    assert_one_line(dukan("up", "--data", folder), f"cannot write the data folder {folder}")


def test_a_damaged_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    done = dukan("up", "--data", tmp_path, "--port", "23450")
    assert_one_line(done, f"{tmp_path}/postgres/cluster is damaged")


def test_a_damaged_secrets_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "secrets.json").write_text("{")
    assert_one_line(dukan("up", "--data", tmp_path, "--port", "23450"), f"{tmp_path}/postgres/secrets.json")


def test_a_second_platform_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "lock")
    assert lock.acquire()
    assert_one_line(dukan("up", "--data", tmp_path), f"another platform is running on {tmp_path}")


def test_an_unknown_service_is_told_which_there_are() -> None:
    assert_one_line(dukan("serve", "shipping"), "'shipping'", "auth, catalog")


def test_a_broker_that_does_not_answer_is_told_before_any_test_runs() -> None:
    done = dukan("test", AMQP_URL="amqp://guest:guest@127.0.0.1:1/")
    assert_one_line(done, "no RabbitMQ answers at AMQP_URL")


def test_chaos_outside_the_source_tree_is_told_where_it_belongs(tmp_path: Path) -> None:
    assert_one_line(dukan("chaos", DUKAN_HOME=str(tmp_path)), "part of the source tree")


def test_chaos_hands_its_arguments_on_and_names_a_fault_that_does_not_exist() -> None:
    done = dukan("chaos", "--faults", "flood", DUKAN_HOME=str(Path(__file__).parents[2]))
    assert done.returncode == 2
    assert "there is no fault 'flood'" in done.stderr


def test_mail_is_listed_by_age_and_shown_by_number(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    for name, subject in (("2-b", "Your order"), ("1-a", "Welcome"), ("3-a", "Welcome")):
        message = EmailMessage()
        message["To"], message["Subject"] = "asha@example.com", subject
        message["Message-ID"] = f"<{subject.split()[-1]}@shop.example>"
        message.set_content(f"{subject}, in plain text")
        message.add_alternative(f"<p>{subject}</p>", subtype="html")
        (folder / f"{name}.mbox").write_bytes(b"From shop Sun Mar  1 12:00:00 2026\n" + bytes(message) + b"\n")
    listed = dukan("mail", "--data", tmp_path).stdout
    assert listed.index("Welcome") < listed.index("Your order")
    shown = dukan("mail", "--data", tmp_path, "show", "2").stdout
    assert "To: asha@example.com" in shown
    assert "Your order, in plain text" in shown
    assert_one_line(dukan("mail", "--data", tmp_path, "show", "3"), "no message 3: the mailbox holds 2")


@pytest.mark.parametrize("options", [(), ("--amqp", "amqp://127.0.0.1:1/")])
def test_a_refused_start_leaves_nothing_behind(tmp_path: Path, taken_port: int, options: tuple[str, ...]) -> None:
    port = str(free_range()) if options else str(taken_port)
    told = "RabbitMQ" if options else port
    new = tmp_path / "new" / "data"
    assert_one_line(dukan("up", "--data", new, "--port", port, *options), told)
    assert list(tmp_path.iterdir()) == []
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    assert_one_line(dukan("up", "--data", tmp_path, "--port", port, *options), told)
    assert list(tmp_path.iterdir()) == [mine]


def test_a_server_of_the_user_that_does_not_answer_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        url = f"amqps://127.0.0.1:{broker.getsockname()[1]}/"
        options = ("--amqp", url, "--postgres", "postgresql://u:secret@127.0.0.1:1/postgres")
        done = dukan("up", "--data", tmp_path / "data", "--port", str(free_range()), *options)
    assert_one_line(done, "no PostgreSQL at postgresql://127.0.0.1:1/postgres")
    assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_refused_second_platform_leaves_the_folder_of_the_first_as_it_is(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "lock")
    assert lock.acquire()
    assert_one_line(dukan("up", "--data", tmp_path), "another platform")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_other_users_cannot_read_logs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir(mode=0o755)
    for data in (tmp_path, tmp_path / "new"):
        platform = Platform(data, free_range())
        platform.take()
        platform.release()
        assert (data / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("given", [None, "Kilimanjaro-from-outside-5895"])
def test_a_password_is_shown_only_if_it_was_generated(
    given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DUKAN_ADMIN_PASSWORD", raising=False)
    if given is not None:
        monkeypatch.setenv("DUKAN_ADMIN_PASSWORD", given)
    platform = Platform(tmp_path, port=8000)
    _, password = platform.admin()
    monkeypatch.delenv("DUKAN_ADMIN_PASSWORD", raising=False)
    # The first start was interrupted, and the second one does not have the variable.
    screen.welcome(Platform(tmp_path, port=8000), first=True)
    shown = capsys.readouterr().out
    assert platform.admin() == ("admin@example.com", password)
    assert (password in shown) == (given is None)
    assert ("DUKAN_ADMIN_PASSWORD" in shown) == (given is not None)


@contextmanager
def announced(data: Path) -> Iterator[None]:
    """A platform on this folder, as far as other commands can see."""
    data.mkdir(exist_ok=True)
    lock = FolderLock(data / "lock")
    assert lock.acquire()
    announce(Platform(data, port=8123))
    yield
    withdraw(Platform(data, port=8123))
    lock.release()


def test_commands_find_the_platform_that_was_started_on_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DUKAN_HOME", str(home))
    assert find_any(None) is None
    with announced(tmp_path / "one"):
        found = find_any(None)
        assert found is not None
        assert Path(found.data) == tmp_path / "one"
        assert find_any(tmp_path / "two") is None
        assert f"no e-mails in {tmp_path / 'one' / 'mail'}" in dukan("mail").stdout
        with announced(tmp_path / "two"):
            found = find_any(tmp_path / "two")
            assert found is not None
            assert Path(found.data) == tmp_path / "two"
            assert_one_line(dukan("demo"), "several platforms", str(tmp_path / "one"), str(tmp_path / "two"))
            with announced(home / ".dukan"):
                found = find_any(None)
                assert found is not None
                assert Path(found.data) == home / ".dukan"
    assert find_any(None) is None


def test_platforms_that_ended_leave_no_entry_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DUKAN_HOME", str(home))
    with announced(tmp_path / "one"):
        assert (home / ".dukan").exists()
    assert list(home.iterdir()) == []
    killed = tmp_path / "killed"
    killed.mkdir()
    announce(Platform(killed, port=8123))
    assert (home / ".dukan").exists()
    assert find_any(None) is None
    assert list(home.iterdir()) == []


def test_the_folder_of_another_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ProvisionError, match="another user"):
        find_any(tmp_path)


def test_a_running_platform_is_found_and_a_killed_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUKAN_HOME", str(tmp_path))
    platform = Platform(tmp_path, port=8123)
    lock = FolderLock(tmp_path / "lock")
    assert lock.acquire()
    announce(platform)
    found = find(tmp_path)
    assert found is not None
    assert (found.url, found.mode, found.pid) == ("http://127.0.0.1:8123", "embedded", os.getpid())
    lock.release()
    assert find(tmp_path) is None
