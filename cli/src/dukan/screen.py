"""The commands' output for people."""

import sys

from rich.console import Console
from rich.table import Table

from dukan.installation import Platform
from dukan.services import SERVICES

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> None:
    """Print one line on stderr."""
    err.print("dukan:", message, style="bold red" if sys.stderr.isatty() else "", markup=False)


def welcome(platform: Platform, *, first: bool) -> None:
    """Print all URLs; at the first start also the administrator's address and the password that was generated."""
    table = Table(title=f"Dukan is running ({platform.mode})", title_justify="left", show_header=False)
    table.add_row("API", f"{platform.url}/api/v1")
    table.add_row("documentation", f"{platform.url}/docs")
    table.add_row("health", f"{platform.url}/health")
    for name in SERVICES:
        table.add_row(name, platform.url_of(name))
    table.add_row("data, logs, mail", str(platform.data))
    if first:
        email, _ = platform.admin()
        table.add_section()
        table.add_row("administrator", email, style="bold")
        table.add_row("password", platform.generated_password or "the one in DUKAN_ADMIN_PASSWORD", style="bold")
    out.print(table)
    out.print("Ctrl-C stops everything; `dukan demo` in another shell walks a purchase.")


def warn(message: str) -> None:
    """Print one conspicuous line on stderr."""
    err.print(f"*** {message} ***", style="bold yellow", markup=False)
