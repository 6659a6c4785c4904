"""`dukan demo`: walk a purchase against the running platform, or against one started for the occasion."""

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.tree import Tree

from dukan import running, screen
from dukan.installation import default_data
from dukan.purchase import Purchase, Step, StepError
from dukan.running import Running
from dukan.temporary import temporary_platform

REQUEST_SECONDS = 15.0


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    commands.command(name="demo")(demo)


def demo(
    data: Annotated[Path, typer.Option("--data", help="The running platform's data folder.")] = default_data(),  # noqa: B008
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Register, browse, pay and be told about it: the whole purchase with its timing and its tree of events."""
    platform = running.find(data)
    with (
        nullcontext(platform) if platform else _started() as found,
        httpx.Client(base_url=found.url, timeout=REQUEST_SECONDS, trust_env=False) as http,
    ):
        purchase = Purchase(http, found.admin())
        _report_json(purchase) if as_json else _report(purchase, found)


def _report(purchase: Purchase, found: Running) -> None:
    screen.out.print(f"A purchase at {found.url} ({found.mode})\n")
    for step in purchase.steps():
        screen.out.print(f"  [green]✓[/] {step.name:<32} [dim]{step.seconds * 1000:7.0f} ms[/]  {step.detail}")
    screen.out.print("\nWhat caused what:")
    for root in purchase.tree:
        screen.out.print(_branch(root, root["time"]))


def _report_json(purchase: Purchase) -> None:
    done: list[Step] = []
    failure = None
    try:
        done.extend(purchase.steps())
    except StepError as error:
        failure = str(error)
    steps = [{"name": s.name, "ms": round(s.seconds * 1000, 1), "detail": s.detail} for s in done]
    print(json.dumps({"ok": failure is None, "error": failure, "steps": steps, "events": purchase.tree}, indent=1))
    if failure:
        raise typer.Exit(1)


def _branch(node: dict[str, Any], start: str, into: Tree | None = None) -> Tree:
    """The causal tree, each event with the milliseconds since the first."""
    since = (_seconds(node["time"]) - _seconds(start)) * 1000
    label = f"{node['type']} [dim]+{since:.0f} ms[/]"
    tree = into.add(label) if into else Tree(label)
    for child in node["children"]:
        _branch(child, start, tree)
    return tree


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _started() -> AbstractContextManager[Running]:
    screen.err.print("No platform runs here: starting one for the demo.")
    return temporary_platform()
