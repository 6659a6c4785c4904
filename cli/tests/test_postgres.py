import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from dukan.children import wait_until
from dukan.databases import provision
from dukan.errors import ProvisionError
from dukan.postgres import EmbeddedPostgres
from dukan.secret_file import SecretFile

from .conftest import Python, is_running

START_AND_WRITE = """
import asyncio, sys, time
from pathlib import Path
import asyncpg
from dukan.postgres import EmbeddedPostgres

async def write(url):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept (what text); INSERT INTO kept VALUES ('everything')")
    await connection.close()

server = EmbeddedPostgres(Path(sys.argv[1])).start()
asyncio.run(write(server.url))
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster that was started and stopped once; copy it before changing it."""
    folder = tmp_path_factory.mktemp("made") / "postgres"
    with EmbeddedPostgres(folder, durable=False):
        pass
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "postgres")


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder, durable=False) as running:
        yield running


async def fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_killing_the_supervisor_orphans_nothing_and_the_next_start_has_all_data(
    tmp_path: Path, python: Python
) -> None:
    supervisor = python(START_AND_WRITE, tmp_path / "postgres")
    assert supervisor.stdout is not None
    pid = int(await asyncio.to_thread(supervisor.stdout.readline))
    supervisor.kill()
    with EmbeddedPostgres(tmp_path / "postgres") as again:
        assert not is_running(pid)
        assert await fetch(again.url, "SELECT what FROM kept") == "everything"


async def test_a_killed_server_is_started_again_on_the_same_port(server: EmbeddedPostgres) -> None:
    url = server.url
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: not server.running, within=5)
    server.stop()
    server.start()
    assert server.url == url
    assert await fetch(url, "SELECT 1") == 1


async def test_a_stale_pid_file_that_names_a_living_stranger_does_not_prevent_the_start(folder: Path) -> None:
    (folder / "cluster" / "postmaster.pid").write_text(f"{os.getppid()}\n{folder / 'cluster'}\n1\n1\n\n\n\nready\n")
    with EmbeddedPostgres(folder, durable=False) as server:
        assert await fetch(server.url, "SELECT 1") == 1


def test_two_servers_on_one_folder_are_refused(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dukan.postgres.PREDECESSOR_SECONDS", 0.1)
    with pytest.raises(ProvisionError, match="in use by another"):
        EmbeddedPostgres(server.folder).start()


def test_a_cluster_of_another_version_is_refused_by_name(folder: Path) -> None:
    (folder / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ProvisionError, match="made by PostgreSQL 17, this platform runs 18"):
        EmbeddedPostgres(folder).start()


def test_a_damaged_cluster_is_told_with_the_servers_own_reason(folder: Path) -> None:
    (folder / "cluster" / "global" / "pg_control").write_bytes(b"not a control file")
    with pytest.raises(ProvisionError, match=r"does not start: .*pg_control") as told:
        EmbeddedPostgres(folder).start()
    assert "\n" not in str(told.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProvisionError, match=r"cannot use the database folder .*/file/postgres"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_an_interrupted_first_start_leaves_nothing_that_looks_like_a_cluster(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        assert server.running
    assert not half.exists()


async def test_a_service_cannot_enter_the_database_of_another(server: EmbeddedPostgres) -> None:
    urls = await provision(server.url, ["auth", "orders"], server.secrets)
    assert await fetch(urls["auth"], "SELECT current_user::text") == "dukan_auth"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetch(urls["auth"].rpartition("/")[0] + "/dukan_orders", "SELECT 1")


async def test_provisioning_again_keeps_passwords_and_a_lost_one_is_replaced(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    first = await provision(server.url, ["auth"], server.secrets)
    assert await provision(server.url, ["auth"], server.secrets) == first
    replaced = await provision(server.url, ["auth"], SecretFile(tmp_path / "elsewhere.json"))
    assert replaced != first
    assert await fetch(replaced["auth"], "SELECT 1") == 1


async def test_an_owner_that_is_no_superuser_may_provision_too(server: EmbeddedPostgres, tmp_path: Path) -> None:
    await fetch(server.url, "CREATE ROLE owner LOGIN CREATEDB CREATEROLE PASSWORD 'pw'")
    owner_url = server.url.replace(f"postgres:{server.secrets.secret('postgres')}", "owner:pw")
    urls = await provision(owner_url, ["auth"], SecretFile(tmp_path / "secrets.json"))
    assert await fetch(urls["auth"], "SELECT 1") == 1


def test_secrets_are_readable_by_their_owner_only(made: Path) -> None:
    assert (made / "secrets.json").stat().st_mode & 0o077 == 0
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert SecretFile(made / "secrets.json").secret("postgres") not in listing
