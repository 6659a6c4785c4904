"""`dukan demo`: walk a purchase against the running platform, or against one started for the occasion."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.tree import Tree

from dukan import running, screen
from dukan.errors import ProvisionError
from dukan.installation import default_data
from dukan.ports import free_port, is_free
from dukan.purchase import Purchase, Step, StepError
from dukan.running import Running
from dukan.services import PORTS

START_SECONDS = 90.0
STOP_SECONDS = 15.0
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
        _found(platform) if platform else _started() as found,
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


@contextmanager
def _found(platform: Running) -> Iterator[Running]:
    yield platform


@contextmanager
def _started() -> Iterator[Running]:
    """A platform of our own in a temporary folder, stopped and removed afterwards."""
    screen.err.print("No platform runs here: starting one for the demo.")
    with tempfile.TemporaryDirectory(prefix="dukan-demo-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        with (data / "up.log").open("w") as log:
            command = [sys.executable, "-m", "dukan", "up", "--data", str(data), "--port", str(_free_range())]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                yield _wait(process, data)
            finally:
                _stop(process)


def _wait(process: subprocess.Popen[bytes], data: Path) -> Running:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ProvisionError((data / "up.log").read_text().strip() or "the platform did not start")
        if platform := running.find(data):
            return platform
        time.sleep(0.1)
    raise ProvisionError(f"the platform was not ready after {START_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM if os.name == "posix" else signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _free_range() -> int:
    """A port whose successors are free too; the services follow the gateway's."""
    for _ in range(50):
        port = free_port()
        if port < 65000 and all(is_free(port + offset) for offset in PORTS.values()):
            return port
    raise ProvisionError("no eight free ports in a row")
