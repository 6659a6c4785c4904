"""`python -m bench`: start a platform, load it, show a table, write `bench/results/<name>.json`."""

import argparse
import asyncio
import json
import os
import platform as machine
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.load import Result
from bench.scenarios import open_shop, scenarios
from dukan import running
from dukan.broker import provision_broker
from dukan.running import Running
from dukan.temporary import temporary_platform

RESULTS = Path(__file__).parent / "results"
REFERENCE = {"product list (20)": 250, "product detail": 500, "checkout accepted": 165}
"""Requests per second of a DRF e-commerce backend on two cores: no stock check, no payment, no broker."""

out = Console()


def main() -> None:
    args = _arguments()
    with ExitStack() as stack:
        found = stack.enter_context(_platform(args, stack))
        results = asyncio.run(_measure(found, args.seconds))
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "mode": found.mode,
        "machine": {"cores": os.cpu_count(), "python": machine.python_version(), "system": machine.system()},
        "seconds_each": args.seconds,
        "results": [result.as_json() for result in results],
    }
    if args.json:
        print(json.dumps(report, indent=1))
    else:
        _show(results, found.mode)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{found.mode}.json").write_text(json.dumps(report, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dukan bench", description="Measure a platform on this machine.")
    parser.add_argument("--seconds", type=float, default=10, help="for each scenario")
    parser.add_argument("--embedded", action="store_true", help="one process instead of one per service over RabbitMQ")
    parser.add_argument("--data", type=Path, help="measure the platform that runs on this data folder")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _platform(args: argparse.Namespace, stack: ExitStack) -> AbstractContextManager[Running]:
    if args.data:
        found = running.find(args.data)
        if found is None:
            raise SystemExit(f"no platform runs on {args.data}")
        return nullcontext(found)
    if args.embedded:
        return temporary_platform("--no-sample")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="dukan-broker-")))
    broker = stack.enter_context(provision_broker(folder, out.print))
    if broker is None:
        raise SystemExit("no RabbitMQ can be had here; --embedded needs none")
    return temporary_platform("--no-sample", "--amqp", broker)


async def _measure(found: Running, seconds: float) -> list[Result]:
    shop = await open_shop(found)
    results = []
    async for result in scenarios(shop, seconds):
        out.print(f"[dim]{result.name}: {result.rate:,.0f}/s[/]", highlight=False)
        results.append(result)
    return results


def _show(results: Sequence[Result], mode: str) -> None:
    table = Table("scenario", title=f"Dukan, {mode} mode, {os.cpu_count()} cores shared with the load generator")
    for column in ("per second", "p50 ms", "p99 ms", "× reference"):
        table.add_column(column, justify="right")
    for r in results:
        reference = REFERENCE.get(r.name)
        ratio = f"{r.rate / reference:.1f}" if reference else ""
        table.add_row(r.name, f"{r.rate:,.0f}", f"{r.p50:.1f}", f"{r.p99:.1f}", ratio)
        if r.unexpected:
            table.add_row(f"[red]  unexpected answers: {r.unexpected}[/]")
    out.print(table)


if __name__ == "__main__":
    main()
