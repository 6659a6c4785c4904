"""The `dukan` script and the environment that it makes."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CLI = Path(__file__).parents[1]
SCRIPT = CLI.parent / "dukan"

spec = importlib.util.spec_from_file_location("bootstrap", CLI / "bootstrap.py")
assert spec is not None
assert spec.loader is not None
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)

LOCK = """\
# header
uvicorn==1 \\
    --hash=sha256:aa
uv==2 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
uvloop==3 ; sys_platform != 'win32' \\
    --hash=sha256:dd
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A tree of the workspace's shape whose bootstrap only counts how often it is called."""
    shutil.copy(SCRIPT, tmp_path / "dukan")
    (tmp_path / "requirements.lock").write_text(LOCK)
    for member in ("cli", "gateway", "libs/common", "services/auth"):
        (tmp_path / member).mkdir(parents=True)
        (tmp_path / member / "pyproject.toml").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "ran $*"\n')
    python.chmod(0o755)
    return tmp_path


def call(home: Path, *arguments: str) -> str:
    done = subprocess.run([home / "dukan", *arguments], capture_output=True, text=True, check=True, cwd="/")
    return done.stdout


def stamp_of(home: Path) -> str:
    """What the script hands to the bootstrap as its last argument."""
    return call(home).splitlines()[0].partition(f"{home} ")[2]


def test_an_environment_that_is_up_to_date_is_used_at_once(home: Path) -> None:
    (home / ".venv" / "stamp").write_text(f"{stamp_of(home)}\n")
    assert call(home, "mail", "show", "1") == "ran -m dukan mail show 1\n"


@pytest.mark.parametrize("changed", ["requirements.lock", "services/auth/pyproject.toml"])
def test_a_changed_requirement_makes_it_anew(home: Path, changed: str) -> None:
    (home / ".venv" / "stamp").write_text(f"{stamp_of(home)}\n")
    (home / changed).write_text("changed")
    assert "cli/bootstrap.py" in call(home)


def test_the_command_is_told_where_the_platform_lives_wherever_it_is_called(home: Path) -> None:
    python = home / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "$DUKAN_HOME $PWD"\n')
    assert call(home).splitlines()[-1] == f"{home} /"


def test_a_machine_without_python_is_told_in_one_line(home: Path) -> None:
    shutil.rmtree(home / ".venv")
    tools = home / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "dirname"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        [home / "dukan"], capture_output=True, text=True, check=False, env=os.environ | {"PATH": str(tools)}
    )
    assert done.returncode == 1
    assert done.stderr == "dukan needs Python 3.11 or newer, and none is on the PATH.\n"


def test_the_entry_of_one_package_keeps_its_hashes_and_nothing_else() -> None:
    assert bootstrap.locked(LOCK, "uv") == "uv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"


def test_a_second_shell_finds_what_the_first_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".venv" / "stamp").write_text("1 2\n")
    bootstrap.bootstrap(home, "1 2")
    assert capsys.readouterr().err == ""


def test_the_members_are_those_of_the_workspace() -> None:
    found = [path.name for path in bootstrap.members(CLI.parent)]
    assert found == [
        "cli",
        "gateway",
        "common",
        "auth",
        "billing",
        "catalog",
        "messaging",
        "notifications",
        "operations",
        "orders",
    ]


def test_the_lock_names_no_index_no_host_and_no_path() -> None:
    entries = (CLI.parent / "requirements.lock").read_text()
    assert "://" not in entries
    assert not [line for line in entries.splitlines() if line.startswith(("-", "/", "file:"))]
