"""`dukan bench`: run the load scripts of the source tree; its arguments go to them."""

import os
import subprocess
import sys
from pathlib import Path

import typer

from dukan.errors import ProvisionError


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    commands.command(name="bench", context_settings=settings, add_help_option=False)(bench)


def bench(ctx: typer.Context) -> None:
    """Measure this platform on this machine: requests per second, p50 and p99."""
    tree = Path(os.environ.get("DUKAN_HOME", "."))
    if not (tree / "bench" / "__main__.py").exists():
        raise ProvisionError("the load scripts are part of the source tree: run ./dukan bench there")
    raise typer.Exit(subprocess.run([sys.executable, "-m", "bench", *ctx.args], cwd=tree, check=False).returncode)
