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

REGISTERED_ELSEWHERE = ("demo", "imports", "emergencies", "bench", "chaos")
"""Modules beside this one with `register(commands: typer.Typer) -> None`."""


commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Dukan: event-driven commerce and messaging.",
)
mail_app = typer.Typer(help="Read the local mailbox.", invoke_without_command=True)
commands.add_typer(mail_app, name="mail")

Data = Annotated[Path, typer.Option("--data", help="Folder of everything that must survive.", file_okay=False)]
DATA = default_data()


@commands.command()
def up(
    port: Annotated[int, typer.Option(min=1, max=65528, help="Of the gateway; the services follow it.")] = 8000,
    data: Data = DATA,
    sample: Annotated[bool, typer.Option(help="Load a small catalogue on the first start.")] = True,
    amqp: Annotated[str | None, typer.Option(help="RabbitMQ's URL: one process per service instead of one.")] = None,
    postgres: Annotated[str | None, typer.Option(help="URL of a PostgreSQL that may create databases.")] = None,
) -> None:
    """Start the whole platform and stay until Ctrl-C."""
    from dukan import up as command

    if postgres and not amqp:
        raise typer.BadParameter("--postgres goes with --amqp")
    command.run(data, port, amqp, postgres, sample=sample)


@commands.command()
def serve(
    service: Annotated[str, typer.Argument(envvar="DUKAN_SERVICE", help="auth, catalog, …, or gateway.")],
    role: Annotated[str, typer.Option(help="api, worker or all.")] = "all",
) -> None:
    """Run one service over RabbitMQ; settings come from the environment."""
    from dukan import serve as command

    command.run(service, command.role_of(role))


@commands.command()
def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Default: all that are installed here.")] = None,
    postgres: Annotated[
        str | None, typer.Option(help="Create databases and roles there first; default: DUKAN_DATABASE_URL.")
    ] = None,
    data: Data = DATA,
) -> None:
    """Bring databases to the newest schema."""
    from dukan import migrating

    migrating.run(services or [], postgres, data)


@commands.command()
def topology(
    declare: Annotated[bool, typer.Option("--declare", help="Make them at DUKAN_AMQP_URL.")] = False,
) -> None:
    """Show, or declare, the queues and what they are bound to."""
    from dukan import topology as command

    listed = command.consumers()
    if declare:
        command.declare(listed)
    command.show(listed)


@commands.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(ctx: typer.Context) -> None:
    """Run the test suite, with the PostgreSQL and RabbitMQ that it needs; arguments go to pytest."""
    from dukan import testing

    raise typer.Exit(testing.run(ctx.args))


@commands.command()
def lock(upgrade: Annotated[bool, typer.Option(help="To the newest versions.")] = False) -> None:
    """Write requirements.lock anew."""
    from dukan import locking

    typer.echo(f"wrote {locking.run(upgrade=upgrade)}")


@mail_app.callback()
def list_mail(ctx: typer.Context, data: Data = DATA) -> None:
    """List the local mailbox, oldest first."""
    from dukan import mail

    ctx.obj = data
    if ctx.invoked_subcommand is None:
        mail.show_list(data)


@mail_app.command()
def show(ctx: typer.Context, number: int) -> None:
    """Show one message."""
    from dukan import mail

    mail.show_one(ctx.obj, number)


for module in REGISTERED_ELSEWHERE:
    if importlib.util.find_spec(f"dukan.{module}"):
        importlib.import_module(f"dukan.{module}").register(commands)


def app() -> None:
    """What cannot be had is said in one line on stderr, with exit code 1."""
    try:
        commands(prog_name="dukan")
    except ProvisionError as error:
        from dukan import screen

        screen.fail(str(error))
        sys.exit(1)
