"""`python -m tests.chaos`: inject every known fault into a platform under load and check that nothing is lost."""

import argparse
import asyncio
import json
import logging
import os
import platform as machine
import random
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from dukan.errors import ProvisionError
from tests.chaos import all_faults, live
from tests.chaos.harness import Plan, run
from tests.chaos.report import Report

RESULT = Path(__file__).parents[2] / "bench" / "results" / "chaos.json"
LONG_MINUTES = 10


def main() -> int:
    args = _arguments()
    plan = Plan(args.seed, args.minutes, args.rate, args.faults)
    # With --json, nothing else is written to standard output.
    console = Console(stderr=args.json, highlight=False)
    # The harness's own connections to the broker break too; that is expected.
    logging.disable(logging.CRITICAL)
    with _folder(args.keep) as folder, live.shown(console) as view:
        try:
            report = asyncio.run(run(plan, Path(folder), console.print, lambda current: setattr(view, "run", current)))
        except ProvisionError as error:
            console.print(f"dukan: {error}")
            return 1
    _show(report, console, as_json=args.json)
    return 0 if report.clean else 1


def _folder(kept: Path | None) -> AbstractContextManager[str | Path]:
    if kept is None:
        return TemporaryDirectory(prefix="dukan-chaos-", ignore_cleanup_errors=True)
    kept.mkdir(parents=True)
    return nullcontext(kept)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dukan chaos", description="Break everything around a platform, then count.")
    parser.add_argument("--minutes", type=float, default=2, help="of load; starting and the last count come on top")
    parser.add_argument(
        "--seed",
        type=int,
        default=random.randrange(1_000_000),
        help="repeats the faults, their order and their choices",
    )
    parser.add_argument("--rate", type=float, default=15, help="checkouts per second")
    parser.add_argument("--faults", default="", help="names, separated by commas; kill-* stands for several")
    parser.add_argument("--keep", type=Path, help="a new folder for data and logs, which then stay")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.minutes <= 0 or args.rate <= 0:
        parser.error("minutes and rate are more than 0")
    if args.keep and args.keep.exists():
        parser.error(f"{args.keep} exists")
    try:
        args.faults = all_faults.chosen([name.strip() for name in args.faults.split(",") if name.strip()])
    except ValueError as error:
        parser.error(str(error))
    return args


def _show(report: Report, console: Console, *, as_json: bool) -> None:
    content = report.as_json() | {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": machine.python_version(), "system": machine.system()},
    }
    if as_json:
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
    else:
        console.print(report.as_tables())
    if report.minutes >= LONG_MINUTES:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
