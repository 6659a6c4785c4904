"""`dukan lock`: resolve the workspace anew and write requirements.lock."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dukan.errors import ProvisionError

HEADER = "# Everything this platform runs on, with hashes. Made by `./dukan lock`; do not edit.\n"
EXPORT = ("--all-groups", "--no-emit-workspace", "--no-emit-project", "--frozen", "--no-header", "--no-annotate")


def run(*, upgrade: bool) -> Path:
    """Names, versions and hashes only: no index, host or path, so that the lock holds on every machine."""
    home = Path(os.environ.get("DUKAN_HOME", "."))
    _uv(home, "lock", *(["--upgrade"] if upgrade else []))
    lock = _uv(home, "export", *EXPORT)
    if foreign := [line for line in lock.splitlines() if "://" in line or line.startswith("-")]:
        raise ProvisionError(f"the lock would name a place that others may not have: {foreign[0]}")
    target = home / "requirements.lock"
    target.write_text(HEADER + lock)
    return target


def _uv(home: Path, *arguments: str) -> str:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    done = subprocess.run([uv, "--quiet", *arguments], cwd=home, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ProvisionError("uv could not resolve the workspace (see above)")
    return done.stdout
