"""`python -m bench`: measure, show a table with targets, write `bench/results/<name>.json` and plots."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import machine, nginx, registry, report, wrk
from bench.context import BenchContext, Unavailable
from bench.rows import Row, missing
from dukan import loops, running_platform

out = Console(stderr=True)


def main() -> None:
    args = _arguments()
    # As with Ctrl-C: end the processes and remove the files of this run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as stack:
        context = _stage(args, stack)
        try:
            names = registry.selected(args.only, context.mode)
        except ValueError as error:
            raise SystemExit(str(error)) from None
        found: dict[str, Any] = {}
        loops.run(_measure(context, names, found))
        document = report.document(context.mode, args.seconds, found["facts"], found["rows"])
        name = args.result or (context.mode if args.only is None else f"{context.mode}-partial")
        plotter = context.rivals if report.has_curves(found["rows"]) else None
        path = report.write(name, document, plotter)
    if args.json:
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        report.show(
            Console(width=max(out.width, 120)),
            f"Dukan, {context.mode} mode, {found['facts']['cores']} cores for all",
            found["rows"],
        )
    out.print(f"[dim]written to {path}[/]")


def _arguments() -> argparse.Namespace:
    names = "; ".join(f"{name}: {scenario.about}" for name, scenario in registry.SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="dukan bench", description="Measure a platform on this machine.", epilog=names
    )
    parser.add_argument("--seconds", type=float, default=6, help="for each figure")
    parser.add_argument(
        "--only", metavar="NAME,NAME", help="these scenarios; the result does not replace the last whole one"
    )
    parser.add_argument("--result", metavar="NAME", help="of the file in results/, instead of the usual one")
    parser.add_argument("--embedded", action="store_true", help="one process instead of one per service over RabbitMQ")
    parser.add_argument("--data", type=Path, help="measure the platform that runs on this data folder")
    parser.add_argument("--confirmed-rate", type=float, default=420, help="orders per second that are sustained")
    parser.add_argument("--sustained-seconds", type=float, default=60, help="for how long they are")
    parser.add_argument("--search", action="store_true", help="look for the highest rate that can be sustained")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args()


def _stage(args: argparse.Namespace, stack: ExitStack) -> BenchContext:
    given = None
    if args.data is not None and (given := running_platform.find(args.data)) is None:
        raise SystemExit(f"no platform runs on {args.data}")
    mode = given.mode if given else "embedded" if args.embedded else "processes"
    return BenchContext(
        seconds=args.seconds,
        mode=mode,
        stack=stack,
        tell=out.print,
        confirmed_rate=args.confirmed_rate,
        sustained_seconds=args.sustained_seconds,
        search=args.search,
        given=given,
    )


async def _measure(context: BenchContext, names: Sequence[str], found: dict[str, Any]) -> None:
    found["facts"] = await _facts(context, names)
    rows: dict[str, list[Row]] = {}
    found["rows"] = rows
    for name in names:
        started = time.monotonic()
        out.print(f"[bold]{name}[/]: {registry.SCENARIOS[name].about}")
        rows[name] = await _rows(context, name)
        out.print(f"[dim]  {time.monotonic() - started:.0f} s[/]")


async def _rows(context: BenchContext, name: str) -> list[Row]:
    """The rows of a scenario. A scenario that fails is reported and stops no other."""
    rows: list[Row] = []
    try:
        async for row in registry.SCENARIOS[name].run(context):
            value = "–" if row.value is None else report.number(row.value)
            out.print(f"[dim]  {row.name}: {value} {row.unit} {row.note}[/]", highlight=False)
            rows.append(row)
    except Unavailable as reason:
        rows.append(missing(name, "", str(reason)))
    except Exception as error:
        out.print_exception()
        rows.append(missing(name, "", f"FAILED: {error!r}"))
    return rows


async def _facts(context: BenchContext, names: Sequence[str]) -> Mapping[str, Any]:
    facts = machine.facts() | {"load_generator": "wrk" if wrk.installed() else "bench.wire"}
    if program := nginx.installed():
        facts["nginx"] = nginx.version(program)
    if any(registry.SCENARIOS[name].needs_broker for name in names):
        facts["postgres"] = await machine.postgres_version(context.postgres.url)
        facts["rabbitmq"] = await machine.rabbitmq_version(context.broker)
    return facts


if __name__ == "__main__":
    main()
