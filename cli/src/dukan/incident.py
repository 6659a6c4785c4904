"""`dukan keys rotate`, `dukan keys withdraw` and `dukan users logout-all`: the response to a leaked secret."""

from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from dukan import running_platform, screen
from dukan.errors import ProvisionError
from dukan.running_platform import RunningData

REQUEST_SECONDS = 60.0
API = "/api/v1"

Url = Annotated[str | None, typer.Option(help="Of the gateway; default: the running platform.")]
Email = Annotated[str | None, typer.Option(envvar="DUKAN_ADMIN_EMAIL", help="Of an administrator.")]
Password = Annotated[str | None, typer.Option(envvar="DUKAN_ADMIN_PASSWORD")]

keys_app = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)
users_app = typer.Typer(help="Everybody who can sign in.", no_args_is_help=True)


def register(commands: typer.Typer) -> None:
    """Add the commands to the `dukan` command line."""
    commands.add_typer(keys_app, name="keys")
    commands.add_typer(users_app, name="users")


@keys_app.callback()
def keys() -> None:
    """The keys that sign access tokens."""


@users_app.callback()
def users() -> None:
    """User accounts."""


@keys_app.command()
def rotate(url: Url = None, email: Email = None, password: Password = None, data: RunningData = None) -> None:
    """Sign with the next key from now on; issued tokens stay valid until they expire."""
    _show(_order("/auth/signing-keys/rotate", url, email, password, data))


@keys_app.command()
def withdraw(url: Url = None, email: Email = None, password: Password = None, data: RunningData = None) -> None:
    """Replace leaked keys: every issued access token is rejected from now on, and clients must refresh."""
    _show(_order("/auth/signing-keys/withdraw", url, email, password, data))


@users_app.command()
def logout_all(url: Url = None, email: Email = None, password: Password = None, data: RunningData = None) -> None:
    """End every session: every user must sign in again."""
    ended = _order("/users/logout-all", url, email, password, data)
    screen.out.print(f"{ended['sessions']} sessions ended")


def _show(keys: Any) -> None:
    table = Table("key", "state", "made")
    for key in keys:
        table.add_row(key["kid"], key["state"], key["created_at"])
    screen.out.print(table)


def _order(path: str, url: str | None, email: str | None, password: str | None, data: RunningData) -> Any:
    """The response to the administrator's POST. Raises ProvisionError with the error message."""
    base, account = running_platform.reachable(data, url, email, password)
    with httpx.Client(base_url=base, timeout=REQUEST_SECONDS, trust_env=False) as http:
        try:
            login = http.post(f"{API}/auth/login", json=dict(zip(("email", "password"), account, strict=True)))
            token = _content(login)["access_token"]
            return _content(http.post(f"{API}{path}", headers={"Authorization": f"Bearer {token}"}))
        except httpx.TransportError as error:
            raise ProvisionError(f"{base} cannot be reached: {error}") from error


def _content(answer: httpx.Response) -> Any:
    content = answer.json()
    if answer.is_error:
        raise ProvisionError(content["message"])
    return content["data"]
