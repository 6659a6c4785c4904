"""`dukan demo`: run a scenario against the running platform, or against a temporary one."""

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.tree import Tree

from dukan import running_platform, screen
from dukan.identity_scenario import IdentityScenario
from dukan.installation import default_data
from dukan.purchase_scenario import Purchase
from dukan.running_platform import RunningPlatform
from dukan.scenario import Scenario, Step, StepError
from dukan.temporary import temporary_platform

REQUEST_SECONDS = 15.0


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    commands.command(name="demo")(demo)


class Tour(StrEnum):
    PURCHASE = "purchase"
    IDENTITY = "identity"


def demo(
    tour: Annotated[Tour, typer.Argument(help="What to walk through.")] = Tour.PURCHASE,
    *,
    data: Annotated[Path, typer.Option("--data", help="The running platform's data folder.")] = default_data(),  # noqa: B008
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Run a purchase, with timings and its tree of events; or the life of an account."""
    platform = running_platform.find(data)
    with (
        nullcontext(platform) if platform else _started() as found,
        httpx.Client(base_url=found.url, timeout=REQUEST_SECONDS, trust_env=False) as http,
    ):
        walk = _walk(tour, http, found)
        _report_json(walk) if as_json else _report(walk, found)


def _walk(tour: Tour, http: httpx.Client, found: RunningPlatform) -> Scenario:
    if tour is Tour.IDENTITY:
        return IdentityScenario(http, found.admin(), mailbox=Path(found.data))
    return Purchase(http, found.admin())


def _report(walk: Scenario, found: RunningPlatform) -> None:
    screen.out.print(f"At {found.url} ({found.mode})\n")
    for step in walk.steps():
        screen.out.print(f"  [green]✓[/] {step.name:<46} [dim]{step.seconds * 1000:7.0f} ms[/]  {step.detail}")
    if walk.tree:
        screen.out.print("\nWhat caused what:")
    for root in walk.tree:
        screen.out.print(_branch(root, root["time"]))


def _report_json(walk: Scenario) -> None:
    done: list[Step] = []
    failure = None
    try:
        done.extend(walk.steps())
    except StepError as error:
        failure = str(error)
    steps = [{"name": s.name, "ms": round(s.seconds * 1000, 1), "detail": s.detail} for s in done]
    print(json.dumps({"ok": failure is None, "error": failure, "steps": steps, "events": walk.tree}, indent=1))
    if failure:
        raise typer.Exit(1)


def _branch(node: dict[str, Any], start: str, into: Tree | None = None) -> Tree:
    """The causal tree; each event with the milliseconds since the first."""
    since = (_seconds(node["time"]) - _seconds(start)) * 1000
    label = f"{node['type']} [dim]+{since:.0f} ms[/]"
    tree = into.add(label) if into else Tree(label)
    for child in node["children"]:
        _branch(child, start, tree)
    return tree


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _started() -> AbstractContextManager[RunningPlatform]:
    screen.err.print("No platform runs here: starting one for the demo.")
    return temporary_platform()
