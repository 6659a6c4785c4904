"""`dukan lock`: resolve the workspace and write requirements.lock, and the bench's lock beside its scripts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dukan.errors import ProvisionError

HEADER = "# Everything this platform runs on, with hashes. Made by `./dukan lock`; do not edit.\n"
BENCH = Path("bench") / "requirements.in"
BENCH_HEADER = "# What the bench compares with, with hashes. Made by `./dukan lock`; do not edit.\n"
COMPILE = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate")
EXPORT = ("--all-groups", "--no-emit-workspace", "--no-emit-project", "--frozen", "--no-header", "--no-annotate")


def run(*, upgrade: bool) -> Path:
    """Write names, versions and hashes only: no index, host or path, so that the lock works on every machine."""
    home = Path(os.environ.get("DUKAN_HOME", "."))
    newest = ["--upgrade"] if upgrade else []
    _uv(home, "lock", *newest)
    target = home / "requirements.lock"
    _write(target, HEADER, _uv(home, "export", *EXPORT))
    if (home / BENCH).exists():
        bench = BENCH.with_suffix(".lock")
        # uv keeps the versions of the output file.
        _uv(home, "pip", "compile", *COMPILE, *newest, "--output-file", str(bench), str(BENCH))
        _write(home / bench, BENCH_HEADER, (home / bench).read_text())
    return target


def _write(target: Path, header: str, lock: str) -> None:
    if foreign := [line for line in lock.splitlines() if "://" in line or line.startswith("-")]:
        raise ProvisionError(f"the lock would name a place that others may not have: {foreign[0]}")
    target.write_text(header + lock)


def _uv(home: Path, *arguments: str) -> str:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    done = subprocess.run([uv, "--quiet", *arguments], cwd=home, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ProvisionError("uv could not resolve the workspace (see above)")
    return done.stdout
