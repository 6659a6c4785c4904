"""`dukan chaos`: run the fault harness of the source tree; its arguments go to it."""

import os
import subprocess
import sys
from pathlib import Path

import typer

from dukan.errors import ProvisionError


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    commands.command(name="chaos", context_settings=settings, add_help_option=False)(chaos)


def chaos(ctx: typer.Context) -> None:
    """Inject faults into a platform under load, then check that nothing was lost."""
    tree = Path(os.environ.get("DUKAN_HOME", "."))
    if not (tree / "tests" / "chaos" / "__main__.py").exists():
        raise ProvisionError("the fault harness is part of the source tree: run ./dukan chaos there")
    command = [sys.executable, "-m", "tests.chaos", *ctx.args]
    raise typer.Exit(subprocess.run(command, cwd=tree, check=False).returncode)
