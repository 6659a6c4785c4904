"""`dukan import products`: import a catalogue from a CSV or JSON file."""
# ruff: noqa: PLC0415 (the catalogue's code is loaded by this command only)

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer
from rich.progress import Progress

from dukan import running_platform, screen
from dukan.errors import ProvisionError
from dukan.running_platform import RunningData

if TYPE_CHECKING:
    from dukan.product_import import ProductImport, Report

SHOWN_PROBLEMS = 20
OUTCOMES = ("created", "updated", "unchanged", "failed")

import_app = typer.Typer(help="Bring data from elsewhere.", no_args_is_help=True)


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    commands.add_typer(import_app, name="import")


@import_app.callback()
def import_() -> None:
    """Import data from other systems."""


@import_app.command()
def products(
    file: Annotated[Path, typer.Argument(help="CSV with a header line, or JSON.", exists=True, dir_okay=False)],
    *,
    images: Annotated[Path | None, typer.Option(help="Folder of pictures.", exists=True, file_okay=False)] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, where the names do not tell; repeatable.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Of prices that state none; default: the shop's.")] = None,
    stock: Annotated[int | None, typer.Option(min=0, help="For new products of a file that states none.")] = None,
    url: Annotated[str | None, typer.Option(help="Of the gateway; default: the running platform.")] = None,
    email: Annotated[str | None, typer.Option(envvar="DUKAN_ADMIN_EMAIL", help="Of a member of staff.")] = None,
    password: Annotated[str | None, typer.Option(envvar="DUKAN_ADMIN_PASSWORD")] = None,
    data: RunningData = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Create or update products; running it again changes nothing. Exit code 1 if a row was rejected."""
    from dukan.product_import import REQUEST_SECONDS, ProductImport, SignedIn, read

    rows, columns = read(file, _pairs(mapping or []), stock)
    base_url, account = running_platform.reachable(data, url, email, password)
    with httpx.Client(
        base_url=base_url, auth=SignedIn(base_url, *account), timeout=REQUEST_SECONDS, trust_env=False
    ) as http:
        work = ProductImport(http, rows, columns, currency, images)
        try:
            _show_progress(work, quiet=as_json)
        except httpx.HTTPError as error:
            raise ProvisionError(f"no answer from {base_url}: {error or type(error).__name__}") from error
    (_report_json if as_json else _report)(work.report)
    if work.report.failed:
        raise typer.Exit(1)


def _pairs(mapping: list[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in mapping]
    if wrong := next((pair for pair in pairs if not (pair[0] and pair[2])), None):
        raise typer.BadParameter(f"--map takes field=column, not {''.join(wrong)}")
    return {field: column for field, _, column in pairs}


def _show_progress(work: "ProductImport", *, quiet: bool) -> None:
    with Progress(console=screen.err, disable=quiet) as progress:
        task = progress.add_task("Products", total=len(work.rows))
        for done in work.run():
            progress.advance(task, done)


def _report(report: "Report") -> None:
    for problem in report.problems[:SHOWN_PROBLEMS]:
        screen.out.print(f"  {problem}", markup=False)
    if (more := len(report.problems) - SHOWN_PROBLEMS) > 0:
        screen.out.print(f"  … and {more} more")
    screen.out.print("Products: " + ", ".join(f"{report.rows[name]} {name}" for name in OUTCOMES))
    if report.images:
        screen.out.print("Pictures: " + ", ".join(f"{count} {name}" for name, count in report.images.items()))


def _report_json(report: "Report") -> None:
    counts = {name: report.rows[name] for name in OUTCOMES}
    print(json.dumps({**counts, "images": dict(report.images), "problems": report.problems}, indent=1))
