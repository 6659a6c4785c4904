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
from dukan.purchase_scenario import PurchaseScenario
from dukan.running_platform import RunningData, RunningPlatform
from dukan.scenario import Scenario, Step, StepError
from dukan.temporary import temporary_platform

REQUEST_SECONDS = 15.0


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    commands.command(name="demo")(demo)


class Demo(StrEnum):
    PURCHASE = "purchase"
    IDENTITY = "identity"


def demo(
    name: Annotated[Demo, typer.Argument(help="Which scenario to run.")] = Demo.PURCHASE,
    *,
    data: RunningData = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Run a purchase, with timings and its tree of events; or the life of an account."""
    platform = running_platform.find_any(data)
    with (
        nullcontext(platform) if platform else _temporary(data) as found,
        httpx.Client(base_url=found.url, timeout=REQUEST_SECONDS, trust_env=False) as http,
    ):
        scenario = _scenario(name, http, found)
        _report_json(scenario) if as_json else _report(scenario, found)


def _scenario(name: Demo, http: httpx.Client, found: RunningPlatform) -> Scenario:
    if name is Demo.IDENTITY:
        return IdentityScenario(http, found.admin(), mailbox=Path(found.data))
    return PurchaseScenario(http, found.admin())


def _report(scenario: Scenario, found: RunningPlatform) -> None:
    screen.out.print(f"At {found.url} ({found.mode})\n")
    for step in scenario.run():
        screen.out.print(f"  [green]✓[/] {step.name:<46} [dim]{step.seconds * 1000:7.0f} ms[/]  {step.detail}")
    if scenario.tree:
        screen.out.print("\nEvents, by cause:")
    for root in scenario.tree:
        screen.out.print(_branch(root, root["time"]))


def _report_json(scenario: Scenario) -> None:
    completed: list[Step] = []
    failure = None
    try:
        completed.extend(scenario.run())
    except StepError as error:
        failure = str(error)
    steps = [{"name": s.name, "ms": round(s.seconds * 1000, 1), "detail": s.detail} for s in completed]
    print(json.dumps({"ok": failure is None, "error": failure, "steps": steps, "events": scenario.tree}, indent=1))
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


def _temporary(data: Path | None) -> AbstractContextManager[RunningPlatform]:
    where = f" on {data}" if data else ""
    screen.err.print(
        f"No platform is running{where}: starting one for this demo, which is stopped and deleted after it."
    )
    return temporary_platform()
