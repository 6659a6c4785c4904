"""Make .venv hold exactly what requirements.lock says, and the workspace's members; needs the standard library only.

`python bootstrap.py HOME STAMP`: STAMP is remembered in .venv, so that `./dukan` can see that nothing changed.
"""

import contextlib
import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path


class BootstrapError(Exception):
    """One line for the person at the terminal."""


def bootstrap(home: Path, stamp: str) -> None:
    environment, lock = home / ".venv", home / "requirements.lock"
    python, made_for = environment / "bin" / "python", environment / "stamp"
    with alone(home / ".dukan"):
        if made_for.exists() and made_for.read_text() == f"{stamp}\n":
            return  # another shell made it while we waited
        print("Preparing the environment (only when the requirements have changed) …", file=sys.stderr, flush=True)
        made_for.unlink(missing_ok=True)
        ensure_venv(environment, python)
        uv = ensure_uv(environment, python, lock)
        quietly = ["--quiet"] if not sys.stderr.isatty() else []
        target = ["--python", str(python), *quietly]
        run([uv, "pip", "sync", *target, "--require-hashes", "--compile-bytecode", str(lock)])
        # Built with the locked hatchling; their requirements are the lock.
        editable = [argument for member in members(home) for argument in ("--editable", str(member))]
        run([uv, "pip", "install", *target, "--no-deps", "--no-build-isolation", *editable])
        made_for.write_text(f"{stamp}\n")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Two shells at once: the second waits for the first."""
    folder.mkdir(exist_ok=True, mode=0o711)
    with (folder / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure_venv(environment: Path, python: Path) -> None:
    """A new one where there is none, or where the Python it was made from has gone."""
    if not answers([str(python), "-c", "import encodings"]):
        # Without pip: Debian splits ensurepip off, and uv does not need it.
        venv.create(environment, clear=environment.exists(), symlinks=True, with_pip=False)


def ensure_uv(environment: Path, python: Path, lock: Path) -> str:
    """uv from the PATH, or from an earlier run, else installed by pip in the locked and hash-checked version."""
    own = str(environment / "bin" / "uv")
    for known in (shutil.which("uv"), own):
        if known and answers([known, "--version"]):
            return known
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.lock"
        only_uv.write_text(locked(lock.read_text(), "uv"))
        pip = [*find_pip(python), "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--no-deps", "--require-hashes", "--requirement", str(only_uv)])
    return own


def find_pip(python: Path) -> Sequence[str]:
    if answers([str(python), "-m", "ensurepip", "--default-pip"]):
        return [str(python), "-m", "pip"]
    if answers([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    raise BootstrapError("this Python has neither pip nor ensurepip: install uv, or your system's python3-venv package")


def locked(lock: str, name: str) -> str:
    """The entry of one package: its version and hashes."""
    found = re.search(rf"^{name}==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if found is None:
        raise BootstrapError(f"requirements.lock does not name {name}")
    return found.group()


def members(home: Path) -> list[Path]:
    patterns = tomllib.loads((home / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    return sorted(path.parent for pattern in patterns for path in home.glob(f"{pattern}/pyproject.toml"))


def answers(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def run(command: Sequence[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        raise BootstrapError("the requirements could not be installed (see above; the first run needs the network)")


if __name__ == "__main__":
    try:
        bootstrap(Path(sys.argv[1]), sys.argv[2])
    except (BootstrapError, OSError) as error:
        sys.exit(f"dukan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
