"""The `dukan` command. Each command imports what it needs when it runs: `dukan mail` loads no service."""
# ruff: noqa: PLC0415

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import typer

from dukan.errors import ProvisionError
from dukan.installation import default_data
from dukan.running_platform import RunningData

MODULES_WITH_COMMANDS = ("demo", "imports", "incident", "bench", "chaos", "docs")
"""Modules of this package with `register(commands: typer.Typer) -> None`."""


commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Dukan: event-driven commerce and messaging.",
)
mail_app = typer.Typer(help="Read the local mailbox.", invoke_without_command=True)
commands.add_typer(mail_app, name="mail")

Data = Annotated[Path, typer.Option("--data", help="Folder of all data.", file_okay=False)]
DATA = default_data()


@commands.command()
def up(
    port: Annotated[
        int, typer.Option(min=1, max=65528, help="Port of the gateway; the services use the next ones.")
    ] = 8000,
    data: Data = DATA,
    sample: Annotated[bool, typer.Option(help="Load sample data at the first start.")] = True,
    amqp: Annotated[
        str | None, typer.Option(help="URL of RabbitMQ: run one process per service instead of one for all.")
    ] = None,
    postgres: Annotated[
        str | None, typer.Option(help="URL of a PostgreSQL server with the right to create databases.")
    ] = None,
) -> None:
    """Start the whole platform; Ctrl-C stops it."""
    from dukan import up as command

    if postgres and not amqp:
        raise typer.BadParameter("--postgres goes with --amqp")
    command.run(data, port, amqp, postgres, sample=sample)


@commands.command()
def serve(
    service: Annotated[str, typer.Argument(envvar="DUKAN_SERVICE", help="auth, catalog, …, or gateway.")],
    role: Annotated[str, typer.Option(help="api, worker or all.")] = "all",
) -> None:
    """Run one service over RabbitMQ, configured by the environment."""
    from dukan import serve as command

    command.run(service, command.role_of(role))


@commands.command()
def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Default: all installed services.")] = None,
    postgres: Annotated[
        str | None,
        typer.Option(help="Create the databases and roles on this server first; default: DUKAN_DATABASE_URL."),
    ] = None,
    data: Data = DATA,
) -> None:
    """Migrate the databases to the newest schema."""
    from dukan import migrations

    migrations.run(services or [], postgres, data)


@commands.command()
def topology(
    declare: Annotated[bool, typer.Option("--declare", help="Declare them at DUKAN_AMQP_URL.")] = False,
) -> None:
    """Show, or declare, the queues and their bindings."""
    from dukan import topology as command

    listed = command.consumers()
    if declare:
        command.declare(listed)
    command.show(listed)


@commands.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(ctx: typer.Context) -> None:
    """Run the test suite with its own PostgreSQL and RabbitMQ; arguments are passed to pytest."""
    from dukan import suite

    raise typer.Exit(suite.run(ctx.args))


@commands.command()
def lock(upgrade: Annotated[bool, typer.Option(help="Upgrade to the newest versions.")] = False) -> None:
    """Resolve the dependencies and write requirements.lock."""
    from dukan import lock as command

    typer.echo(f"wrote {command.run(upgrade=upgrade)}")


@mail_app.callback()
def list_mail(ctx: typer.Context, data: RunningData = None) -> None:
    """List the local mailbox, oldest first."""
    from dukan import mail

    ctx.obj = data
    if ctx.invoked_subcommand is None:
        mail.show_list(mail.folder_of(data))


@mail_app.command()
def show(ctx: typer.Context, number: int, data: RunningData = None) -> None:
    """Show one message."""
    from dukan import mail

    mail.show_one(mail.folder_of(data or ctx.obj), number)


for module in MODULES_WITH_COMMANDS:
    if importlib.util.find_spec(f"dukan.{module}"):
        importlib.import_module(f"dukan.{module}").register(commands)


def app() -> None:
    """Run the command line; an expected failure is one line on stderr and exit code 1."""
    try:
        commands(prog_name="dukan")
    except ProvisionError as error:
        from dukan import screen

        screen.fail(str(error))
        sys.exit(1)
